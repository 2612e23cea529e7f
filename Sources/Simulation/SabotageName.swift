package import Coordinator
package import Register

/// A rule of the protocol that a run can break on purpose, by the name that the command line uses.
package enum SabotageName: String, Hashable, Sendable, CaseIterable {
    case registerQuorumOfOne, readMinority, minorityIsChosen, noLineage, negativeWithoutIdentity
    case conditionOutside
    case noFloor, eraseMajority, eraseIgnoresPromise, noneIsTomb
    case volatilePromise, rowsBeforeSync, chunksBeforeSync, noIncarnation
    case corruptIsAbsent, repairBelowCeiling, rolledBackDiskAccepted, startsByNumber
    case noBucketFence, omitPartitionWithoutMajority, listSkipsSettlement
    case chunkQuorumOfOne, copyWithoutHold, releaseIgnoresFence
    case holdAfterAccept, noSecondHold, auditWithoutFence, fenceIsOnlyAPromise
    case garbageFromOneReplica, deleteOnAbsent, killWithoutPrepare
    case creatorTrustsMinority, borrowReleasedBeforeDeath, absentOwnerIsDead
    case overwriteDropsGarbage
    case partRowBeforeHold
    case sealReplacesUploadHold
    case holdIgnoresSegments
    case unlistedDeletedWhileOpen
    case borrowAuditWhileOpen
    case noHealing
    case noFence
    case syncBeforeSwitch
    case noSync
    case jointNewOnly
    case installIgnoresPromise
    case noContentHandOver
    case contentNotSecured
    case forwardTwice
    case combineSkipsHold
    case holdOnDead, deathInTwoSteps, auditLowFence, auditKillsOpen, auditIgnoresManifest
    case fenceOnOneReplica, sealAfterAbort
    case birthBallotUsedTwice, createdAboveBirth, creatorSkipsPrepare, creationIgnoresFloor
    case killIgnoresMinority, killBelowBirth, dropBeforeDeath
    case moveHomeDropsFirst
    case missingTailIsEmpty
    case renameForgetsFence, renameReadsOnce, renameDropsMove

    /// The switch of the coordinator, if it is one of its rules.
    package var sabotage: Sabotage {
        switch self {
        case .registerQuorumOfOne: .registerQuorumOfOne
        case .readMinority: .readMinority
        case .minorityIsChosen: .minorityIsChosen
        case .noLineage: .noLineage
        case .negativeWithoutIdentity: .negativeWithoutIdentity
        case .eraseMajority: .eraseMajority
        case .noneIsTomb: .noneIsTomb
        case .omitPartitionWithoutMajority: .omitPartitionWithoutMajority
        case .listSkipsSettlement: .listSkipsSettlement
        case .chunkQuorumOfOne: .chunkQuorumOfOne
        case .copyWithoutHold: .copyWithoutHold
        case .releaseIgnoresFence: .releaseIgnoresFence
        case .noHealing: .noHealing
        case .holdAfterAccept: .holdAfterAccept
        case .noSecondHold: .noSecondHold
        case .auditWithoutFence: .auditWithoutFence
        case .fenceIsOnlyAPromise: .fenceIsOnlyAPromise
        case .garbageFromOneReplica: .garbageFromOneReplica
        case .deleteOnAbsent: .deleteOnAbsent
        case .killWithoutPrepare: .killWithoutPrepare
        case .creatorTrustsMinority: .creatorTrustsMinority
        case .borrowReleasedBeforeDeath: .borrowReleasedBeforeDeath
        case .absentOwnerIsDead: .absentOwnerIsDead
        case .overwriteDropsGarbage: .overwriteDropsGarbage
        case .partRowBeforeHold: .partRowBeforeHold
        case .sealReplacesUploadHold: .sealReplacesUploadHold
        case .holdIgnoresSegments: .holdIgnoresSegments
        case .unlistedDeletedWhileOpen: .unlistedDeletedWhileOpen
        case .borrowAuditWhileOpen: .borrowAuditWhileOpen
        case .syncBeforeSwitch: .syncBeforeSwitch
        case .noSync: .noSync
        case .jointNewOnly: .jointNewOnly
        case .installIgnoresPromise: .installIgnoresPromise
        // Rounds of healing would make up for it, mostly in time.
        case .noContentHandOver: [.noContentHandOver, .noHealing]
        case .contentNotSecured: .contentNotSecured
        case .forwardTwice: .forwardTwice
        case .combineSkipsHold: .combineSkipsHold
        case .holdOnDead: .holdOnDead
        case .deathInTwoSteps: .deathInTwoSteps
        case .auditLowFence: .auditLowFence
        case .auditKillsOpen: .auditKillsOpen
        case .auditIgnoresManifest: .auditIgnoresManifest
        case .fenceOnOneReplica: .fenceOnOneReplica
        case .sealAfterAbort: .sealAfterAbort
        case .birthBallotUsedTwice: .birthBallotUsedTwice
        case .createdAboveBirth: .createdAboveBirth
        case .creatorSkipsPrepare: .creatorSkipsPrepare
        case .killIgnoresMinority: .killIgnoresMinority
        case .killBelowBirth: .killBelowBirth
        case .dropBeforeDeath: .dropBeforeDeath
        case .moveHomeDropsFirst: .moveHomeDropsFirst
        case .renameForgetsFence: .renameForgetsFence
        case .renameReadsOnce: .renameReadsOnce
        case .renameDropsMove: .renameDropsMove
        default: []
        }
    }

    /// The switch of the replica, if it is one of its rules.
    package var acceptorSabotage: AcceptorSabotage {
        switch self {
        case .noFloor: .noFloor
        case .creationIgnoresFloor: .creationIgnoresFloor
        case .eraseIgnoresPromise: .eraseIgnoresPromise
        case .corruptIsAbsent: .corruptIsAbsent
        case .startsByNumber: .startsByNumber
        case .repairBelowCeiling: .repairBelowCeiling
        case .noFence: .noFence
        case .installIgnoresPromise: .installIgnoresPromise
        case .missingTailIsEmpty: .missingTailIsEmpty
        default: []
        }
    }

    /// The rule of a whole node that is broken from outside, if it is one.
    package var nodeSabotage: NodeSabotage {
        switch self {
        case .conditionOutside: .conditionOutside
        case .volatilePromise: .volatilePromise
        case .rowsBeforeSync: .rowsBeforeSync
        case .chunksBeforeSync: .chunksBeforeSync
        case .noIncarnation: .noIncarnation
        case .rolledBackDiskAccepted: .rolledBackDiskAccepted
        case .noBucketFence: .noBucketFence
        default: []
        }
    }

    /// What is wrong, for the table in docs/testing.md.
    package var summary: String {
        switch self {
        case .registerQuorumOfOne: "one replica's answer is taken for a majority"
        case .readMinority: "a read takes the first answer"
        case .minorityIsChosen: "what a minority shows to a prepare is taken for chosen"
        case .noLineage: "an operation does not look for itself in the lineage"
        case .negativeWithoutIdentity: "a refusal does not wait for the identity it rests on"
        case .conditionOutside: "a condition is evaluated before the change, not in it"
        case .noFloor: "an erased row leaves no floor"
        case .eraseMajority: "a tombstone is erased once a majority has it"
        case .eraseIgnoresPromise: "a row is erased although more was promised"
        case .noneIsTomb: "no row and a tombstone add up to a majority"
        case .volatilePromise: "a promise is given before it is on disk"
        case .rowsBeforeSync: "a row is acknowledged before it is on disk"
        case .chunksBeforeSync: "a chunk is acknowledged before it is on disk"
        case .noIncarnation: "ballots of a node look alike in all its lives"
        case .corruptIsAbsent: "a damaged row counts as no row"
        case .repairBelowCeiling: "a damaged row is repaired below promises it may have made"
        case .startsByNumber: "a node is let in if it has started more often than was seen"
        case .rolledBackDiskAccepted: "nobody remembers how far a node has been seen"
        case .noBucketFence: "a replica acknowledges a fence and keeps none"
        case .omitPartitionWithoutMajority: "a listing leaves out what no majority reports"
        case .listSkipsSettlement: "a listing believes a single node's row"
        case .chunkQuorumOfOne: "a chunk counts as stored when one replica has it"
        case .copyWithoutHold: "a copy by reference takes no hold (R1)"
        case .releaseIgnoresFence: "a release takes whatever hold it finds (R5)"
        case .holdAfterAccept: "a copy holds the manifest after its accept (R1)"
        case .noSecondHold: "a proposal above its ceiling leaves under the old hold (R2)"
        case .auditWithoutFence: "the audit releases holds after a plain read (R4)"
        case .fenceIsOnlyAPromise: "the audit's evidence is promised, not committed (R4)"
        case .garbageFromOneReplica: "the sweep trusts one replica's row (R4)"
        case .deleteOnAbsent: "chunks of an absent manifest are deleted (R7)"
        case .killWithoutPrepare: "a manifest is made dead by an accept that nobody promised"
        case .creatorTrustsMinority: "a creation counts when one replica has it"
        case .borrowReleasedBeforeDeath: "a child lets go of its parent before it is dead (R8)"
        case .absentOwnerIsDead: "a child that is absent is taken for dead (R8)"
        case .overwriteDropsGarbage: "what a change drops is not noted (R9): a leak"
        case .partRowBeforeHold: "a part can be seen before what it borrows is held (R1)"
        case .sealReplacesUploadHold: "sealing takes the hold of the upload away (H3)"
        case .holdIgnoresSegments: "a completion goes on although other parts are sealed (H4)"
        case .unlistedDeletedWhileOpen: "chunks of a part go when it is stored again (R7, H5)"
        case .borrowAuditWhileOpen: "the audit ends what an open upload borrows (R8, H5)"
        case .noHealing: "nothing that is missing or damaged is replaced"
        case .noFence: "replicas carry out what is asked under an older layout"
        case .syncBeforeSwitch: "rows are handed over as they were before the switch"
        case .noSync: "a joint layout becomes stable without handing rows over"
        case .jointNewOnly: "in a joint layout a majority of the latter replicas is enough"
        case .installIgnoresPromise: "rows are handed over whatever has been promised"
        case .noContentHandOver: "a joint layout becomes stable before its homes have their chunks"
        case .contentNotSecured: "chunks that were stored under an older layout count"
        case .forwardTwice: "a forwarded change is made as often as its message arrives"
        case .combineSkipsHold: "of combined changes only the first has its hold raised (R2)"
        case .holdOnDead: "a hold on a dead manifest counts (R6)"
        case .deathInTwoSteps: "a manifest dies in a later change than its last hold goes (R6)"
        case .auditLowFence: "the audit's fence is below the ceiling of what it releases (R4, R5)"
        case .auditKillsOpen: "the audit releases holds of uploads after a plain read (R4)"
        case .auditIgnoresManifest: "the audit looks for a version, not for what it names (R10)"
        case .fenceOnOneReplica: "the audit's evidence is on one replica (R4)"
        case .sealAfterAbort: "a dead manifest is sealed (R6)"
        case .birthBallotUsedTwice: "the audit proposes a death at the ballot of another's creation"
        case .createdAboveBirth: "a creator who is not sure creates again, above the birth (H2)"
        case .creatorSkipsPrepare: "a creator who is not sure proposes what nobody promised"
        case .creationIgnoresFloor: "a creation is taken below the floor of its partition (H1)"
        case .killIgnoresMinority: "a manifest is made dead that one replica shows"
        case .killBelowBirth: "a manifest is made dead below the ballot of its birth"
        case .moveHomeDropsFirst: "what stood in for a node is dropped before its home has a copy"
        case .missingTailIsEmpty: "a tail that is damaged or missing is taken for an empty one"
        case .renameForgetsFence: "whoever decides against a rename leaves its source as it is"
        case .renameReadsOnce: "a reader of a rename's target does not look at it again"
        case .renameDropsMove: "a write to a rename's source comes before the target has the object"
        case .dropBeforeDeath: "chunks are deleted when a death is proposed (R7)"
        }
    }

    /// Whether a few runs suffice.
    package var isQuick: Bool {
        switch self {
        case .registerQuorumOfOne, .readMinority, .noLineage,
            .negativeWithoutIdentity, .conditionOutside, .noFloor, .eraseMajority, .rowsBeforeSync,
            .chunksBeforeSync, .chunkQuorumOfOne, .copyWithoutHold, .releaseIgnoresFence,
            .holdAfterAccept, .auditWithoutFence, .unlistedDeletedWhileOpen,
            .noSync, .jointNewOnly, .syncBeforeSwitch, .missingTailIsEmpty, .renameForgetsFence,
            .renameReadsOnce, .renameDropsMove:
            true
        default: false
        }
    }
}
