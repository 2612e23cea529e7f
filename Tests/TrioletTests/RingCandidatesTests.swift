import AdminAPI
import Placement
import StoreModel
import Testing

@testable import triolet

struct RingCandidatesTests {
    private static func node(_ high: UInt64, _ name: String) -> LayoutNode {
        LayoutNode(
            id: NodeID(high: high, low: 1),
            name: name,
            zone: "z",
            capacityBytes: 1,
            address: "\(name):\(high >> 60)"
        )
    }

    private let old = Self.node(0x1111_0000_0000_0000, "n2")
    private let other = Self.node(0x2222_0000_0000_0000, "n3")
    private let new = Self.node(0x3333_0000_0000_0000, "n2")

    private func resolve(
        _ change: RingChange,
        waiting: [LayoutNode]? = nil
    ) throws -> MembershipChange {
        let candidates = RingCandidates(
            members: [self.old, self.other],
            waiting: waiting ?? [self.new]
        )
        return try candidates.resolve(change)
    }

    @Test("An emptied node takes the place of the member of its name, by name, id or address")
    func replaced() throws {
        let expected = MembershipChange.replace(self.old.id, by: self.new)
        for old in ["n2", "1111", "\(self.old.id)"] {
            for new in [nil, "n2", "33330", "n2:3"] where new != nil || old == "n2" {
                let change = RingChange(replace: .init(old: old, new: new))
                #expect(try self.resolve(change) == expected)
            }
        }
        #expect(try self.resolve(RingChange(add: "n2")) == .add(self.new))
        #expect(try self.resolve(RingChange(remove: "n2")) == .remove(self.old.id))
    }

    @Test("Whoever cannot be told from others, or is none of them, is not guessed")
    func refused() {
        let twin = Self.node(0x3334_0000_0000_0000, "n2")
        for change in [
            RingChange(add: "n3"), RingChange(remove: "n9"), RingChange(remove: "111"),
            RingChange(replace: .init(old: "n3", new: nil)),
        ] {
            #expect { try self.resolve(change) } throws: {
                ($0 as? AdminRefusal)?.kind == .unknown
            }
        }
        #expect(throws: AdminRefusal.self) {
            try self.resolve(RingChange(add: "n2"), waiting: [self.new, twin])
        }
        #expect(throws: AdminRefusal.self) { try self.resolve(RingChange()) }
        #expect(throws: AdminRefusal.self) { try self.resolve(RingChange(add: "n2", remove: "n3")) }
    }
}
