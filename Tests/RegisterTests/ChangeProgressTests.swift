import StoreModel
import Testing

@testable import Register

/// The decisions of one operation, shown bases by hand.
struct ChangeProgressTests {
    typealias Progress = ChangeProgress<Append>

    private static func progress(onlyToEven: Bool = false) -> Progress {
        Progress(
            Append(item: 7, onlyToEven: onlyToEven),
            key: testKey,
            operation: OperationID(500),
            generation: 3
        )
    }

    private static func prepared(
        _ round: UInt64,
        on accepted: UInt64,
        _ value: RegisterValue?,
        isChosen: Bool = true
    ) -> Prepared {
        Prepared(
            ballot: ballot(round),
            accepted: accepted == 0 ? .zero : ballot(accepted),
            value: value,
            isChosen: isChosen,
            group: .of(3)
        )
    }

    /// Takes a proposal step and notes it as sent.
    private static func propose(
        _ progress: inout Progress,
        _ prepared: Prepared
    ) throws -> RegisterValue {
        let step = progress.step(prepared, canTrustAbsence: true)
        guard case .propose(let value, _, let outcome) = step else {
            Issue.record("\(step)")
            throw Stuck()
        }
        progress.sent(at: prepared.ballot, value, outcome)
        return value
    }

    @Test("A proposal follows its base: one more change, the operation last in the lineage")
    func proposal() throws {
        var progress = Self.progress()
        let base = value([1, 2], after: Array(1...16))
        let next = try Self.propose(&progress, Self.prepared(9, on: 5, base))
        #expect(next.changeNumber == base.changeNumber + 1)
        #expect(next.lineage.count == Limit.lineage)
        #expect(next.lineage.last == OperationID(500))
        #expect(next.lineage.first == OperationID(2))
        #expect(next.body == Append.body([1, 2, 7]))
    }

    @Test("Nothing to do on a chosen base needs no accept; on another it needs one")
    func keep() {
        var progress = Self.progress(onlyToEven: true)
        let odd = value([1])
        let settled = progress.step(Self.prepared(9, on: 5, odd), canTrustAbsence: true)
        guard case .finish(.done(let changed)) = settled else {
            Issue.record("\(settled)")
            return
        }
        #expect(changed.outcome == .left([1]))
        #expect(changed.state == RegisterState(ballot: ballot(5), value: odd))

        let step = progress.step(
            Self.prepared(9, on: 5, odd, isChosen: false),
            canTrustAbsence: true
        )
        guard case .settle(let identity, let generation, .done(let committed)) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(identity == odd)
        #expect(generation == 3, "What a minority holds is completed under the own generation.")
        #expect(committed.state == RegisterState(ballot: ballot(9), value: odd))
    }

    @Test("Once an accept has left, a negative answer waits for a commit at a higher ballot")
    func negativeAnswers() throws {
        var progress = Self.progress(onlyToEven: true)
        _ = try Self.propose(&progress, Self.prepared(9, on: 5, value([])))
        // Somebody else made it odd, below our accept: a later proposer may still adopt ours.
        let below = progress.step(Self.prepared(12, on: 8, value([1])), canTrustAbsence: true)
        guard case .settle(_, let generation, .done(let changed)) = below else {
            Issue.record("\(below)")
            return
        }
        #expect(changed.outcome == .left([1]))
        #expect(generation == .max, "What is chosen already may be committed behind any fence.")
        // Chosen above our accept: nobody can adopt ours any more.
        let above = progress.step(Self.prepared(12, on: 10, value([1])), canTrustAbsence: true)
        guard case .finish(.done(let other)) = above else {
            Issue.record("\(above)")
            return
        }
        #expect(other.outcome == .left([1]))
    }

    @Test("A given-up operation that has sent an accept commits the base before it says so")
    func givingUp() throws {
        var progress = Self.progress()
        progress.refuse(.abandoned)
        progress.refuse(.error(.contended))
        let early = progress.step(Self.prepared(9, on: 5, value([1])), canTrustAbsence: true)
        guard case .finish(.refused(.abandoned)) = early else {
            Issue.record("\(early)")
            return
        }
        var late = Self.progress()
        _ = try Self.propose(&late, Self.prepared(9, on: 5, value([1])))
        late.refuse(.error(.contended))
        let step = late.step(Self.prepared(12, on: 5, value([1])), canTrustAbsence: true)
        guard case .settle(let identity, _, .refused(.error(.contended))) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(identity == value([1]))
    }

    @Test("An operation finds itself in the lineage: it has succeeded, whatever it wanted since")
    func ownLineage() throws {
        var progress = Self.progress()
        let sent = try Self.propose(&progress, Self.prepared(9, on: 5, value([1])))
        progress.refuse(.abandoned)
        let seen = progress.step(Self.prepared(12, on: 9, sent), canTrustAbsence: true)
        guard case .finish(.done(let changed)) = seen else {
            Issue.record("\(seen)")
            return
        }
        #expect(changed.outcome == .appended([1, 7]))
        // Shown by a minority only, it is committed first.
        let minority = progress.step(
            Self.prepared(12, on: 9, sent, isChosen: false),
            canTrustAbsence: true
        )
        guard case .settle(let value, 3, .done) = minority else {
            Issue.record("\(minority)")
            return
        }
        #expect(value == sent)
    }

    @Test("The outcome is that of the attempt which was carried on, not that of the last one")
    func attempts() throws {
        var progress = Self.progress()
        // Two changes raced for place 1: 10 is seen first, then 20.
        let first = try Self.propose(
            &progress,
            Self.prepared(5, on: 3, value([10], after: [10]), isChosen: false)
        )
        let second = try Self.propose(
            &progress,
            Self.prepared(7, on: 4, value([20], after: [20]), isChosen: false)
        )
        #expect(first.changeNumber == second.changeNumber)
        #expect(first.lineage.last != second.lineage.last)
        // A third proposer met the first attempt, and went on from there.
        let later = RegisterValue.following(
            first,
            operation: OperationID(900),
            body: Append.body([10, 7, 30]),
            hasGarbage: false
        )
        let step = progress.step(Self.prepared(11, on: 9, later), canTrustAbsence: true)
        guard case .finish(.done(let changed)) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(changed.outcome == .appended([10, 7]))
    }

    @Test("Up to 15 changes later an operation would find itself: it certainly did not happen")
    func lineageReach() throws {
        func verdict(changesAfterBase count: UInt64, canTrustAbsence: Bool = true) throws -> String
        {
            var progress = Self.progress()
            let base = value([1], after: [1])
            _ = try Self.propose(&progress, Self.prepared(9, on: 5, base))
            progress.refuse(.abandoned)
            let others = Array(1...(count + 1))
            let now = value(others, after: others)
            let step = progress.step(
                Self.prepared(40, on: 30, now),
                canTrustAbsence: canTrustAbsence
            )
            switch step {
            case .finish(.refused(.abandoned)): return "not applied"
            case .finish(.refused(.error(.unknownOutcome))): return "unknown"
            default: return "\(step)"
            }
        }
        #expect(try verdict(changesAfterBase: 0) == "not applied")
        #expect(try verdict(changesAfterBase: 16) == "not applied")
        #expect(try verdict(changesAfterBase: 17) == "unknown")
        #expect(try verdict(changesAfterBase: 0, canTrustAbsence: false) == "unknown")
    }

    @Test("An attempt that was passed over for good is forgotten, however much follows")
    func passedOver() throws {
        var progress = Self.progress()
        let first = try Self.propose(&progress, Self.prepared(9, on: 5, value([1], after: [1])))
        // Chosen at 10, without the attempt at 9: nobody will ever carry that one on.
        let second = try Self.propose(
            &progress,
            Self.prepared(12, on: 10, value([2], after: [1, 2]))
        )
        #expect(second.lineage.last != first.lineage.last, "Names are not used again.")
        #expect(progress.attempts.map(\.ballot) == [ballot(12)])
        // 16 changes after the first attempt, but only 15 after the second.
        let others = Array(UInt64(1)...18)
        progress.refuse(.abandoned)
        let step = progress.step(
            Self.prepared(40, on: 30, value(others, after: others)),
            canTrustAbsence: true
        )
        guard case .finish(.refused(.abandoned)) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(!progress.hasSent)
    }

    @Test("A name that somebody else has used is not taken for the own operation")
    func reusedName() {
        var progress = Self.progress()
        let step = progress.step(
            Self.prepared(9, on: 5, value([1], after: [500])),
            canTrustAbsence: true
        )
        guard case .finish(.refused(.error(.unknownOutcome))) = step else {
            Issue.record("\(step)")
            return
        }
    }

    @Test("A record that cannot be read is left alone")
    func damaged() {
        var progress = Self.progress()
        var bad = value([1])
        bad.body = [1, 2, 3]
        let step = progress.step(Self.prepared(9, on: 5, bad), canTrustAbsence: true)
        guard case .finish(.refused(.error(.damaged(testKey)))) = step else {
            Issue.record("\(step)")
            return
        }
    }

    @Test("A value that no replica would take is not sent")
    func tooLarge() {
        struct Huge: RegisterChange {
            func apply(
                to value: RegisterValue?,
                ballot: Ballot
            ) throws(RecordError) -> ChangeDecision<Int> {
                let body = [UInt8](repeating: 0, count: Limit.registerValueBytes + 1)
                return .write(body: body, hasGarbage: false, 1)
            }
        }
        var progress = ChangeProgress(
            Huge(),
            key: testKey,
            operation: OperationID(1),
            generation: 0
        )
        let step = progress.step(Self.prepared(9, on: 0, nil), canTrustAbsence: true)
        guard case .finish(.refused(.error(.damaged(testKey)))) = step else {
            Issue.record("refused, of course")
            return
        }
    }

    @Test("Where there is no row, an identity writes a tombstone without history")
    func identityOfNothing() {
        let prepared = Self.prepared(9, on: 0, nil)
        #expect(prepared.identity.body == nil)
        #expect(prepared.identity.changeNumber == 0)
        #expect(prepared.identity.lineage == [])
    }
}
