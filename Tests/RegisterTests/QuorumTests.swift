import StoreModel
import Testing

@testable import Register

struct QuorumTests {
    /// All sets of places below `count`.
    private static func subsets(_ count: Int) -> [[Int]] {
        (0..<(1 << count)).map { bits in (0..<count).filter { bits >> $0 & 1 == 1 } }
    }

    private static let former = [0, 1, 2]
    private static let latters = [[0, 1, 3], [0, 3, 4], [3, 4, 5], [1], [0, 1, 2, 3, 4]]

    private static func joint(_ latter: [Int]) -> Quorum {
        Quorum(majoritiesOf: [Self.former, latter], count: 6)
    }

    @Test("A joint quorum has a majority of the former and a majority of the latter, and no less")
    func joint() {
        for latter in Self.latters {
            let quorum = Self.joint(latter)
            for places in Self.subsets(6) {
                let ofFormer = places.count { Self.former.contains($0) }
                let ofLatter = places.count { latter.contains($0) }
                let isEnough = ofFormer >= 2 && ofLatter > latter.count / 2
                #expect(quorum.isMet(by: places) == isEnough)
            }
        }
    }

    @Test("Any joint quorum meets each quorum of the layout before, of the next, and each other")
    func intersections() {
        for latter in Self.latters {
            let joint = Self.subsets(6).filter { Self.joint(latter).isMet(by: $0) }
            for set in [Self.former, latter] {
                let stable = Quorum(majoritiesOf: [set], count: 6)
                for places in Self.subsets(6) where stable.isMet(by: places) {
                    for other in joint { #expect(!Set(places).isDisjoint(with: other)) }
                }
            }
            for one in joint {
                for other in joint { #expect(!Set(one).isDisjoint(with: other)) }
            }
        }
    }

    @Test("What is lost without some places is what the others cannot make up")
    func withoutPlaces() {
        for latter in Self.latters {
            let quorum = Self.joint(latter)
            for places in Self.subsets(6) {
                let others = (0..<6).filter { !places.contains($0) }
                #expect(quorum.canBeMet(without: places) == quorum.isMet(by: others))
            }
        }
        for count in 1...7 {
            let quorum = Quorum(majorityOf: count)
            for places in Self.subsets(count) {
                #expect(quorum.isMet(by: places) == (places.count >= majority(of: count)))
            }
        }
    }

    /// Three former replicas, of which the last leaves for a fourth.
    private static let replaced = ReplicaGroup.test(
        Quorum(majoritiesOf: [[0, 1, 2], [0, 1, 3]], count: 4),
        isJoint: true
    )

    @Test("In a joint layout promises, accepts and reads count only with both majorities")
    func tallies() throws {
        let group = Self.replaced
        let none = RegisterReply.promised(accepted: .zero, value: nil)
        let some = RegisterReply.promised(accepted: ballot(3), value: value([1]))
        let row = RegisterReply.row(accepted: ballot(3), value: value([1]))
        func prepared(_ replies: [(Int, RegisterReply)]) -> Prepared? {
            PrepareTally(replies.map { (replica: $0.0, reply: $0.1) }, of: group)
                .prepared(ballot(9))
        }
        #expect(prepared([(0, none), (2, none)]) == nil, "Only one of the latter.")
        #expect(prepared([(1, none), (3, none)]) == nil, "Only one of the former.")
        #expect(prepared([(0, none), (1, none)]) != nil, "Two that stay are both.")
        let mixed = try #require(prepared([(0, some), (2, some), (3, none)]))
        #expect(mixed.accepted == ballot(3) && !mixed.isChosen)
        #expect(try #require(prepared([(0, some), (2, some), (3, some)])).isChosen)
        func accepted(_ places: [Int], refused: [Int] = []) -> AcceptTally {
            AcceptTally(
                places.map { (replica: $0, reply: .accepted) }
                    + refused.map { (replica: $0, reply: .conflict(newest: ballot(7))) },
                of: group
            )
        }
        #expect(accepted([0, 2]).round == .silent(needed: 2, answered: 2))
        #expect(accepted([0, 2, 3]).round == .accepted)
        #expect(accepted([2, 3], refused: [0]).round == .conflict(newest: ballot(7)))
        #expect(!accepted([2, 3], refused: [0]).isDecided, "1 may still answer.")
        #expect(accepted([], refused: [1, 3]).isDecided, "No majority of the latter is left.")
        #expect(!accepted([], refused: [0, 1, 2]).isRefusedByAll)
        #expect(accepted([], refused: [0, 1, 2, 3]).isRefusedByAll)
        func agreed(_ places: [Int]) -> RegisterState? {
            ReadTally(places.map { (replica: $0, reply: row) }, of: group).agreed
        }
        #expect(agreed([0, 2]) == nil)
        #expect(agreed([0, 3]) == nil)
        #expect(agreed([0, 2, 3])?.ballot == ballot(3))
    }

    @Test("No row is erased while replicas are changed")
    func eraseInJoint() throws {
        let world = World(seed: 1, count: 4)
        let tombstone = RegisterValue(changeNumber: 2, lineage: [], body: nil, hasGarbage: false)
        world.put(accept(ballot(5), tombstone), about: testKey, at: 0, 1, 2, 3)
        final class Joint: RegisterReplicas, @unchecked Sendable {
            // Unchecked: used on the executor's one thread.
            let inner: Proposer

            init(_ inner: Proposer) { self.inner = inner }

            func group(of key: RegisterKey) -> ReplicaGroup { QuorumTests.replaced }

            func ask(
                _ request: RegisterRequest,
                about key: RegisterKey,
                of group: ReplicaGroup,
                _ terms: RoundTerms,
                enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
            ) async -> [(replica: Int, reply: RegisterReply)] {
                await self.inner.ask(
                    request,
                    about: key,
                    of: group,
                    terms,
                    enough: enough
                )
            }

            func ask(
                _ request: RegisterRequest,
                about key: RegisterKey,
                of group: ReplicaGroup,
                replica: Int
            ) async -> RegisterReply? { nil }

            func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
                self.inner.ballot(above: other, for: key)
            }

            func pause(upTo longest: Duration) async { await self.inner.pause(upTo: longest) }

            var nanoseconds: UInt64 { self.inner.nanoseconds }
        }
        let joint = Joint(Proposer(world))
        func erase(mayBeJoint: Bool) throws -> EraseOutcome {
            try joint.inner.perform { _ in
                try await RegisterProposer(replicas: joint).erase(
                    testKey,
                    generation: 0,
                    mayBeJoint: mayBeJoint
                )
            }
        }
        #expect(try erase(mayBeJoint: false) == .postponed)
        #expect(world.rounds == 0)
        #expect(try erase(mayBeJoint: true) == .erased(replicas: 4), "The rule is what stops it.")
    }

    @Test("A promise of another layout is not used: the change prepares anew")
    func promiseOfAnotherLayout() throws {
        let world = World(seed: 1)
        let proposer = Proposer(world)
        let prepared = try proposer.perform {
            registers throws(RegisterError) in try await registers.prepare(testKey)
        }
        #expect(prepared.group.epoch == 1)
        world.epoch = 2
        let before = world.rounds
        let changed = try proposer.perform { registers throws(RegisterError) in
            try await registers.change(
                testKey,
                operation: OperationID(7),
                generation: 0,
                from: prepared,
                Append(item: 7)
            )
        }
        #expect(changed.outcome == .appended([7]))
        #expect(world.rounds - before == 2, "A prepare and an accept.")
    }
}
