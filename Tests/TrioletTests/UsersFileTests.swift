import Foundation
import TestSupport
import Testing

@testable import triolet

struct UsersFileTests {
    private static let key = "keys: [{ access_key: AKIA, secret_key: long-enough }]"

    private static func complaint(_ text: String) -> String? {
        do throws(SecretFile.Refused) {
            _ = try UsersFile(parsing: text, "users.yaml")
            return nil
        } catch { return error.description }
    }

    @Test("Users have ids and accounts of their own, given or made of their names")
    func users() throws {
        let text = """
            users:
              - { name: alice, \(Self.key) }
              - name: bob
                id: bobs-canonical-id
                account: "123456789012"
                email: bob@example.com
                keys:
                  - { access_key: AKIABOB1, secret_key: long-enough-1 }
                  - { access_key: AKIABOB2, secret_key: long-enough-2 }
            """
        let users = try UsersFile(parsing: text, "users.yaml").users
        try #require(users.count == 2)
        #expect(users[0].id.utf8.count == 64 && users[0].account.utf8.count == 12)
        #expect(users[1].id == "bobs-canonical-id" && users[1].keys.count == 2)
        #expect(users[1].email == "bob@example.com" && users[0].email == nil)
        #expect(try UsersFile(parsing: text, "users.yaml").users == users)
    }

    @Test(
        "What is wrong is said, and no secret with it",
        arguments: [
            ("users: [{ name: a }]", "keys is missing"), ("nobody: []", "users is missing"),
            ("users: [{ name: a, keys: [] }]", "there is no key"), (": [", "cannot be read"),
            ("users: [{ name: '', KEY }]", "1 to 64 bytes"),
            ("users: [{ name: a, account: '12', KEY }]", "12 digits"),
            ("users: [{ name: a, id: anonymous, KEY }]", "printable"),
            (
                "users: [{ name: a, keys: [{ access_key: AKIA, secret_key: secret }] }]",
                "at least 8"
            ),
            ("users: [{ name: a, KEY }, { name: a, KEY }]", "the name a is there twice"),
            ("users: [{ name: a, KEY }, { name: b, KEY }]", "the access key AKIA is there twice"),
        ]
    )
    func refused(text: String, complaint: String) throws {
        let text = text.replacing("KEY", with: Self.key)
        let found = try #require(Self.complaint(text))
        #expect(found.contains(complaint), "\(found)")
        #expect(!found.contains("long-enough") && !found.contains("secret:"))
    }

    @Test("A file that every user of the machine may read is refused")
    func permissions() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("users.yaml", "users: [{ name: a, \(Self.key) }]")
        _ = try await NodeConfiguration.load(flags: ["--users-file", file], environment: [:])
        try FileManager.default.setAttributes(
            [.posixPermissions: NSNumber(value: 0o644)],
            ofItemAtPath: file
        )
        await #expect(throws: ConfigurationError.self) {
            _ = try await NodeConfiguration.load(
                flags: ["--users-file", file],
                environment: [:]
            )
        }
    }
}
