import Content
import Coordinator
import SimulatedRuntime
import StoreModel
import Testing

struct AccessKeyTests {
    private static func user(_ name: String) -> KeyUser {
        let account = String(repeating: "0", count: 9) + "\(100 + name.utf8.count)"
        return KeyUser(id: "id-of-\(name)", name: name, account: account)
    }

    private static func key(_ id: String, of user: KeyUser = user("alice")) -> AccessKey {
        AccessKey(id: id, secret: HiddenText("secret-of-\(id)"), user: user)
    }

    @Test("A key made through one node is there through all, and gone from all when it is deleted")
    func everywhere() throws {
        try TestCluster.run { cluster in
            for node in cluster.nodes { #expect(try await node.coordinator.accessKeys() == []) }
            #expect(try await cluster[0].change(.create(Self.key("AKIA2"))) == .created)
            #expect(try await cluster[1].change(.create(Self.key("AKIA1"))) == .created)
            for node in cluster.nodes {
                let keys = try await node.coordinator.accessKeys()
                #expect(keys.map(\.id) == ["AKIA1", "AKIA2"])
                #expect(keys.map(\.secret.revealed) == ["secret-of-AKIA1", "secret-of-AKIA2"])
                #expect(keys.allSatisfy { $0.created.microseconds > 0 })
            }
            #expect(try await cluster[2].change(.create(Self.key("AKIA1"))) == .idTaken)
            guard case .deleted = try await cluster[2].change(.delete(id: "AKIA1")) else {
                Issue.record("not deleted")
                return
            }
            #expect(try await cluster[0].change(.delete(id: "AKIA1")) == .absent)
            for node in cluster.nodes {
                #expect(try await node.coordinator.accessKeys().map(\.id) == ["AKIA2"])
            }
        }
    }

    @Test(
        "Of two that make the same key at once one does, and no other change is lost",
        arguments: UInt64(1)...20
    )
    func races(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let (alice, bob) = (Self.user("alice"), Self.user("bob"))
            async let first = cluster[0].change(.create(Self.key("SAME", of: alice)))
            async let second = cluster[1].change(.create(Self.key("SAME", of: bob)))
            async let third = cluster[2].change(.create(Self.key("OTHER", of: bob)))
            let outcomes = [try await first, try await second]
            #expect(try await third == .created)
            #expect(outcomes.count { $0 == .created } == 1)
            #expect(outcomes.count { $0 == .idTaken } == 1)
            let winner = outcomes[0] == .created ? alice : bob
            for node in cluster.nodes {
                let keys = try await node.coordinator.accessKeys()
                #expect(keys.map(\.id) == ["OTHER", "SAME"])
                #expect(keys.map(\.user) == [bob, winner])
            }
        }
    }

    @Test("Keys survive the loss of a node, and are not made up where no majority answers")
    func loss() throws {
        try TestCluster.run { cluster in
            #expect(try await cluster[0].change(.create(Self.key("AKIA1"))) == .created)
            cluster.nodes[1].machine.crash()
            #expect(try await cluster[0].accessKeys().map(\.id) == ["AKIA1"])
            #expect(try await cluster[2].change(.create(Self.key("AKIA2"))) == .created)
            cluster.nodes[2].machine.crash()
            let unread = await code { _ = try await cluster[0].accessKeys() }
            #expect(unread == .quorumUnavailable)
            let refused = await code { _ = try await cluster[0].change(.delete(id: "AKIA1")) }
            #expect(refused == .quorumUnavailable)
            let again = try await cluster.restarted(2)
            #expect(try await again[0].accessKeys().map(\.id) == ["AKIA1", "AKIA2"])
        }
    }

    @Test("Reading all keys is one round trip, and making one is two")
    func cost() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let made = try await cluster.roundTrips {
                _ = try await cluster[0].change(.create(Self.key("AKIA1")))
            }
            #expect(made == 2)
            let read = try await cluster.roundTrips {
                _ = try await cluster[1].accessKeys()
            }
            #expect(read == 1)
        }
    }
}
