import AdminAPI
import StoreModel
import Testing

@testable import triolet

struct KeyRosterTests {
    private static func settings() throws -> KeyRoster.Settings {
        let text = """
            users:
              - name: alice
                id: alice-id
                keys: [{ access_key: FILE1, secret_key: long-enough }]
            """
        return KeyRoster.Settings(
            rootKey: "ROOTKEY",
            users: try UsersFile(parsing: text, "users.yaml").users
        )
    }

    private static func key(_ id: String, _ user: String = "bob") -> AccessKey {
        let made = UsersFile.identity(of: user)
        return AccessKey(
            id: id,
            secret: HiddenText("long-enough"),
            user: KeyUser(id: made.id, name: user, account: made.account),
            created: HybridTime(microseconds: 1_700_000_000_000_000)
        )
    }

    private static func roster(_ keys: [AccessKey] = []) throws -> KeyRoster {
        KeyRoster(try Self.settings(), keys)
    }

    private static func new(
        _ request: KeyRequest,
        _ keys: [AccessKey] = []
    ) throws -> AccessKey {
        try Self.roster(keys).newKey(request, drawn: ("TRIODRAWN", Secret("drawn-secret")))
    }

    private static func refusal(_ body: () throws -> Void) -> AdminRefusal? {
        do { try body() } catch { return error as? AdminRefusal }
        return nil
    }

    @Test("A new key has a user of its own, or the one that is named")
    func users() throws {
        let own = try Self.new(KeyRequest())
        #expect(own.id == "TRIODRAWN" && own.user.name == "TRIODRAWN")
        #expect(own.secret.revealed == "drawn-secret" && own.label.isEmpty)
        let named = try Self.new(KeyRequest(name: "backup"))
        #expect(named.user.name == "backup" && named.label == "backup")
        let carol = try Self.new(KeyRequest(user: "carol", name: "laptop"))
        let again = try Self.new(KeyRequest(user: "carol"), [Self.key("OTHER", "carol")])
        #expect(carol.user == again.user && carol.user.id.utf8.count == 64)
        let filed = try Self.new(KeyRequest(user: "alice"))
        #expect(filed.user.id == "alice-id")
        let given = try Self.new(KeyRequest(accessKey: "AKIA1", secretKey: "given-secret"))
        #expect(given.id == "AKIA1" && given.secret.revealed == "given-secret")
    }

    @Test("What cannot be a key is refused, and no secret is said with it")
    func refused() throws {
        let keys = [Self.key("BOB1"), Self.key("BOB2")]
        let cases: [(KeyRequest, AdminRefusal.Kind, String)] = [
            (KeyRequest(user: "root"), .invalid, "setting"),
            (KeyRequest(user: "a/b"), .invalid, "user's name"),
            (KeyRequest(user: "anonymous"), .invalid, "user's name"),
            (KeyRequest(name: "bob"), .conflict, "there is a user bob"),
            (KeyRequest(accessKey: "AKIA1"), .invalid, "both halves"),
            (KeyRequest(accessKey: "A/B/C", secretKey: "given-secret"), .invalid, "access key has"),
            (KeyRequest(accessKey: "AKIA1", secretKey: "s3cret"), .invalid, "secret key 8"),
            (KeyRequest(accessKey: "ROOTKEY", secretKey: "given-secret"), .conflict, "root key"),
            (KeyRequest(accessKey: "FILE1", secretKey: "given-secret"), .conflict, "users file"),
            (KeyRequest(accessKey: "BOB1", secretKey: "given-secret"), .conflict, "delete it"),
        ]
        for (request, kind, part) in cases {
            let refusal = Self.refusal { _ = try Self.new(request, keys) }
            #expect(refusal?.kind == kind, "\(part)")
            #expect(refusal?.message.contains(part) == true, "\(part)")
            #expect(refusal?.message.contains("given-secret") == false)
        }
    }

    @Test("A key is named by its id or the beginning of it, if only one begins like that")
    func names() throws {
        let roster = try Self.roster([
            Self.key("TRIOAB12"), Self.key("TRIOAC34"), Self.key("ROOTKEY"),
        ])
        #expect(roster.keys.map(\.id) == ["ROOTKEY", "FILE1", "TRIOAB12", "TRIOAC34"])
        #expect(roster.keys.map(\.source) == [.root, .file, .cluster, .cluster])
        #expect(try roster.key("TRIOAB12").user.name == "bob")
        #expect(try roster.key("TRIOAC").id == "TRIOAC34")
        #expect(try roster.key("FILE").user.id == "alice-id")
        #expect(try roster.key("ROOT").source == .root)
        #expect(Self.refusal { _ = try roster.key("TRIOA") }?.kind == .conflict)
        #expect(Self.refusal { _ = try roster.key("FIL") }?.kind == .unknown)
        #expect(Self.refusal { _ = try roster.key("NONE") }?.kind == .unknown)
    }

    @Test("Records' ids are shown with names, also of users of the settings")
    func owners() throws {
        let roster = try Self.roster([Self.key("BOB1")])
        #expect(roster.user("").name == "root")
        #expect(roster.user("alice-id").name == "alice")
        #expect(roster.user(UsersFile.identity(of: "bob").id).name == "bob")
        #expect(roster.user("gone").name.isEmpty)
    }
}
