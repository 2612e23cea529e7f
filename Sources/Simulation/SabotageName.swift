package import Coordinator
package import Register

/// A rule of the protocol that a run can break on purpose, by the name that the command line uses.
package enum SabotageName: String, Hashable, Sendable, CaseIterable {
    case registerQuorumOfOne
    case chunkQuorumOfOne
    case copyWithoutHold
    case releaseIgnoresFence
    case noFloor

    package var sabotage: Sabotage {
        switch self {
        case .registerQuorumOfOne: .registerQuorumOfOne
        case .chunkQuorumOfOne: .chunkQuorumOfOne
        case .copyWithoutHold: .copyWithoutHold
        case .releaseIgnoresFence: .releaseIgnoresFence
        case .noFloor: []
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
        }
    }

    /// Whether a few runs suffice.
    package var isQuick: Bool { true }
}
