import Runtime

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
        self.holdUps = [:]
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
        case .holdAfterAccept, .auditWithoutFence:
            self.audits = true
            self.suffer([.lateness, .clogs, .loss])
        case .noSecondHold, .auditLowFence:
            self.crowd([.lateness], copies: 50, deletes: 10)
            self.holdUps[.accept] = HoldUp(600, 20_000...400_000)
        case .fenceIsOnlyAPromise, .fenceOnOneReplica, .garbageFromOneReplica:
            // A deletion that stays with one replica looks like evidence.
            self.crowd([.lateness], copies: 20, deletes: 40)
            self.holdUps[.acceptToOne] = HoldUp(600, 5_000...250_000)
        case .holdOnDead:
            self.crowd([.lateness], copies: 50, deletes: 30)
            self.holdUps[.hold] = HoldUp(500, 20_000...300_000)
        case .deathInTwoSteps:
            self.crowd([.lateness], copies: 60, deletes: 25)
            self.holdUps[.release] = HoldUp(700, 10_000...250_000)
        case .auditIgnoresManifest:
            // A source is overwritten while a copy makes a child of it, and the copy begins again;
            // its machine crashes before it has ended the child. Keys enough for ballots not to
            // run ahead of the clock, or all holds would look young to audits.
            self.crowd([.crashes], copies: 45, deletes: 5)
            self.faults.pauseMicroseconds = 2_000_000...3_000_000
            self.faults.downMilliseconds = 50...300
            self.versionHolders = 1
            self.auditPause = .milliseconds(30)
            self.workload.clients = 8
            self.workload.keys = 14
            self.workload.pauseMicroseconds = 100_000
            self.holdUps[.hold] = HoldUp(400, 200_000...600_000)
            self.holdUps[.giveBack] = HoldUp(1_000, 1_200_000...2_000_000, crashPermille: 1_000)
        case .creatorTrustsMinority:
            // One replica has a creation while an audit hears the two others, and the creator hears
            // nothing in time.
            self.crowd([.lateness], copies: 0, deletes: 0)
            self.registerTimeout = .milliseconds(200)
            self.auditPause = .milliseconds(30)
            self.workload.clients = 3
            self.workload.keys = 50
            self.workload.pauseMicroseconds = 300_000
            self.holdUps[.birthToOne] = HoldUp(700, 300_000...900_000)
        case .deleteOnAbsent, .killBelowBirth:
            self.crowd([.lateness], copies: 10, deletes: 5)
            self.holdUps[.birth] = HoldUp(600, 50_000...400_000)
        case .killWithoutPrepare:
            self.crowd([.lateness], copies: 10, deletes: 5)
            self.holdUps[.birth] = HoldUp(600, 10_000...200_000)
            self.holdUps[.kill] = HoldUp(800, 20_000...300_000)
        case .birthBallotUsedTwice:
            // Long enough for the audits to come by before a version is dropped again.
            self.crowd([.lateness], copies: 10, deletes: 5)
            self.workload.clients = 4
            self.workload.keys = 8
            self.workload.pauseMicroseconds = 300_000
            self.workload.reducedPermille = 200
            self.holdUps[.birthToOne] = HoldUp(700, 50_000...500_000)
        case .killIgnoresMinority:
            self.crowd([.lateness], copies: 10, deletes: 5)
            self.holdUps[.birthToOne] = HoldUp(800, 20_000...400_000)
            self.holdUps[.kill] = HoldUp(900, 20_000...150_000)
        case .dropBeforeDeath:
            // One replica has a creation while an audit hears the two others, and the death that it
            // proposes comes after the creator has looked again. Keys enough for ballots not to
            // run ahead of the clock, or all chunks would look young to audits.
            self.crowd([.lateness], copies: 0, deletes: 0)
            self.auditPause = .milliseconds(30)
            self.workload.clients = 3
            self.workload.keys = 50
            self.workload.pauseMicroseconds = 300_000
            self.workload.reducedPermille = 900
            self.holdUps[.birthToOne] = HoldUp(700, 100_000...400_000)
            self.holdUps[.kill] = HoldUp(500, 300_000...800_000)
        case .createdAboveBirth, .creatorSkipsPrepare, .creationIgnoresFloor:
            // Between its chunks and its creation a manifest dies, is buried and forgotten.
            self.crowd([.lateness], copies: 10, deletes: 5)
            self.auditSpares = false
            self.erasesSoon = true
            self.tombstoneAge = .milliseconds(5)
            self.holdUps[.birth] = HoldUp(700, 300_000...900_000)
        case .borrowReleasedBeforeDeath:
            self.crowd([.lateness], copies: 70, deletes: 20)
            self.versionHolders = 2
            self.holdUps[.release] = HoldUp(600, 10_000...200_000)
        case .absentOwnerIsDead:
            self.crowd([.lateness], copies: 70, deletes: 10)
            self.versionHolders = 1
            self.holdUps[.birth] = HoldUp(500, 20_000...300_000)
        case .overwriteDropsGarbage:
            self.audits = true
            self.suffer([])
        case .auditKillsOpen:
            self.upload([.lateness])
            self.auditSpares = false
            self.holdUps[.accept] = HoldUp(500, 20_000...300_000)
        case .sealAfterAbort:
            // A completion waits to seal for long enough to find an upload aborted and its
            // manifest buried.
            self.upload([.lateness])
            self.workload.clients = 14
            self.workload.abortPercent = 20
            self.holdUps[.hold] = HoldUp(700, 500_000...1_500_000)
            self.holdUps[.accept] = HoldUp(300, 100_000...500_000)
        case .sealReplacesUploadHold:
            self.upload([.lateness])
            self.auditSpares = false
            self.holdUps[.accept] = HoldUp(500, 50_000...400_000)
        case .holdIgnoresSegments:
            self.upload([.lateness])
            self.holdUps[.accept] = HoldUp(700, 50_000...400_000)
        case .partRowBeforeHold, .unlistedDeletedWhileOpen, .borrowAuditWhileOpen:
            self.audits = true
            self.suffer([.lateness, .clogs, .loss])
            self.workload.clients = 5
            self.workload.keys = 2
            self.workload.weights = [
                (.put, 12), (.copy, 5), (.get, 5), (.delete, 12), (.upload, 80),
            ]
        case .renameForgetsFence, .renameReadsOnce, .renameDropsMove:
            self.crowd([.lateness], copies: 0, deletes: 0)
            self.rename()
            self.workload.clients = 6
        case .noHealing:
            self.suffer([.crashes, .bitFlips])
            self.nodes = 4
        case .moveHomeDropsFirst:
            // Two copies, of which one stands in for a home that is away.
            self.suffer([.crashes, .isolation])
            self.audits = true
            self.nodes = 5
            self.part = .seconds(5)
            self.faults.downMilliseconds = 500...1_500
            self.workload.reducedPermille = 900
        case .eraseMajority: self.leaveOut()
        case .noneIsTomb:
            // A replica has missed the object, another alone has its deletion.
            self.race([.lateness])
            self.eraseAtOnce()
            self.workload.conditionPermille = 0
            self.workload.weights = [(.put, 25), (.get, 50), (.delete, 25)]
            self.holdUps[.acceptToOne] = HoldUp(500, 5_000...150_000)
        case .eraseIgnoresPromise:
            // Somebody with a clock ahead is promised a ballot that is then forgotten, and somebody
            // with a clock behind writes below it before it is used.
            self.raceAgainstClocks([.skew])
            self.eraseAtOnce()
            self.holdUps[.erase] = HoldUp(900, 20_000...200_000)
        case .readMinority, .minorityIsChosen, .listSkipsSettlement:
            self.contend([.loss, .lateness, .turns])
        case .omitPartitionWithoutMajority:
            // Nodes that have no row of a key themselves, and hear nothing of it.
            self.contend([.loss, .turns])
            self.nodes = 5
            self.registerTimeout = .milliseconds(100)
            self.faults.lossPermille = 300...450
            self.workload.weights = [(.put, 40), (.delete, 20), (.list, 60)]
        case .noLineage, .negativeWithoutIdentity, .conditionOutside:
            self.contend([.loss, .lateness, .duplicates])
            self.workload.conditionPermille = 800
        case .rowsBeforeSync: self.contend([.crashes, .blackouts, .lateness])
        case .volatilePromise:
            // A crash makes one of two replicas forget the higher of two ballots, and the third
            // has not been asked for it yet: the lower one is used first, the higher one after it.
            self.overtake([.crashes])
            self.faults.downMilliseconds = 3...10
            self.holdUps[.accept] = HoldUp(800, 20_000...150_000, strikePermille: 300)
            self.holdUps[.prepareToOne] = HoldUp(250, 50_000...300_000)
        case .noIncarnation:
            // Clocks that start over, and operations cut short: names of chunks come again.
            self.crowd([.crashes, .startingClocks], copies: 0, deletes: 0)
            self.audits = false
            self.erasesSoon = true
            self.tombstoneAge = .seconds(1_000)
            self.sweepPause = nil
            self.faults.pauseMicroseconds = 60_000...200_000
            self.faults.downMilliseconds = 5...30
            self.workload.keys = 3
            self.workload.clients = 4
            self.workload.restingKeys = 0
            self.workload.pauseMicroseconds = 120_000
            self.holdUps[.birth] = HoldUp(600, 10_000...100_000)
        case .repairBelowCeiling:
            // Who is promised a high ballot hears the other half of the promise after the repair,
            // and whoever is beyond the damaged replica, with his clock behind, hears nothing.
            self.overtake([.skew, .bitFlips])
            self.faults.victimStandsBetween = true
            self.skewsFromStart = true
            self.faults.skewMicroseconds = 400_000
            self.registerTimeout = .milliseconds(40)
            self.sweepPause = .milliseconds(5)
            self.workload.clients = 14
            self.workload.keys = 4
            self.workload.bodyPauseMicroseconds = 5_000
            self.workload.weights = [(.put, 100), (.get, 50)]
            self.holdUps[.accept] = HoldUp(400, 5_000...150_000)
            self.holdUps[.prepareToOne] = HoldUp(400, 3_000...60_000, strikePermille: 400)
        case .corruptIsAbsent:
            self.contend([.bitFlips, .lateness, .loss])
            self.faults = FaultPlan(kinds: self.faults.kinds, pauseMicroseconds: 5_000...20_000)
            self.erasesSoon = true
        case .rolledBackDiskAccepted: self.contend([.lostDisks, .turns, .loss])
        case .startsByNumber:
            // What was put back crashes again before anybody answers, and is started once more.
            self.contend([.lostDisks, .crashes, .loss])
            self.faults.downMilliseconds = 50...300
            self.faults.turnMicroseconds = 50_000...400_000
        case .noBucketFence:
            self.contend([.lateness, .loss, .clogs])
            self.workload.keys = 2
            self.workload.weights = [
                (.put, 40), (.get, 10), (.delete, 30), (.list, 5), (.deleteBucket, 30),
            ]
        case .noSync, .jointNewOnly:
            // Reads come before anything is handed over.
            self.move(keys: 12, puts: 50)
            self.holdUps[.acceptToOne] = HoldUp(300, 50_000...400_000)
            self.holdUps[.handOver] = HoldUp(800, 50_000...250_000)
        case .noFence:
            // Who leaves does not hear of it, and goes on to serve clients.
            self.move(keys: 8, puts: 50)
            self.layoutChanges?.asksStayers = true
            self.layoutChanges?.scrapPermille = 0
            self.holdUps[.acceptToOne] = HoldUp(150, 50_000...300_000)
            self.holdUps[.leave] = HoldUp(900, 600_000...1_400_000)
        case .syncBeforeSwitch:
            // What is written between may not be touched while the layout is joint: that mends it.
            self.move(keys: 60, puts: 30)
            self.layoutChanges?.asksStayers = true
            self.holdUps[.acceptToOne] = HoldUp(200, 50_000...300_000)
            self.holdUps[.install] = HoldUp(900, 100_000...250_000)
        case .installIgnoresPromise:
            // What one replica alone has is handed over, and somebody has promised not to take it
            // to a change that has not seen it, under a condition, and is late.
            self.move(keys: 24, puts: 80)
            self.forwardAfter = 1_000
            self.workload.clients = 24
            self.workload.conditionPermille = 800
            self.workload.absentPermille = 100
            self.holdUps[.acceptToOne] = HoldUp(600, 150_000...500_000)
            self.holdUps[.accept] = HoldUp(500, 100_000...300_000)
            self.holdUps[.handOver] = HoldUp(900, 100_000...400_000)
        case .noContentHandOver:
            // Machines that have left take what they have with them.
            self.moveChunks([])
            self.workload.keys = 8
        case .contentNotSecured:
            // Bodies take longer than changes.
            self.moveChunks([])
            self.workload.bodyPauseMicroseconds = 400_000
            self.workload.largeBodies = 20
        case .missingTailIsEmpty:
            // Tails go bad, and are read before anybody looks for damage.
            self.crowd([.bitFlips, .lateness], copies: 60, deletes: 5)
            self.tailBytes = 1
            self.faults.pauseMicroseconds = 5_000...20_000
            self.workload.keys = 4
        case .forwardTwice:
            self.nodes = 3
            self.forwardAfter = 0
            self.suffer([.duplicates, .lateness])
            self.workload.chunkedPermille = 0
            self.workload.weights = [(.put, 40), (.get, 40), (.delete, 10)]
        case .combineSkipsHold:
            // A hold that is too low matters to audits, and ballots run ahead of the clock where
            // chunks are overwritten.
            self.crowd([.lateness], copies: 40, deletes: 10)
            self.forwardAfter = 0
            self.auditSpares = false
            self.auditPause = .milliseconds(30)
            self.workload.clients = 8
            self.workload.pauseMicroseconds = 40_000
            self.holdUps[.accept] = HoldUp(500, 20_000...400_000)
        }
    }

    /// Small bodies that are written and read all the time while one replica after another is
    /// replaced and some replicas hear late of what is accepted.
    private mutating func move(keys: Int, puts: Int) {
        self.nodes = 3
        self.audits = false
        self.erasesSoon = false
        self.formsUnderFire = false
        self.tidies = false
        self.faults = FaultPlan(kinds: [.turns], pauseMicroseconds: 60_000...300_000)
        self.faults.turnMicroseconds = 100_000...400_000
        self.registerTimeout = .milliseconds(60)
        self.layoutChanges = LayoutChanges(kinds: [.swap], pauseMicroseconds: 20_000...80_000)
        self.part = .milliseconds(1_500)
        self.workload.clients = 12
        self.workload.keys = keys
        self.workload.pauseMicroseconds = 20_000
        self.workload.conditionPermille = 200
        self.workload.keepInline()
        self.workload.weights = [(.put, puts), (.get, 100 - puts)]
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

    /// Two keys that many write at once under conditions, each through its own coordinator.
    private mutating func race(_ kinds: [FaultPlan.Kind]) {
        self.contend(kinds)
        self.forwardAfter = 1_000
        self.workload.clients = 8
        self.workload.keys = 2
        self.workload.restingKeys = 0
        self.workload.pauseMicroseconds = 40_000
        self.workload.conditionPermille = 900
        self.workload.absentPermille = 600
        self.workload.weights = [(.put, 60), (.get, 25), (.delete, 15)]
    }

    /// Three keys that some write while others, whose clocks are ahead, have a ballot promised and
    /// take their time to use it.
    private mutating func raceAgainstClocks(_ kinds: [FaultPlan.Kind]) {
        self.race(kinds)
        self.skewsFromStart = true
        self.faults.skewMicroseconds = 100_000
        self.part = .seconds(5)
        self.workload.clients = 10
        self.workload.keys = 4
        self.workload.pauseMicroseconds = 60_000
        self.workload.absentPermille = 950
        self.workload.bodyPauseMicroseconds = 150_000
        // Copies are quick, and are the others.
        self.workload.weights = [(.put, 40), (.copy, 30), (.get, 5), (.delete, 25)]
        self.holdUps[.accept] = HoldUp(200, 5_000...80_000)
    }

    /// A few keys on which several put what they have prepared, each if it is still the one that
    /// they know: of two with the same condition one must fail.
    private mutating func overtake(_ kinds: [FaultPlan.Kind]) {
        self.contend(kinds)
        self.part = .seconds(5)
        // Nothing strikes but where work is held up.
        self.faults.pauseMicroseconds = 5_000_000...5_000_000
        self.forwardAfter = 1_000
        self.audits = false
        self.erasesSoon = false
        self.formsUnderFire = false
        self.workload.clients = 8
        self.workload.keys = 3
        self.workload.pauseMicroseconds = 40_000
        self.workload.conditionPermille = 900
        self.workload.absentPermille = 30
        self.workload.namedLately = 1
        self.workload.keepInline()
        self.workload.bodyPauseMicroseconds = 20_000
        self.workload.weights = [(.put, 100), (.get, 5)]
    }

    /// What was deleted is forgotten a moment later.
    private mutating func eraseAtOnce() {
        self.erasesSoon = true
        self.tombstoneAge = .milliseconds(5)
        self.sweepPause = .milliseconds(8)
    }

    /// Two keys with chunks that many write and audit, and manifests that die at once.
    private mutating func crowd(_ kinds: [FaultPlan.Kind], copies: Int, deletes: Int) {
        self.suffer(kinds)
        self.audits = true
        self.nodes = 3
        self.workload.clients = 6
        self.workload.keys = 2
        self.workload.pauseMicroseconds = 80_000
        self.sweepPause = .milliseconds(30)
        self.releaseGrace = .zero
        self.workload.weights = [
            (.put, max(20, 90 - copies - deletes)), (.copy, copies), (.get, 10), (.delete, deletes),
        ]
    }

    /// Few keys that are mostly put together of parts, and manifests that die at once.
    private mutating func upload(_ kinds: [FaultPlan.Kind]) {
        self.crowd(kinds, copies: 5, deletes: 5)
        self.workload.weights = [(.put, 5), (.copy, 5), (.get, 5), (.delete, 5), (.upload, 80)]
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
