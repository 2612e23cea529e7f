import StoreModel
import Testing

@testable import Register

/// Changes that are proposed as one.
struct CombinedChangeTests {
    /// Appends, leaves odd lists alone, wants a higher ballot, is too long, or cannot read.
    enum Kind: CaseIterable {
        case append, appendToEven, retry, tooLong, unreadable
    }

    struct Sample: RegisterChange {
        let kind: Kind
        let item: UInt64

        func apply(
            to value: RegisterValue?,
            ballot: Ballot
        ) throws(RecordError) -> ChangeDecision<Append.Outcome> {
            switch self.kind {
            case .append, .appendToEven:
                let change = Append(item: self.item, onlyToEven: self.kind == .appendToEven)
                return try change.apply(to: value, ballot: ballot)
            case .retry: return .retry(above: RegisterTests.ballot(self.item))
            case .tooLong:
                let body = [UInt8](repeating: 0, count: Limit.registerValueBytes + 1)
                return .write(body: body, hasGarbage: false, .left([]))
            case .unreadable: throw .invalid("test")
            }
        }
    }

    /// What a combined change should do: evaluated one by one.
    struct Expected: Equatable {
        var list: [UInt64]
        var results: [String] = []
        var hasWritten = false

        init(_ kinds: [Kind], on list: [UInt64]) {
            self.list = list
            evaluation: for (index, kind) in kinds.enumerated() {
                switch kind {
                case .append: self.append(index)
                case .appendToEven:
                    if self.list.count.isMultiple(of: 2) {
                        self.append(index)
                    } else {
                        self.results.append("kept \(self.list)")
                    }
                case .retry: break evaluation
                case .tooLong:
                    if self.hasWritten { break evaluation }
                    self.results.append("damaged")
                case .unreadable: self.results.append("damaged")
                }
            }
            self.results += Array(repeating: "none", count: kinds.count - self.results.count)
        }

        private mutating func append(_ index: Int) {
            self.list.append(UInt64(index))
            self.hasWritten = true
            self.results.append("wrote \(self.list)")
        }
    }

    private static func describe(_ results: CombinedChange.Outcome) -> [String] {
        func list(_ outcome: some Sendable) -> String {
            switch outcome as? Append.Outcome {
            case .appended(let list)?, .left(let list)?: "\(list)"
            case nil: "?"
            }
        }
        return results.map { result in
            switch result {
            case .wrote(let outcome)?: "wrote \(list(outcome))"
            case .kept(let outcome)?: "kept \(list(outcome))"
            case .damaged?: "damaged"
            case nil: "none"
            }
        }
    }

    @Test("Any three changes at once do what they would do one by one", arguments: Kind.allCases)
    func oneByOne(first: Kind) throws {
        for second in Kind.allCases {
            for third in Kind.allCases {
                for list in [[], [90], [90, 91]] as [[UInt64]] {
                    try Self.check([first, second, third], on: list)
                }
            }
        }
    }

    private static func check(_ kinds: [Kind], on list: [UInt64]) throws {
        let changes = kinds.enumerated().map { Sample(kind: $0.element, item: UInt64($0.offset)) }
        let expected = Expected(kinds, on: list)
        let decision: ChangeDecision<CombinedChange.Outcome>
        do throws(RecordError) {
            decision = try CombinedChange(changes).apply(to: value(list), ballot: ballot(9))
        } catch {
            #expect(expected.results == ["damaged", "damaged", "damaged"], "\(kinds)")
            return
        }
        switch decision {
        case .write(let body, _, _, let results):
            #expect(try Append.list(in: body) == expected.list, "\(kinds)")
            #expect(Self.describe(results) == expected.results, "\(kinds)")
            #expect(expected.hasWritten)
        case .keep(let results):
            #expect(Self.describe(results) == expected.results, "\(kinds)")
            #expect(!expected.hasWritten)
        case .retry(let above):
            #expect(kinds[0] == .retry)
            #expect(above == ballot(0))
        }
    }

    @Test("What is taken out leaves the places of the others as they are")
    func without() throws {
        let change = CombinedChange((0..<3).map { Sample(kind: .append, item: $0) })
        let rest = change.without([1])
        guard
            case .write(let body, _, _, let results) =
                try rest.apply(to: value([]), ballot: ballot(9))
        else {
            Issue.record("no write")
            return
        }
        #expect(try Append.list(in: body) == [0, 2])
        #expect(results.map { $0 == nil } == [false, true, false])
        #expect(!rest.isEmpty)
        #expect(rest.without([0, 2]).isEmpty)
    }

    @Test("Large values end a proposal: what is thrown away is bounded")
    func bounded() throws {
        struct Large: RegisterChange {
            func apply(
                to value: RegisterValue?,
                ballot: Ballot
            ) throws(RecordError) -> ChangeDecision<Int> {
                .write(body: [UInt8](repeating: 0, count: 300_000), hasGarbage: false, 1)
            }
        }
        let change = CombinedChange((0..<8).map { _ in Large() })
        guard case .write(_, _, _, let results) = try change.apply(to: nil, ballot: ballot(9))
        else {
            Issue.record("no write")
            return
        }
        #expect(
            results.map { $0 != nil } == [true, true, true, true] + [false, false, false, false]
        )
    }

    @Test("An operation says of each change what the attempt that was carried on has done with it")
    func attempts() throws {
        var progress = ChangeProgress(
            CombinedChange((1...2).map { Sample(kind: .append, item: $0) }),
            key: testKey,
            operation: OperationID(500),
            generation: 0
        )
        func prepared(_ round: UInt64, on accepted: UInt64, _ value: RegisterValue) -> Prepared {
            Prepared(
                ballot: ballot(round),
                accepted: ballot(accepted),
                value: value,
                isChosen: false,
                group: .of(3)
            )
        }
        func propose(_ prepared: Prepared) throws -> RegisterValue {
            guard
                case .propose(let value, _, let outcome) =
                    progress.step(prepared, canTrustAbsence: true)
            else { throw Stuck() }
            progress.sent(at: prepared.ballot, value, outcome)
            return value
        }
        let first = try propose(prepared(5, on: 3, value([10], after: [10])))
        #expect(first.changeNumber == 2, "One change of the register, one name.")
        #expect(first.lineage == [OperationID(10), OperationID(500)])
        // The second change is taken out: the second attempt is without it.
        progress.replace(with: progress.change.without([1]))
        _ = try propose(prepared(7, on: 4, value([20], after: [20])))
        // Somebody has carried the first attempt on.
        guard
            case .settle(_, _, .done(let changed)) =
                progress.step(prepared(11, on: 5, first), canTrustAbsence: true)
        else {
            Issue.record("not found")
            return
        }
        #expect(Self.describe(changed.outcome) == ["wrote [10, 1]", "wrote [10, 1, 2]"])
    }

    @Test("What was taken out and may have left is refused only after an identity")
    func takenOut() throws {
        var progress = ChangeProgress(
            CombinedChange([Sample(kind: .append, item: 1), Sample(kind: .appendToEven, item: 2)]),
            key: testKey,
            operation: OperationID(500),
            generation: 0
        )
        let base = value([10], after: [10])
        let early = Prepared(
            ballot: ballot(5),
            accepted: ballot(3),
            value: base,
            isChosen: true,
            group: .of(3)
        )
        guard
            case .propose(let sent, _, let outcome) =
                progress.step(early, canTrustAbsence: true)
        else {
            Issue.record("no proposal")
            return
        }
        progress.sent(at: ballot(5), sent, outcome)
        progress.replace(with: progress.change.without([0]))
        // The other has nothing to do now: that is not said before the first attempt is dead.
        let late = Prepared(
            ballot: ballot(9),
            accepted: ballot(3),
            value: base,
            isChosen: true,
            group: .of(3)
        )
        guard
            case .settle(let identity, _, .done(let changed)) =
                progress.step(late, canTrustAbsence: true)
        else {
            Issue.record("no identity")
            return
        }
        #expect(identity == base)
        #expect(Self.describe(changed.outcome) == ["none", "kept [10]"])
    }
}
