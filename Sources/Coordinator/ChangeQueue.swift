import Content
import Register
import Runtime
import StoreModel
import Synchronization

/// A change that waits to be proposed, and whoever waits for its answer.
final class QueuedChange: Sendable {
    typealias Answer = Result<Changed<any Sendable>, any Error>

    let change: any RegisterChange
    /// The bucket generation that the change carries.
    let generation: UInt64
    let hold: ChangeHold?
    /// A ballot that was promised to the same operation.
    let promised: PromisedBallot?
    /// Monotonic nanoseconds; not proposed any more after that.
    let deadline: UInt64
    /// Whether it may go to another node instead, once others are in the way.
    let mayYield: Bool
    let answer = Eventual<Answer>()

    init(
        _ change: any RegisterChange,
        _ terms: WriteTerms,
        deadline: UInt64
    ) {
        self.change = change
        self.generation = terms.generation
        self.hold = terms.hold
        self.promised = terms.promised
        self.mayYield = terms.mayYield
        self.deadline = deadline
    }

    func fail(_ error: any Error) { self.answer.fulfil(.failure(error)) }
}

/// The hold that a change relies on: no accept with the change in it leaves above its ceiling.
///
/// Rule R2 of docs/protocol/content.md.
final class ChangeHold: Sendable {
    private let state: Mutex<Ballot>
    private let raise: @Sendable (Ballot) async throws -> Void

    /// `raise` sees to it that the hold covers a ballot above its ceiling, or throws.
    init(ceiling: Ballot, raise: @escaping @Sendable (Ballot) async throws -> Void) {
        self.state = Mutex(ceiling)
        self.raise = raise
    }

    var ceiling: Ballot { self.state.withLock { $0 } }

    /// Makes sure that an accept at `ballot` may leave.
    func cover(_ ballot: Ballot) async throws {
        guard ballot > self.ceiling else { return }
        try await self.raise(ballot)
        self.state.withLock { $0 = max($0, ballot.ceiling) }
    }
}

/// This coordinator's changes that wait, register by register, in order of arrival.
///
/// One proposal is under way for each register: several would only outbid each other. Whatever has
/// come meanwhile goes into the next one. Other coordinators are kept apart by ballots alone.
final class ChangeQueue: Sendable {
    /// Changes of one register that wait; one more is refused.
    private static let waitingMax = 1_000

    enum Place {
        /// Nothing is under way: the caller sees to it that the queue is worked off.
        case first
        case waiting
        case refused
    }

    /// Registers with a proposal under way, each with the changes that wait for the next.
    private let waiting = Mutex<[RegisterKey: [QueuedChange]]>([:])

    func isBusy(_ key: RegisterKey) -> Bool { self.waiting.withLock { $0[key] != nil } }

    func add(_ change: QueuedChange, of key: RegisterKey) -> Place {
        self.waiting.withLock { waiting in
            guard let others = waiting[key] else {
                waiting[key] = [change]
                return .first
            }
            guard others.count < Self.waitingMax else { return .refused }
            waiting[key, default: []].append(change)
            return .waiting
        }
    }

    /// The changes for the next proposal: the first, and those behind it of the same generation.
    ///
    /// - Returns: nil if there are none; then nothing is under way any more.
    func next(_ key: RegisterKey) -> [QueuedChange]? {
        self.waiting.withLock { waiting in
            guard let all = waiting[key], let first = all.first else {
                waiting[key] = nil
                return nil
            }
            let batch = all.prefix(CombinedChange.countMax).prefix {
                $0.generation == first.generation && $0.mayYield == first.mayYield
            }
            waiting[key] = Array(all.dropFirst(batch.count))
            return Array(batch)
        }
    }

    /// Puts changes that were no part of a proposal back, before all others.
    func putBack(_ changes: [QueuedChange], of key: RegisterKey) {
        self.waiting.withLock { $0[key, default: []].insert(contentsOf: changes, at: 0) }
    }
}
