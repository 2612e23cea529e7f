extension Scenario {
    /// Breaks one rule in the whole run, and sees to it that the rule matters there.
    package mutating func `break`(_ rule: SabotageName) {
        self.sabotage = rule.sabotage
        self.acceptorSabotage = rule.acceptorSabotage
        switch rule {
        case .registerQuorumOfOne, .copyWithoutHold: break
        case .chunkQuorumOfOne:
            self.suffer([.loss, .crashes])
        case .releaseIgnoresFence:
            // A fence matters where holds are released that may yet be needed: to audits, and there
            // to copies whose accepts are late.
            self.audits = true
            self.suffer([.lateness, .clogs])
        case .noFloor: self.erase([.lateness, .duplicates, .loss])
        case .holdAfterAccept, .noSecondHold, .auditWithoutFence, .fenceIsOnlyAPromise:
            self.audits = true
            self.suffer([.lateness, .clogs, .loss])
        case .garbageFromOneReplica:
            self.suffer([.loss, .crashes, .cuts, .clogs])
            self.workload.weights = [(.put, 25), (.copy, 45), (.get, 5), (.delete, 25)]
        case .deleteOnAbsent, .killWithoutPrepare, .creatorTrustsMinority:
            self.audits = true
            self.suffer([.lateness, .clogs, .loss, .cuts])
            self.workload.weights = [(.put, 70), (.copy, 10), (.get, 10), (.delete, 10)]
        case .borrowReleasedBeforeDeath, .absentOwnerIsDead:
            self.audits = true
            self.versionHolders = 1
            self.suffer([.lateness, .clogs, .loss])
            self.workload.weights = [(.put, 10), (.copy, 70), (.get, 5), (.delete, 15)]
        case .overwriteDropsGarbage:
            self.audits = true
            self.suffer([])
        case .partRowBeforeHold, .sealReplacesUploadHold, .holdIgnoresSegments,
            .unlistedDeletedWhileOpen, .borrowAuditWhileOpen:
            self.audits = true
            self.suffer([.lateness, .clogs, .loss])
            self.workload.clients = 5
            self.workload.keys = 2
            self.workload.weights = [(.put, 8), (.copy, 5), (.get, 5), (.delete, 8), (.upload, 80)]
        case .noHealing:
            self.suffer([.crashes, .bitFlips])
            self.nodes = 4
        }
    }

    /// Few keys that come and go all the time, erased soon.
    private mutating func erase(_ kinds: [FaultPlan.Kind]) {
        self.nodes = 3
        self.erasesSoon = true
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 60_000...200_000)
        self.workload.clients = 5
        self.workload.keys = 5
        self.workload.pauseMicroseconds = 400_000
        self.workload.chunkedPermille = 0
        // A change that starts from what is gone shows in its condition.
        self.workload.conditionPermille = 700
        self.workload.largeBodies = 0
        self.workload.weights = [(.put, 30), (.get, 30), (.delete, 40)]
    }

    /// Many copies of chunks, and these faults often.
    private mutating func suffer(_ kinds: [FaultPlan.Kind]) {
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 100_000...500_000)
        self.workload.chunkedPermille = 1_000
        self.workload.conditionPermille = 0
        self.workload.largeBodies = 0
        self.workload.weights = [(.put, 20), (.copy, 60), (.get, 10), (.delete, 5)]
    }
}
