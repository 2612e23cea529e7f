import Content
import Register
import Runtime
import StoreModel
import Synchronization
import Testing

@testable import Coordinator

/// What members of one proposal are asked for and told.
struct BatchTests {
    private struct Refused: Error {}

    private static func ballot(_ round: UInt64) -> Ballot {
        Ballot(round: round, node: 1, incarnation: 1, sequence: 1)
    }

    private static let key = RegisterKey.layout

    /// A change with a hold up to round 10; `raise` says what becomes of raising it.
    private static func change(
        mayYield: Bool = false,
        raise: @escaping @Sendable (Ballot) throws -> Void = { _ in }
    ) -> QueuedChange {
        var terms = WriteTerms(mayYield: mayYield)
        terms.hold = ChangeHold(ceiling: Self.ballot(10)) { try raise($0) }
        return QueuedChange(BuryChange(), terms, deadline: 0)
    }

    @Test("The hold of every member that writes is raised before the accept leaves, or it is out")
    func holds() async {
        let raised = Mutex<[String]>([])
        func batch() -> Batch {
            Batch(
                Self.key,
                [
                    Self.change { _ in raised.withLock { $0.append("first") } },
                    Self.change { _ in raised.withLock { $0.append("second") } },
                    Self.change { _ in throw Refused() },
                    Self.change { _ in raised.withLock { $0.append("kept") } },
                    Self.change { _ in raised.withLock { $0.append("left out") } },
                ]
            )
        }
        let outcome: CombinedChange.Outcome = [
            .wrote(true), .wrote(true), .wrote(true), .kept(false), nil,
        ]
        var low = batch()
        #expect(await low.prepare(outcome, at: Self.ballot(10), []) == [])
        #expect(raised.withLock { $0 } == [], "The ceiling covers it.")
        var high = batch()
        #expect(await high.prepare(outcome, at: Self.ballot(11), []) == [2])
        #expect(Set(raised.withLock { $0 }) == ["first", "second"])
        raised.withLock { $0 = [] }
        var broken = batch()
        #expect(await broken.prepare(outcome, at: Self.ballot(11), .combineSkipsHold) == [])
        #expect(raised.withLock { $0 } == ["first"], "What the broken rule would do.")
    }

    private static func describe(_ change: QueuedChange) async -> String {
        switch await change.answer.value {
        case .success: "made"
        case .failure(let error as RegisterError): "\(error)"
        case .failure(let error): "\(type(of: error))"
        }
    }

    private static func end(_ error: RegisterError, lost: Int = 0) -> CombinedEnd {
        CombinedEnd(result: .failure(error), lost: lost)
    }

    @Test("An uncertain end is uncertain only for those that an accept has left with")
    func uncertain() async {
        let (sent, unsent) = (Self.change(), Self.change())
        var batch = Batch(Self.key, [sent, unsent])
        _ = await batch.prepare([.wrote(true), nil], at: Self.ballot(1), [])
        #expect(batch.answer(Self.end(.unknownOutcome)).isEmpty)
        #expect(await Self.describe(sent) == "unknownOutcome")
        #expect(await Self.describe(unsent) == "contended")
    }

    @Test("A member that was taken out hears why, unless it may have left before")
    func takenOut() async {
        let raise: @Sendable (Ballot) throws -> Void = { _ in throw Refused() }
        // Taken out before anything left, then an unknown end: certainly nothing of it.
        let early = Self.change(raise: raise)
        var first = Batch(Self.key, [early, Self.change()])
        #expect(await first.prepare([.wrote(true), .kept(true)], at: Self.ballot(11), []) == [0])
        _ = await first.prepare([nil, .kept(true)], at: Self.ballot(11), [])
        _ = first.answer(Self.end(.unknownOutcome))
        #expect(await Self.describe(early) == "Refused")
        // Left once, taken out later: the unknown end is its own.
        let late = Self.change(raise: raise)
        var second = Batch(Self.key, [late, Self.change()])
        #expect(await second.prepare([.wrote(true), .kept(true)], at: Self.ballot(9), []) == [])
        #expect(await second.prepare([.wrote(true), .kept(true)], at: Self.ballot(11), []) == [0])
        _ = second.answer(Self.end(.unknownOutcome))
        #expect(await Self.describe(late) == "unknownOutcome")
    }

    @Test("Members that were no part of what took effect come back, in order")
    func rest() async {
        let changes = (0..<4).map { _ in Self.change() }
        let batch = Batch(Self.key, changes)
        let changed = Changed<CombinedChange.Outcome>(
            outcome: [nil, .wrote(true), .damaged, nil],
            state: RegisterState(ballot: .zero, value: nil)
        )
        let rest = batch.answer(CombinedEnd(result: .success(changed), lost: 0))
        #expect(rest.map { ObjectIdentifier($0) } == [0, 3].map { ObjectIdentifier(changes[$0]) })
        #expect(await Self.describe(changes[1]) == "made")
        #expect(await Self.describe(changes[2]) == "damaged(layout)")
    }

    @Test("What may yield does so only where others were in the way")
    func yields() async {
        let (stays, yields) = (Self.change(mayYield: true), Self.change(mayYield: true))
        _ = Batch(Self.key, [stays]).answer(Self.end(.contended))
        _ = Batch(Self.key, [yields]).answer(Self.end(.contended, lost: 3))
        #expect(await Self.describe(stays) == "contended")
        #expect(await Self.describe(yields) == "Yielded")
    }
}
