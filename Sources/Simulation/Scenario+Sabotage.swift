extension Scenario {
    /// The same run, with all rules kept.
    package var withRulesKept: Scenario {
        self.with { scenario in
            scenario.sabotage = []
            scenario.acceptorSabotage = []
            scenario.nodeSabotage = []
        }
    }

    /// Breaks one rule in the whole run, and sees to it that the rule matters there.
    package mutating func `break`(_ rule: SabotageName) {
        self.sabotage = rule.sabotage
        self.acceptorSabotage = rule.acceptorSabotage
        self.nodeSabotage = rule.nodeSabotage
        self.layoutChanges = nil
        switch rule {
        case .registerQuorumOfOne, .copyWithoutHold: break
        case .chunkQuorumOfOne: self.suffer([.loss, .crashes])
        case .chunksBeforeSync: self.suffer([.blackouts, .crashes])
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
            self.suffer(
                rule == .sealReplacesUploadHold
                    ? [.lateness, .loss, .cuts, .crashes] : [.lateness, .clogs, .loss]
            )
            self.workload.clients = 5
            self.workload.keys = 2
            self.workload.weights = [
                (.put, 12), (.copy, 5), (.get, 5), (.delete, 12), (.upload, 80),
            ]
        case .noHealing:
            self.suffer([.crashes, .bitFlips])
            self.nodes = 4
        case .eraseMajority, .noneIsTomb: self.leaveOut()
        case .eraseIgnoresPromise: self.promiseEarly()
        case .readMinority, .minorityIsChosen, .listSkipsSettlement:
            self.contend([.loss, .lateness, .turns])
        case .omitPartitionWithoutMajority:
            self.contend([.loss, .turns])
            self.faults.lossPermille = 300...450
            self.workload.weights = [(.put, 40), (.delete, 20), (.list, 60)]
        case .noLineage, .negativeWithoutIdentity, .conditionOutside:
            self.contend([.loss, .lateness, .duplicates])
            self.workload.conditionPermille = 800
        case .rowsBeforeSync: self.contend([.crashes, .blackouts, .lateness])
        case .volatilePromise:
            self.promiseEarly()
            self.erasesSoon = false
            self.faults.kinds = [.skew, .crashes]
            self.faults.pauseMicroseconds = 20_000...120_000
            self.faults.downMilliseconds = 10...40
            self.workload.clients = 4
            self.workload.bodyPauseMicroseconds = 500_000
        case .noIncarnation:
            self.contend([.crashes, .lateness, .loss, .skew])
            self.skewsFromStart = true
        case .corruptIsAbsent, .repairBelowCeiling:
            self.contend([.bitFlips, .lateness, .loss])
            self.faults = FaultPlan(kinds: self.faults.kinds, pauseMicroseconds: 5_000...20_000)
            self.erasesSoon = true
        case .rolledBackDiskAccepted: self.contend([.lostDisks, .turns, .loss])
        case .noBucketFence:
            self.contend([.lateness, .loss, .clogs])
            self.workload.keys = 2
            self.workload.weights = [
                (.put, 40), (.get, 10), (.delete, 30), (.list, 5), (.deleteBucket, 30),
            ]
        case .noSync, .jointNewOnly: self.move([.loss, .lateness])
        case .noFence, .syncBeforeSwitch, .installIgnoresPromise:
            // What one replica has missed must not be written again before the change ends.
            self.move([.loss, .turns])
            self.faults.lossPermille = 10...40
            self.faults.turnMicroseconds = 150_000...500_000
            self.workload.keys = 24
            self.workload.weights = [(.put, 35), (.get, 65)]
        case .noContentHandOver:
            // Machines that have left take what they have with them.
            self.moveChunks([.loss])
            self.workload.keys = 8
        case .contentNotSecured:
            // Bodies take longer than changes.
            self.moveChunks([])
            self.workload.bodyPauseMicroseconds = 400_000
            self.workload.largeBodies = 20
        case .forwardTwice:
            self.nodes = 3
            self.forwardAfter = 0
            self.suffer([.duplicates, .lateness])
            self.workload.chunkedPermille = 0
            self.workload.weights = [(.put, 40), (.get, 40), (.delete, 10)]
        case .combineSkipsHold:
            // A hold that is too low matters to audits, and ballots run ahead of the clock where
            // chunks are overwritten.
            self.nodes = 3
            self.audits = true
            self.forwardAfter = 0
            self.suffer([.lateness, .clogs])
            self.workload.clients = 6
            self.workload.keys = 2
            self.workload.pauseMicroseconds = 100_000
            self.workload.chunkedPermille = 700
        }
    }

    /// Few keys that are written all the time while replicas come and go.
    private mutating func move(_ kinds: [FaultPlan.Kind]) {
        self.nodes = 4
        self.audits = false
        self.erasesSoon = false
        self.formsUnderFire = false
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 60_000...300_000)
        self.faults.lossPermille = 60...150
        // Hand-overs that meet lost messages take long, and operations go on meanwhile.
        self.registerTimeout = .milliseconds(60)
        self.layoutChanges = LayoutChanges(
            kinds: [.swap, .remove, .add],
            pauseMicroseconds: 20_000...100_000
        )
        self.part = .seconds(5)
        self.workload.clients = 8
        self.workload.keys = 4
        self.workload.pauseMicroseconds = 20_000
        self.workload.conditionPermille = 200
        self.workload.keepInline()
        self.workload.weights = [(.put, 50), (.get, 50)]
    }

    /// Content in chunks while machines come, leave, and are scrapped.
    private mutating func moveChunks(_ kinds: [FaultPlan.Kind]) {
        self.suffer(kinds)
        self.nodes = 3
        self.audits = false
        // Manifests that are born with a slow body must not be below the floor at its end.
        self.erasesSoon = false
        self.formsUnderFire = false
        self.layoutChanges = LayoutChanges(
            kinds: [.swap, .replace],
            pauseMicroseconds: 20_000...100_000
        )
        self.layoutChanges?.scrapPermille = 1_000
        self.workload.clients = 5
        self.workload.pauseMicroseconds = 100_000
        self.workload.weights = [(.put, 60), (.get, 30), (.delete, 5)]
    }

    /// Small bodies, a few keys, and these faults often.
    private mutating func contend(_ kinds: [FaultPlan.Kind]) {
        self.nodes = 3
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 100_000...400_000)
        self.workload.clients = 5
        self.workload.keys = 4
        self.workload.pauseMicroseconds = 150_000
        self.workload.chunkedPermille = 0
        self.workload.largeBodies = 0
        self.workload.weights = [(.put, 40), (.get, 25), (.delete, 15), (.list, 20)]
    }

    /// Few keys that come and go all the time, erased soon.
    private mutating func erase(_ kinds: [FaultPlan.Kind]) {
        self.contend(kinds)
        self.erasesSoon = true
        self.faults = FaultPlan(kinds: kinds, pauseMicroseconds: 60_000...200_000)
        self.workload.keys = 5
        self.workload.pauseMicroseconds = 400_000
        // A change that starts from what is gone shows in its condition.
        self.workload.conditionPermille = 700
        self.workload.weights = [(.put, 30), (.get, 30), (.delete, 40)]
    }

    /// Replicas miss what happens to many keys, one replica after another, while what was deleted
    /// is erased at once: a key is left alone for longer than its erasure takes.
    private mutating func leaveOut() {
        self.contend([.turns])
        self.erasesSoon = true
        self.tombstoneAge = .milliseconds(60)
        self.registerTimeout = .milliseconds(60)
        self.faults.turnMicroseconds = 250_000...600_000
        self.part = .seconds(6)
        self.workload.clients = 4
        self.workload.keys = 20
        self.workload.pauseMicroseconds = 120_000
        self.workload.ownPermille = 500
        self.workload.conditionPermille = 100
        self.workload.weights = [(.put, 25), (.get, 40), (.delete, 25), (.list, 3)]
    }

    /// Proposers whose clocks are ahead prepare long before they write, proposers whose clocks are
    /// behind write meanwhile, and in between the key is erased.
    private mutating func promiseEarly() {
        self.contend([.skew, .lateness])
        self.erasesSoon = true
        self.skewsFromStart = true
        self.tombstoneAge = .milliseconds(10)
        self.workload.clients = 6
        self.workload.keys = 3
        self.workload.pauseMicroseconds = 40_000
        self.workload.bodyPauseMicroseconds = 150_000
        self.workload.conditionPermille = 950
        self.workload.absentPermille = 950
        self.workload.weights = [(.put, 35), (.copy, 35), (.delete, 30)]
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
