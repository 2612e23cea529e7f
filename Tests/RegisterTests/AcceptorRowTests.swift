import Register
import StoreModel
import TestSupport
import Testing

struct AcceptorRowTests {
    /// A row that accepted `accepted` and has since promised `promised`.
    private static func row(accepted: UInt64, promised: UInt64? = nil) -> AcceptorRow {
        var row = AcceptorRow()
        #expect(Self.accept(&row, accepted, value([1])) == .accepted)
        if let promised {
            let reply = row.prepare(ballot(promised), floor: .zero)
            #expect(reply == .promised(accepted: ballot(accepted), value: value([1])))
        }
        return row
    }

    private static func accept(
        _ row: inout AcceptorRow,
        _ round: UInt64,
        _ value: RegisterValue,
        generation: UInt64 = 0,
        rules: AcceptorRules = AcceptorRules()
    ) -> RegisterReply {
        row.accept(ballot(round), value, generation: generation, rules: rules)
    }

    @Test("A promise is given once, and only above everything promised and accepted")
    func prepare() {
        var row = Self.row(accepted: 5, promised: 7)
        #expect(row.prepare(ballot(7), floor: .zero) == .conflict(newest: ballot(7)))
        #expect(row.prepare(ballot(6), floor: .zero) == .conflict(newest: ballot(7)))
        #expect(
            row.prepare(ballot(8), floor: .zero)
                == .promised(accepted: ballot(5), value: value([1]))
        )
        #expect(row.promised == ballot(8))
    }

    @Test(
        "An accept may promise a higher ballot along with it; lower ones are refused from then on"
    )
    func acceptWithNext() {
        var row = AcceptorRow()
        let rules = AcceptorRules()
        let first = row.accept(
            ballot(5),
            value([1]),
            generation: 0,
            next: ballot(8),
            rules: rules
        )
        #expect(first == .accepted)
        #expect(row.promised == ballot(8) && row.accepted == ballot(5))
        #expect(row.prepare(ballot(7), floor: .zero) == .conflict(newest: ballot(8)))
        #expect(Self.accept(&row, 8, value([2])) == .accepted)
    }

    @Test("Whoever hears a repeated accept acknowledged may count on the promise too")
    func repeatedAcceptRenewsPromise() {
        var row = Self.row(accepted: 5)
        let reply = row.accept(
            ballot(5),
            value([1]),
            generation: 0,
            next: ballot(9),
            rules: AcceptorRules()
        )
        #expect(reply == .accepted)
        #expect(row.promised == ballot(9))
    }

    @Test("A register without a row has promised the floor; one with a row goes by its own")
    func floor() {
        var empty = AcceptorRow()
        #expect(empty.prepare(ballot(9), floor: ballot(9)) == .conflict(newest: ballot(9)))
        #expect(
            empty.prepare(ballot(10), floor: ballot(9)) == .promised(accepted: .zero, value: nil)
        )
        var row = Self.row(accepted: 5)
        #expect(
            row.prepare(ballot(6), floor: ballot(9))
                == .promised(accepted: ballot(5), value: value([1]))
        )
        #expect(
            Self.accept(&row, 6, value([2]), rules: AcceptorRules(floor: ballot(9))) == .accepted
        )
    }

    @Test("With nothing accepted, an accept must be above the floor, whatever was promised")
    func acceptAboveFloor() {
        let rules = AcceptorRules(floor: ballot(9))
        var row = AcceptorRow()
        #expect(Self.accept(&row, 8, value([1]), rules: rules) == .conflict(newest: ballot(9)))
        #expect(
            Self.accept(&row, 9, value([1]), rules: rules) == .conflict(newest: ballot(9)),
            "The floor may be the ballot of an erased row."
        )
        // The floor has risen since the promise: an erased row may have been in between.
        _ = row.prepare(ballot(5), floor: .zero)
        #expect(Self.accept(&row, 5, value([1]), rules: rules) == .conflict(newest: ballot(9)))
        #expect(row.accepted == .zero)
        #expect(Self.accept(&row, 10, value([1]), rules: rules) == .accepted)
    }

    @Test("An accept needs no promise of this replica, but must not be below one")
    func accept() {
        var row = Self.row(accepted: 5, promised: 7)
        #expect(Self.accept(&row, 6, value([2])) == .conflict(newest: ballot(7)))
        #expect(row.value == value([1]))
        #expect(Self.accept(&row, 7, value([2])) == .accepted)
        #expect(Self.accept(&row, 9, value([3])) == .accepted)
        #expect(row.promised == ballot(9), "Accepting a ballot promises it.")
        #expect(row.accepted == ballot(9))
        #expect(row.value == value([3]))
    }

    @Test("Repeating an accept is harmless, even after a higher promise and behind a fence")
    func repeatedAccept() {
        var row = Self.row(accepted: 5, promised: 7)
        let before = row
        let rules = AcceptorRules(floor: ballot(9), leastGeneration: 4)
        #expect(Self.accept(&row, 5, value([1]), rules: rules) == .accepted)
        #expect(row == before)
    }

    @Test("One ballot, one value: a second value is refused")
    func oneBallotOneValue() {
        var row = Self.row(accepted: 5)
        #expect(Self.accept(&row, 5, value([2])) == .conflict(newest: ballot(5)))
        #expect(row.value == value([1]))
    }

    @Test("The zero ballot accepts nothing")
    func zero() {
        var row = AcceptorRow()
        let reply = row.accept(.zero, value([1]), generation: 0, rules: AcceptorRules())
        #expect(reply == .conflict(newest: .zero))
        #expect(row == AcceptorRow())
    }

    @Test("Behind a fence, accepts of older generations are refused; promises and reads are not")
    func fence() {
        var row = Self.row(accepted: 5)
        let before = row
        let rules = AcceptorRules(leastGeneration: 4)
        #expect(
            Self.accept(&row, 6, value([2]), generation: 3, rules: rules)
                == .fenced(generation: 4)
        )
        #expect(row == before)
        #expect(Self.accept(&row, 6, value([2]), generation: 4, rules: rules) == .accepted)
        #expect(Self.accept(&row, 7, value([3]), generation: .max, rules: rules) == .accepted)
        #expect(row.read() == .row(accepted: ballot(7), value: value([3])))
    }

    @Test("A read shows what was accepted, promised or not")
    func read() {
        #expect(AcceptorRow().read() == .row(accepted: .zero, value: nil))
        let row = Self.row(accepted: 5, promised: 7)
        #expect(row.read() == .row(accepted: ballot(5), value: value([1])))
    }

    @Test("A row is kept for what it accepted, or for a promise above the floor")
    func isNeeded() {
        #expect(!AcceptorRow().isNeeded(floor: .zero))
        #expect(Self.row(accepted: 5).isNeeded(floor: ballot(9)))
        var promised = AcceptorRow()
        _ = promised.prepare(ballot(5), floor: .zero)
        #expect(promised.isNeeded(floor: ballot(4)))
        #expect(!promised.isNeeded(floor: ballot(5)))
    }

    @Test(
        "Promises and accepted ballots only grow, and a refusal changes nothing",
        arguments: UInt64(0)..<50
    )
    func anySequence(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var row = AcceptorRow()
        var chosen: [Ballot: RegisterValue] = [:]
        for _ in 0..<60 {
            let before = row
            let next = ballot(random.next() % 12, UInt16(random.next() % 2))
            let reply: RegisterReply
            if random.chance(40) {
                reply = row.prepare(next, floor: ballot(random.next() % 4))
            } else {
                let rules = AcceptorRules(
                    floor: ballot(random.next() % 4),
                    leastGeneration: random.next() % 2
                )
                reply = row.accept(
                    next,
                    value([next.round, UInt64(next.node)]),
                    generation: random.next() % 2,
                    rules: rules
                )
                if reply == .accepted { chosen[next] = value([next.round, UInt64(next.node)]) }
            }
            #expect(row.promised >= before.promised)
            #expect(row.accepted >= before.accepted)
            if case .conflict = reply { #expect(row == before) }
            if case .fenced = reply { #expect(row == before) }
            #expect(row.value == chosen[row.accepted], "The value is that of its ballot.")
            #expect(try AcceptorRow(decoding: row.encoded) == row)
        }
    }

    @Test("A row that accepted more than it promised is damaged")
    func damagedRow() {
        var writer = ByteWriter()
        ballot(1).encode(into: &writer)
        ballot(2).encode(into: &writer)
        value([1]).encode(into: &writer)
        #expect(throws: RecordError.invalid("accepted above promised")) {
            try AcceptorRow(decoding: writer.bytes)
        }
    }
}
