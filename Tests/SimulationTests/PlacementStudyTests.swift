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

    @Test("The more nodes, the fewer partitions each keeps, and the fewer help a lost one")
    func forty() throws {
        let study = try PlacementStudy(nodes: 40, zones: 40)
        #expect(study.load.least == 19)
        #expect(study.load.most == 20)
        #expect(study.adding.moved == study.adding.least)
        #expect(study.repair.receivers.most <= 20)
        #expect(study.repair.busiest.most <= 2)
        #expect(study.fatalTriples < 0.03)
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
