import StoreModel
import Testing

@testable import Placement

struct JointLayoutTests {
    private static let four = nodes(inZones: ["a", "b", "c", "d"])
    private static let former = Array(Self.four.prefix(3))

    private static func replacement() throws -> (first: LayoutRecord, joint: LayoutRecord) {
        let first = try LayoutPlan.first(nodes: Self.former)
        let joint = try LayoutPlan.joint(
            after: first,
            nodes: [Self.four[0], Self.four[1], Self.four[3]]
        )
        return (first, joint)
    }

    @Test("Each step of a change adds one to the epoch, and the record survives its binary form")
    func steps() throws {
        let (first, joint) = try Self.replacement()
        let stable = LayoutPlan.stable(after: joint)
        #expect([first.epoch, joint.epoch, stable.epoch] == [1, 2, 3])
        #expect([first.isJoint, joint.isJoint, stable.isJoint] == [false, true, false])
        #expect(try LayoutRecord(decoding: joint.encoded) == joint)
        #expect(try LayoutRecord(decoding: stable.encoded) == stable)
    }

    @Test("Joint replicas are the former ones, then those who join; both sets need a majority")
    func lookUps() throws {
        let layout = Layout(try Self.replacement().joint)
        let ids = Self.four.map(\.id)
        #expect(layout.isJoint)
        #expect(layout.members == ids, "Who is leaving is still a member.")
        for partition in PartitionID.all {
            let former = try #require(layout.formerSet(of: partition))
            let latter = layout.latterSet(of: partition)
            #expect(Set(former) == Set(ids[0...2]))
            #expect(Set(latter) == [ids[0], ids[1], ids[3]])
            #expect(layout.replicaSet(of: partition) == former + [ids[3]])
            #expect(layout.quorumSets(of: partition) == [former, latter])
            #expect(layout.preferenceList(of: partition).contains(ids[2]) == false)
            #expect(layout.searchList(of: partition).last == ids[2])
        }
        #expect(layout.distinctReplicaSets.count == 2)
    }

    @Test("A stable layout has one set, and nobody who has left is a member")
    func stable() throws {
        let layout = Layout(LayoutPlan.stable(after: try Self.replacement().joint))
        #expect(!layout.isJoint)
        #expect(!layout.members.contains(Self.four[2].id))
        #expect(layout.index(of: Self.four[2].id) == 2, "It keeps its number.")
        for partition in PartitionID.all {
            #expect(layout.formerSet(of: partition) == nil)
            #expect(layout.quorumSets(of: partition) == [layout.replicaSet(of: partition)])
            #expect(layout.searchList(of: partition) == layout.preferenceList(of: partition))
        }
    }

    @Test("A layout tells since when a node has been a replica, also of one that comes back")
    func entryEpochs() throws {
        var record = try Self.replacement().joint
        record = LayoutPlan.stable(after: record)
        let (third, fourth) = (Self.four[2].id, Self.four[3].id)
        for partition in PartitionID.all {
            let layout = Layout(record)
            #expect(layout.entryEpoch(of: Self.four[0].id, in: partition) == 1)
            #expect(layout.entryEpoch(of: third, in: partition) == nil)
            #expect(layout.entryEpoch(of: fourth, in: partition) == 2)
        }
        let back = try LayoutPlan.joint(after: record, nodes: Self.former)
        for partition in PartitionID.all {
            let layout = Layout(back)
            #expect(layout.entryEpoch(of: third, in: partition) == 4)
            #expect(layout.entryEpoch(of: fourth, in: partition) == 2, "Still a former replica.")
        }
        let end = LayoutPlan.stable(after: back)
        #expect(end.entries.allSatisfy { $0.epoch == 4 })
        #expect(try LayoutRecord(decoding: back.encoded) == back)
    }

    @Test(
        "Chains of random changes keep entries that are sound",
        arguments: 0..<10 as Range<UInt64>
    )
    func chains(seed: UInt64) throws {
        var random = TestRandom(seed: seed)
        var record = try LayoutPlan.first(nodes: random.cluster())
        for _ in 0..<4 {
            let joint = try LayoutPlan.joint(after: record, nodes: random.cluster())
            #expect(try LayoutRecord(decoding: joint.encoded) == joint)
            record = LayoutPlan.stable(after: joint)
            #expect(try LayoutRecord(decoding: record.encoded) == record)
            #expect(record.entries.count <= LayoutRecord.entriesMax)
        }
    }
}
