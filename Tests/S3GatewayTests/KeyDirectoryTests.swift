import Content
import Coordinator
import Runtime
import S3Gateway
import S3Protocol
import StoreModel
import Synchronization
import Testing

struct KeyDirectoryTests {
    /// A directory with a clock that is moved by hand.
    private struct Subject {
        let time = TestTime(seconds: TestServer.start)
        let store = MemoryKeys()
        let background = TestBackground()
        let directory: KeyDirectory

        init() {
            self.directory = KeyDirectory(
                fixed: TestServer.users,
                store: self.store,
                doors: Doors(
                    time: self.time,
                    random: TestRandom(),
                    background: self.background,
                    workers: InlineWorkers()
                )
            )
        }

        func knows(_ id: String) async throws -> Bool {
            try await self.directory.credential(for: id) != nil
        }

        /// Waits until no read is under way.
        func settle() async { await self.background.settle() }
    }

    @Test("A key counts at once, and costs no read as long as the last one is young")
    func reads() async throws {
        let test = Subject()
        #expect(try await test.knows("AKIANEW") == false)
        #expect(test.store.reads == 1)
        test.store.add("AKIANEW", user: "carol")
        test.time.advance(milliseconds: 300)
        #expect(try await test.knows("AKIANEW"))
        #expect(test.store.reads == 2)
        test.time.advance(milliseconds: 1_900)
        for _ in 0..<10 { #expect(try await test.knows("AKIANEW")) }
        #expect(test.store.reads == 2)
        // The next read is begun behind this request, which has its answer from the last one.
        test.time.advance(milliseconds: 200)
        test.store.hold()
        #expect(try await test.knows("AKIANEW"))
        test.store.release()
        await test.settle()
        #expect(test.store.reads == 3)
    }

    @Test("A deleted key is refused 5 s later at the latest, also while reads fail")
    func deletion() async throws {
        for fails in [false, true] {
            let test = Subject()
            test.store.add("AKIANEW", user: "carol")
            #expect(try await test.knows("AKIANEW"))
            test.store.remove("AKIANEW")
            if fails { test.store.fail(.quorumUnavailable) }
            test.time.advance(milliseconds: 4_999)
            // Begins a read behind itself; what was read before still counts.
            #expect(try await test.knows("AKIANEW"))
            await test.settle()
            test.time.advance(milliseconds: 2)
            if fails {
                await #expect(throws: ClusterError.self) { try await test.knows("AKIANEW") }
            } else {
                #expect(try await test.knows("AKIANEW") == false)
            }
            #expect(try await test.knows(TestServer.accessKey), "The root key needs no read.")
        }
    }

    @Test("Whoever tries keys has the list read four times a second, no more")
    func flood() async throws {
        let test = Subject()
        for number in 0..<1_000 {
            #expect(try await test.knows("AKIA\(number)") == false)
            test.time.advance(milliseconds: 1)
        }
        await test.settle()
        #expect((4...5).contains(test.store.reads))
    }

    @Test("A read that began before a key was made is not taken for an answer about it")
    func overlap() async throws {
        let test = Subject()
        #expect(try await test.knows("AKIANEW") == false)
        test.time.advance(milliseconds: 300)
        test.store.hold()
        async let early = test.knows("AKIANEW")
        await test.store.isHeld()
        test.store.add("AKIANEW", user: "carol")
        test.time.advance(milliseconds: 300)
        async let late = test.knows("AKIANEW")
        for _ in 0..<100 { await Task.yield() }
        test.store.release()
        _ = try await early
        #expect(try await late)
    }

    @Test("Users of keys have names and may be granted something; the settings come first")
    func users() async throws {
        let test = Subject()
        test.store.add("AKIANEW", user: "carol")
        test.store.add("AKIAALICE", user: "mallory")
        #expect(await test.directory.users().user(id: "carol-id")?.displayName == "carol")
        #expect(try await test.directory.credential(for: "AKIAALICE")?.owner == TestServer.alice)
        test.store.add("AKIADAVE", user: "dave")
        test.time.advance(milliseconds: 300)
        #expect(try await test.directory.usersNow().user(id: "dave-id")?.displayName == "dave")
    }

    @Test("A key that was made while the server runs signs requests, until it is deleted")
    func requests() async throws {
        let test = Subject()
        try await TestServer.run(credentials: test.directory) { server in
            let carol = server.as("AKIACAROL")
            let before = try await carol.send("PUT", "/carols")
            #expect(before.status == 403 && before.text.contains("<Code>InvalidAccessKeyId</Code>"))
            test.store.add("AKIACAROL", user: "carol")
            test.time.advance(milliseconds: 300)
            #expect(try await carol.send("PUT", "/carols").status == 200)
            #expect(try await carol.send("GET", "/src/o").status == 403)
            let list = try await carol.send("GET", "/").text
            #expect(list.contains("<ID>carol-id</ID><DisplayName>carol</DisplayName>"))
            #expect(list.contains("<Name>carols</Name>") && !list.contains("<Name>src</Name>"))
            // A second key is the same user; another user may be granted something by its id.
            test.store.add("AKIACAROL2", user: "carol")
            test.time.advance(milliseconds: 300)
            #expect(try await server.as("AKIACAROL2").send("HEAD", "/carols").status == 200)
            let grant = try await server.send(
                "PUT",
                "/src/o?acl",
                ["x-amz-grant-read": "id=carol-id"]
            )
            #expect(grant.status == 200)
            #expect(try await carol.send("GET", "/src/o").status == 200)
            let shown = try await server.send("GET", "/src/o?acl").text
            #expect(shown.contains("<DisplayName>carol</DisplayName>"))
            test.store.remove("AKIACAROL")
            test.time.advance(milliseconds: 5_001)
            let after = try await carol.send("GET", "/src/o")
            #expect(after.status == 403 && after.text.contains("<Code>InvalidAccessKeyId</Code>"))
            #expect(after.text.contains("<AWSAccessKeyId>AKIACAROL</AWSAccessKeyId>"))
            #expect(try await server.as("AKIACAROL2").send("GET", "/src/o").status == 200)
            test.store.fail(.quorumUnavailable)
            test.time.advance(milliseconds: 5_001)
            let unknown = try await server.as("AKIACAROL2").send("GET", "/src/o")
            #expect(unknown.status == 503)
            #expect(try await server.send("GET", "/src/o").status == 200)
        }
    }
}

/// The keys of a cluster, in memory.
final class MemoryKeys: AccessKeyStore {
    private struct State {
        var keys: [AccessKey] = []
        var reads = 0
        var failure: ClusterError.Code?
        /// Reads wait for this.
        var gate: Eventual<Void>?
        var held: Eventual<Void>?
    }

    private let state = Mutex(State())

    var reads: Int { self.state.withLock { $0.reads } }

    func add(_ id: String, user: String) {
        let account = String(repeating: "9", count: 10) + "\(10 + user.utf8.count)"
        let key = AccessKey(
            id: id,
            secret: HiddenText(TestServer.secretText),
            user: KeyUser(id: "\(user)-id", name: user, account: account)
        )
        self.state.withLock { $0.keys.append(key) }
    }

    func remove(_ id: String) { self.state.withLock { $0.keys.removeAll { $0.id == id } } }

    func fail(_ code: ClusterError.Code) { self.state.withLock { $0.failure = code } }

    /// Has reads wait that begin now.
    func hold() {
        self.state.withLock { state in
            state.gate = Eventual()
            state.held = Eventual()
        }
    }

    /// Returns when a read waits.
    func isHeld() async { await self.state.withLock { $0.held }?.value }

    func release() {
        self.state.withLock { state in
            defer { state.gate = nil }
            return state.gate
        }?.fulfil(())
    }

    func accessKeys() async throws(ClusterError) -> [AccessKey] {
        let (keys, failure, gate, held) = self.state.withLock { state in
            state.reads += 1
            defer { state.held = nil }
            return (state.keys, state.failure, state.gate, state.held)
        }
        held?.fulfil(())
        await gate?.value
        if let failure { throw ClusterError(failure, "read the access keys") }
        return keys
    }

    func change(
        _ change: AccessKeysChange
    ) async throws(ClusterError) -> AccessKeysChange.Outcome { .absent }
}

/// Work behind requests, which a test waits for.
final class TestBackground: Background {
    private let tasks = Mutex<[Task<Void, Never>]>([])

    @discardableResult
    func run(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        let task = Task { await work() }
        self.tasks.withLock { $0.append(task) }
        return task
    }

    func settle() async {
        for task in self.tasks.withLock({ $0 }) { await task.value }
    }
}
