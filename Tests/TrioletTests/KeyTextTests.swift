import AdminAPI
import ArgumentParser
import Testing

@testable import triolet

struct KeyTextTests {
    private let user = KeyReport.User(id: "alice-id", name: "alice", account: "000000000001")

    private var key: KeyReport {
        KeyReport(
            id: "TRIO1",
            name: "laptop",
            user: self.user,
            source: .cluster,
            created: 1_700_000_000.5
        )
    }

    @Test("Keys are a table, and no line of it has a secret")
    func table() {
        let root = KeyReport(id: "ROOT", name: "", user: self.user, source: .root)
        #expect(
            TextTable.lines(KeyText.table([root, self.key])) == [
                "key    name    user   from      created",
                "ROOT   -       alice  root key  -",
                "TRIO1  laptop  alice  cluster   2023-11-14T22:13:20Z",
            ]
        )
        #expect(KeyText.lines(root).last == "may:      everything")
    }

    @Test("A grant is one line: who, where and what")
    func grant() {
        var grant = GrantReport(
            bucket: "photos",
            user: self.user,
            read: true,
            write: true,
            owner: false
        )
        #expect(KeyText.line(grant) == "alice on photos: read, write")
        (grant.read, grant.write, grant.user.name) = (false, false, "")
        #expect(KeyText.line(grant) == "alice-id on photos: nothing granted")
    }

    @Test("The secret of a new key is shown, and the lines say that it was the only time")
    func new() {
        let lines = KeyText.lines(NewKey(key: self.key, secretKey: "s3cret"))
        #expect(lines.contains("secret key:  s3cret"))
        #expect(lines.contains { $0.contains("only time") })
    }

    @Test("A bucket's lines say whose it is and what has been granted")
    func bucket() {
        var report = BucketReport(
            name: "photos",
            created: 1_700_000_000,
            owner: .init(id: "gone", name: "", account: ""),
            versioning: "never",
            settings: []
        )
        report.grants = [
            GrantReport(bucket: "photos", user: self.user, read: false, write: false, owner: true)
        ]
        let lines = BucketText.lines(report)
        #expect(lines.contains("owner:       gone") && lines.contains("settings:    none"))
        #expect(lines.last == "granted:     alice on photos: owner")
    }

    @Test(
        "What is missing or does not go together is said before anybody is asked",
        arguments: [
            ["key", "grant", "TRIO1", "photos"], ["key", "grant", "TRIO1", "--read"],
            ["key", "create", "--access-key", "AKIA1"], ["key", "delete"], ["bucket", "create"],
        ]
    )
    func usage(arguments: [String]) {
        #expect(throws: (any Error).self) { try Triolet.parseAsRoot(arguments) }
    }

    @Test("Nothing is deleted without being sure", arguments: ["key", "bucket"])
    func sure(noun: String) async throws {
        var command = try Triolet.parseAsRoot([noun, "delete", "TRIO1"])
        do {
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Issue.record("It was deleted.")
        } catch let failure as Failure {
            #expect(failure.kind == .usage && failure.description.contains("--yes"))
        }
    }

    @Test("A name is one part of a path, whatever is in it")
    func path() {
        #expect(AccessPort.escaped("a/b?c#d%e") == "a%2Fb%3Fc%23d%25e")
        #expect(AccessPort.escaped("TRIO1.x-y_z") == "TRIO1.x-y_z")
    }
}
