import AdminAPI
import Coordinator

extension NodeAdmin {
    func healing() async -> HealingReport {
        let (heal, scrub) = (self.coordinator.healStatus, self.coordinator.scrubStatus)
        func seconds(_ microseconds: UInt64) -> Double? {
            microseconds > 0 ? Double(microseconds) / 1e6 : nil
        }
        var report = HealingReport()
        report.repair.running = heal.isRunning
        report.repair.rounds = heal.rounds
        report.repair.lastEnd = seconds(heal.lastEnd)
        report.repair.manifests = heal.last.manifests
        report.repair.copiesChecked = heal.last.copies
        report.repair.copiesRestored = heal.last.restored
        report.repair.copiesMovedHome = heal.last.movedHome
        report.repair.copiesMissing = heal.last.underReplicated
        report.repair.bytesMoved = heal.last.bytes
        report.repair.waiting = heal.waiting
        report.repair.oldestSeconds = heal.oldestSeconds
        report.repair.replaced = heal.repaired
        report.repair.givenUp = heal.givenUp
        report.repair.chunksLost = heal.lost
        report.scrub.running = scrub.isForced
        report.scrub.passes = scrub.passes
        report.scrub.lastEnd = seconds(scrub.lastEnd)
        report.scrub.bytesRead = scrub.passBytes
        report.scrub.bytesTotal = scrub.totalBytes
        report.scrub.damaged = scrub.damaged
        return report
    }

    func start(_ work: HealingWork) async {
        switch work {
        case .repair: _ = self.coordinator.startRepair()
        case .scrub: _ = self.coordinator.startScrub()
        }
    }
}
