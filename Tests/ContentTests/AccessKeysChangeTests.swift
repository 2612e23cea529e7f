import Content
import Register
import StoreModel
import Testing

struct AccessKeysChangeTests {
    private static let ballot = Ballot(round: 9, node: 0, incarnation: 1, sequence: 0)
    private static let alice = KeyUser(id: "a1", name: "alice", account: "000000000001")

    private static func key(_ id: String, _ user: KeyUser = alice) -> AccessKey {
        AccessKey(id: id, secret: HiddenText("long-enough"), user: user)
    }

    private static func value(_ keys: [AccessKey]) -> RegisterValue {
        RegisterValue(
            changeNumber: 1,
            lineage: [],
            body: AccessKeysRecord(keys).encoded,
            hasGarbage: false
        )
    }

    /// What becomes of the keys; nil if nothing is written.
    private static func apply(
        _ change: AccessKeysChange,
        to value: RegisterValue?
    ) throws -> (keys: [AccessKey]?, outcome: AccessKeysChange.Outcome) {
        switch try change.apply(to: value, ballot: Self.ballot) {
        case .write(let body, _, _, let outcome):
            (try body.map { try AccessKeysRecord(decoding: $0).keys } ?? [], outcome)
        case .keep(let outcome): (nil, outcome)
        case .retry: throw RecordError.invalid("no ceiling here")
        }
    }

    @Test("A key is created once, and the last one that is deleted leaves no record")
    func life() throws {
        let (first, second) = (Self.key("AKIA1"), Self.key("AKIA2"))
        #expect(try Self.apply(.create(second), to: nil) == ([second], .created))
        #expect(
            try Self.apply(.create(first), to: Self.value([second])) == ([first, second], .created)
        )
        let taken = Self.key("AKIA2", KeyUser(id: "b", name: "bob", account: "000000000002"))
        #expect(try Self.apply(.create(taken), to: Self.value([second])) == (nil, .idTaken))
        #expect(
            try Self.apply(.delete(id: "AKIA1"), to: Self.value([first, second]))
                == ([second], .deleted(first))
        )
        #expect(try Self.apply(.delete(id: "AKIA3"), to: Self.value([first])) == (nil, .absent))
        let last = try AccessKeysChange.delete(id: "AKIA1")
            .apply(to: Self.value([first]), ballot: Self.ballot)
        guard case .write(body: nil, _, _, .deleted) = last else {
            Issue.record("\(last)")
            return
        }
    }

    @Test(
        "One name is one user: neither a name, an id nor an account goes to another",
        arguments: [
            KeyUser(id: "a2", name: "alice", account: "000000000009"),
            KeyUser(id: "a1", name: "mallory", account: "000000000009"),
            KeyUser(id: "a2", name: "mallory", account: "000000000001"),
        ]
    )
    func users(other: KeyUser) throws {
        let value = Self.value([Self.key("AKIA1")])
        #expect(
            try Self.apply(.create(Self.key("AKIA2", other)), to: value)
                == (nil, .userDiffers(Self.alice))
        )
    }

    @Test("There are at most 1,000 keys, and one may be made again when one is gone")
    func bound() throws {
        let keys = (0..<Limit.accessKeys).map { Self.key("KEY\(10_000 + $0)") }
        #expect(try Self.apply(.create(Self.key("AKIA1")), to: Self.value(keys)) == (nil, .full))
        let fewer = Self.value(Array(keys.dropLast()))
        #expect(try Self.apply(.create(Self.key("AKIA1")), to: fewer).outcome == .created)
    }

    @Test("Whoever prints a key prints no secret")
    func secrets() {
        let key = Self.key("AKIA1")
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", "\(AccessKeysChange.create(key))", String(reflecting: key), dumped] {
            #expect(!text.contains("long-enough") && text.contains("AKIA1"))
        }
    }
}
