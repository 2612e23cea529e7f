import Simulation
import Testing

struct PlacementStudyTests {
    @Test("Ten nodes in ten zones are full alike, and a change moves what it must and no more")
    func ten() throws {
        let study = try PlacementStudy(nodes: 10, zones: 10)
        #expect(study.load.least == 76)
        #expect(study.load.most == 77)
        // What docs/decisions/0008-placement.md has measured.
        #expect(study.adding.moved == study.adding.least)
        #expect(study.removing.moved == study.removing.least)
        #expect(study.repair.receivers.least == 9)
        #expect(study.repair.senders.least >= 8)
    }

    @Test("With more nodes than partitions have replicas some keep nothing, and none more than one")
    func thousand() throws {
        let study = try PlacementStudy(nodes: 1_000, zones: 1_000)
        #expect(study.load.least == 0)
        #expect(study.load.most == 1)
        #expect(study.repair.busiest.most == 1)
    }

    @Test("A repair takes as long as its busiest node")
    func seconds() throws {
        let study = try PlacementStudy(nodes: 10, zones: 10)
        let replicaBytes = 768.0 * 10 / Double(PlacementStudy.replicas)
        #expect(
            study.repairSeconds(bytesPerNode: 768, bytesPerSecond: 1)
                == study.repair.busiest.most * replicaBytes
        )
    }
}
