package import Coordinator
package import Register

/// A rule of the protocol that a run can break on purpose, by the name that the command line uses.
package enum SabotageName: String, Hashable, Sendable, CaseIterable {
    case registerQuorumOfOne
    case chunkQuorumOfOne
    case copyWithoutHold
    case releaseIgnoresFence
    case noFloor
    case holdAfterAccept
    case noSecondHold
    case auditWithoutFence
    case fenceIsOnlyAPromise
    case garbageFromOneReplica
    case deleteOnAbsent
    case killWithoutPrepare
    case creatorTrustsMinority
    case borrowReleasedBeforeDeath
    case absentOwnerIsDead
    case overwriteDropsGarbage
    case partRowBeforeHold
    case sealReplacesUploadHold
    case holdIgnoresSegments
    case unlistedDeletedWhileOpen
    case borrowAuditWhileOpen
    case noHealing

    package var sabotage: Sabotage {
        switch self {
        case .registerQuorumOfOne: .registerQuorumOfOne
        case .chunkQuorumOfOne: .chunkQuorumOfOne
        case .copyWithoutHold: .copyWithoutHold
        case .releaseIgnoresFence: .releaseIgnoresFence
        case .noHealing: .noHealing
        case .noFloor: []
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
        }
    }

    package var acceptorSabotage: AcceptorSabotage {
        switch self {
        case .noFloor: .noFloor
        default: []
        }
    }

    /// What is wrong, for the table in docs/testing.md.
    package var summary: String {
        switch self {
        case .registerQuorumOfOne: "one replica's answer is taken for a majority"
        case .chunkQuorumOfOne: "a chunk counts as stored when one replica has it"
        case .copyWithoutHold: "a copy by reference takes no hold (R1)"
        case .releaseIgnoresFence: "a release takes whatever hold it finds (R5)"
        case .noFloor: "an erased row leaves no floor"
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
        }
    }

    /// Whether a few runs suffice.
    package var isQuick: Bool {
        switch self {
        case .registerQuorumOfOne, .chunkQuorumOfOne, .copyWithoutHold, .releaseIgnoresFence,
            .noFloor, .holdAfterAccept, .auditWithoutFence:
            true
        default: false
        }
    }
}
