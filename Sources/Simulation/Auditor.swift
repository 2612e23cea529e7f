import Coordinator
import SimulatedRuntime
import StoreModel

/// Audits again and again while operations are under way, just when it is dangerous, and looks for
/// missing holds.
///
/// The nodes audit by themselves as well, but more seldom, and spare what is under way.
struct Auditor: Sendable {
    let cluster: Cluster
    let inspection: Inspection
    let keys: Int

    /// Audits until `end`, in virtual nanoseconds.
    func work(until end: UInt64) async {
        let simulator = self.cluster.simulator
        var round = 0
        while simulator.nanoseconds < end {
            let pause = simulator.draw { $0.number(in: 1_000...60_000) }
            await simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
            await self.inspection.checkHolds(keys: self.keys)
            round += 1
            await self.lookAround(round)
            let ready = self.cluster.members.filter { $0.coordinator != nil }
            let manifests = await self.inspection.namedManifests(keys: self.keys)
            guard !ready.isEmpty else { continue }
            let member = simulator.draw { $0.pick(ready) }
            guard let coordinator = member.coordinator else { continue }
            if simulator.draw({ $0.chance(permille: 300) }) {
                let summary = await member.machine.perform { await coordinator.audit() }
                if let summary, summary.chunksDropped + summary.killed > 0 {
                    self.cluster.story.tell(
                        "audit at \(member.name) kills \(summary.killed) manifests and deletes "
                            + "\(summary.chunksDropped) chunks"
                    )
                }
                continue
            }
            guard !manifests.isEmpty else { continue }
            let manifest = simulator.draw { $0.pick(manifests) }
            let released = await member.machine.perform {
                (try? await coordinator.auditHolds(of: manifest)) ?? 0
            }
            if let released, released > 0 {
                self.cluster.story.tell(
                    "audit at \(member.name) releases \(released) holds of \(manifest)"
                )
            }
        }
    }

    /// What is seldom looked at, because it takes long.
    private func lookAround(_ round: Int) async {
        if round % 3 == 0 { await self.inspection.checkChosenHolds(keys: self.keys) }
        if round % 10 == 0 { await self.inspection.checkUploads(keys: self.keys) }
        if round % 5 == 0 { await self.inspection.checkOpenManifests(keys: self.keys) }
        if round % 6 == 0 { await self.inspection.checkDeaths() }
        if round % 20 == 0 { await self.inspection.checkContent(keys: self.keys) }
    }
}
