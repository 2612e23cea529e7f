import Foundation
import NIOCore
import TestSupport
import Testing

@testable import triolet

struct LocalClusterTests {
    @Test("A process is known by its id and its start, so nobody else is signalled for it")
    func processIdentity() throws {
        let directory = try TemporaryDirectory()
        let own = try #require(ChildProcess(id: getpid()))
        #expect(own.isRunning)
        let file = directory.path + "/pid"
        try own.remember(in: file)
        #expect(ChildProcess(file: file) == own)
        let other = try directory.file("other", "\(getpid()) \(own.startTicks + 1)\n")
        #expect(ChildProcess(file: other)?.isRunning == false)
        for text in ["", "x 1", "-5 1", "5"] {
            #expect(ChildProcess(file: try directory.file("bad", text)) == nil)
        }
    }

    @Test("A process that was ended is seen to end, and is not signalled any more")
    func processEnd() async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = ["600"]
        try process.run()
        let child = try #require(ChildProcess(id: process.processIdentifier))
        #expect(await !child.ended(within: .milliseconds(50)))
        child.send(SIGKILL)
        #expect(await child.ended(within: .seconds(5)))
    }

    @Test("A data directory serves one node at a time, and says who has it")
    func oneNodePerDirectory() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/new/data"
        let held = try DataDirectory.hold(path)
        let refusal = #expect(throws: Failure.self) { try DataDirectory.hold(path) }
        #expect(refusal?.description.contains("process \(getpid())") == true)
        #expect(try held.space().sizeBytes > 0)
    }

    @Test("A root key is made once, and only its owner can read it")
    func rootKey() throws {
        let directory = try TemporaryDirectory()
        let key = try RootKeyFile.readOrCreate(in: directory.path)
        #expect(try RootKeyFile.readOrCreate(in: directory.path) == key)
        #expect(key.accessKey.hasPrefix("TRIO"))
        #expect(key.accessKey.count == 20)
        #expect(key.secretKey.text.count == 40)
        let attributes = try FileManager.default.attributesOfItem(
            atPath: directory.path + "/" + RootKeyFile.name
        )
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test("A node of a local cluster does not inherit settings that are each node's own")
    func childEnvironment() {
        let environment = LocalCluster.environment([
            "TRIOLET_NODE_NAME": "x", "TRIOLET_PEER_SECRET": "x", "TRIOLET_CONFIG": "x",
            "TRIOLET_BUCKETS": "raw", "TRIOLET_LOG_LEVEL": "debug", "PATH": "/bin",
            "TRIOLET_ROOT_ACCESS_KEY": "x",
        ])
        #expect(
            environment == [
                "TRIOLET_BUCKETS": "raw", "TRIOLET_LOG_LEVEL": "debug", "PATH": "/bin",
            ]
        )
    }

    @Test("Every client that is offered has settings, with the keys and the address in them")
    func clientSettings() {
        let settings = ClientSettings(
            address: SocketName(host: "127.0.0.1", port: 7_330),
            region: "us-east-1",
            key: .init(accessKey: "ACCESS", secretKey: Secret("SECRET"))
        )
        for name in ClientSettings.names {
            let text = settings.text(for: name) ?? ""
            for part in ["ACCESS", "SECRET", "127.0.0.1:7330"] {
                #expect(text.contains(part), "\(name) lacks \(part)")
            }
        }
        #expect(settings.text(for: "netscape") == nil)
    }
}

struct DemoTests {
    @Test("Made-up content is the same at every reading, and as long as asked for")
    func content() throws {
        let content = DemoContent.generated(bytes: 2_500_001)
        var reader = try content.reader()
        var count = 0
        while let part = try reader.next() { count += part.readableBytes }
        #expect(count == 2_500_001)
        #expect(try content.hash() == content.hash())
        #expect(try DemoContent.generated(bytes: 2_500_000).hash() != content.hash())
    }

    @Test("Samples of several nodes are added up by name and labels")
    func samples() {
        var before = MetricSample()
        before.add("# TYPE a counter\na{how=\"x\"} 1\na{how=\"y\"} 2\nab 100\n")
        var after = MetricSample()
        after.add("a{how=\"x\"} 5\na{how=\"y\"} 2\nab 100\n")
        after.add("a{how=\"x\"} 1\nbroken\n")
        #expect(after.sum("a") == 8)
        #expect(after.sum("a", ["how": "x"]) == 6)
        #expect(after.more(than: before, "a", ["how": "x"]) == 5)
        #expect(after.more(than: before, "ab") == 0)
        #expect(after.sum("missing") == 0)
    }
}
