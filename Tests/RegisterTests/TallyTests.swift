import StoreModel
import Testing

@testable import Register

struct TallyTests {
    private static func replies(
        _ replies: RegisterReply...
    ) -> [(replica: Int, reply: RegisterReply)] {
        replies.enumerated().map { (replica: $0.offset, reply: $0.element) }
    }

    @Test("A majority is the smallest number of which any two share a member")
    func majorities() {
        #expect((1...7).map { majority(of: $0) } == [1, 2, 2, 3, 3, 4, 4])
    }

    @Test("Two majorities of promises of one ballot cannot be split by one reply too few")
    func promises() {
        let one = Self.replies(.promised(accepted: .zero, value: nil))
        #expect(!PrepareTally(one, of: .of(3)).isDecided)
        #expect(PrepareTally(one, of: .of(3)).prepared(ballot(9)) == nil)
        #expect(PrepareTally(one, of: .of(1)).prepared(ballot(9)) != nil)
    }

    @Test("The base is the value of the highest accepted ballot among the promises")
    func base() throws {
        let tally = PrepareTally(
            Self.replies(
                .promised(accepted: ballot(3), value: value([3])),
                .promised(accepted: ballot(5), value: value([5])),
                .promised(accepted: .zero, value: nil)
            ),
            of: .of(5)
        )
        let prepared = try #require(tally.prepared(ballot(9)))
        #expect(prepared.accepted == ballot(5))
        #expect(prepared.value == value([5]))
        #expect(!prepared.isChosen, "One replica of five shows it.")
    }

    @Test("A base is chosen if a majority shows its very ballot")
    func chosen() throws {
        let same = RegisterReply.promised(accepted: ballot(5), value: value([5]))
        let older = RegisterReply.promised(accepted: ballot(4), value: value([5]))
        let none = RegisterReply.promised(accepted: .zero, value: nil)
        func isChosen(_ replies: RegisterReply...) throws -> Bool {
            let list = replies.enumerated().map { (replica: $0.offset, reply: $0.element) }
            return try #require(PrepareTally(list, of: .of(3)).prepared(ballot(9))).isChosen
        }
        #expect(try isChosen(same, same))
        #expect(try isChosen(older, same, same))
        #expect(try !isChosen(older, same), "The same value at another ballot is not the same.")
        #expect(try !isChosen(none, same))
        #expect(try isChosen(none, none), "That there is no row can be chosen too.")
    }

    @Test("A prepare is lost as soon as too few replicas are left for a majority")
    func refusedPrepare() {
        let no = RegisterReply.conflict(newest: ballot(11))
        #expect(!PrepareTally(Self.replies(no), of: .of(3)).isDecided)
        let tally = PrepareTally(Self.replies(no, .conflict(newest: ballot(12))), of: .of(3))
        #expect(tally.isDecided)
        #expect(tally.prepared(ballot(9)) == nil)
        #expect(tally.newest == ballot(12))
        #expect(!PrepareTally(Self.replies(no, no), of: .of(5)).isDecided)
        #expect(PrepareTally(Self.replies(no, no), of: .of(4)).isDecided)
    }

    @Test("A damaged row counts in no quorum")
    func corrupt() {
        let yes = RegisterReply.promised(accepted: .zero, value: nil)
        #expect(PrepareTally(Self.replies(yes, .corrupt), of: .of(3)).prepared(ballot(9)) == nil)
        #expect(!AcceptTally(Self.replies(.accepted, .corrupt), of: .of(3)).isDecided)
        let row = RegisterReply.row(accepted: .zero, value: nil)
        #expect(ReadTally(Self.replies(row, .corrupt), of: .of(3)).agreed == nil)
    }

    @Test("A promise that shows a ballot from the future is not believed")
    func impossiblePromise() {
        let odd = RegisterReply.promised(accepted: ballot(9), value: value([1]))
        #expect(PrepareTally(Self.replies(odd, odd), of: .of(3)).prepared(ballot(9)) == nil)
    }

    @Test("An accept is chosen with a majority, refused without hope of one, else open")
    func accepts() {
        func round(_ replies: RegisterReply..., of count: Int = 3) -> AcceptTally.Round {
            let list = replies.enumerated().map { (replica: $0.offset, reply: $0.element) }
            return AcceptTally(list, of: .of(count)).round
        }
        let no = RegisterReply.conflict(newest: ballot(7))
        let fenced = RegisterReply.fenced(generation: 4)
        #expect(round(.accepted, .accepted) == .accepted)
        #expect(round(no, .accepted, .accepted) == .accepted)
        #expect(round(.accepted, .accepted, of: 4) == .silent(needed: 3, answered: 2))
        #expect(round(no, .accepted) == .conflict(newest: ballot(7)))
        #expect(round(fenced, .fenced(generation: 6)) == .fenced(leastGeneration: 6))
        #expect(round(fenced, no) == .conflict(newest: ballot(7)), "One fence is not a majority.")
        #expect(round(fenced, .accepted) == .silent(needed: 2, answered: 2))
        #expect(round() == .silent(needed: 2, answered: 0))
    }

    @Test("Reads agree on a ballot, not on a value, and not on what one replica has")
    func reads() {
        func agreed(_ replies: RegisterReply..., of count: Int = 3) -> RegisterState? {
            let list = replies.enumerated().map { (replica: $0.offset, reply: $0.element) }
            return ReadTally(list, of: .of(count)).agreed
        }
        let five = RegisterReply.row(accepted: ballot(5), value: value([1]))
        let six = RegisterReply.row(accepted: ballot(6), value: value([1]))
        #expect(agreed(five) == nil)
        #expect(agreed(five, six) == nil)
        #expect(agreed(five, six, five)?.ballot == ballot(5), "6 was not chosen before the read.")
        #expect(agreed(five, five, of: 4) == nil)
    }

    @Test("'No row' and 'tombstone' are different answers")
    func noneIsNoTombstone() {
        let none = RegisterReply.row(accepted: .zero, value: nil)
        let tombstone = RegisterReply.row(
            accepted: ballot(5),
            value: RegisterValue(changeNumber: 2, lineage: [], body: nil, hasGarbage: false)
        )
        #expect(ReadTally(Self.replies(none, tombstone), of: .of(3)).agreed == nil)
        let absent = ReadTally(Self.replies(none, none), of: .of(3)).agreed
        #expect(absent == RegisterState(ballot: .zero, value: nil))
        let deleted = ReadTally(Self.replies(tombstone, tombstone), of: .of(3)).agreed
        #expect(deleted?.ballot == ballot(5))
        #expect(deleted?.body == nil)
    }
}
