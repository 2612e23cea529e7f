import Coordinator
import Runtime
import StoreModel
import Synchronization
import Testing

struct BallotSourceTests {
    /// A clock that says what it is told.
    private final class TestClock: TimeSource {
        let wall = Mutex<UInt64>(1_000_000)

        var nanoseconds: UInt64 { 0 }
        var wallMicroseconds: UInt64 { self.wall.withLock { $0 } }

        func set(_ microseconds: UInt64) { self.wall.withLock { $0 = microseconds } }
        func sleep(for duration: Duration) async {}
    }

    private static func ballot(_ round: UInt64) -> Ballot {
        Ballot(round: round, node: 9, incarnation: 9, sequence: 9)
    }

    private static let key = object("k")

    private let clock = TestClock()

    private func source(node: UInt16 = 3, incarnation: UInt32 = 7) -> BallotSource {
        let source = BallotSource(incarnation: incarnation, clock: self.clock)
        source.become(node: node)
        return source
    }

    @Test("A ballot lies above what was met, above the clock, and above those drawn before")
    func rounds() {
        let source = self.source()
        let key = RegisterKey.object(BucketID(1), Self.key.key)
        #expect(source.ballot(above: .zero, for: key).round == 1_000_000)
        #expect(source.ballot(above: .zero, for: key).round == 1_000_001)
        #expect(source.ballot(above: Self.ballot(5_000_000), for: key).round == 5_000_001)
        #expect(source.ballot(above: .zero, for: key).round == 5_000_002)
        self.clock.set(9_000_000)
        #expect(source.ballot(above: .zero, for: key).round == 9_000_000)
        self.clock.set(1)
        #expect(source.ballot(above: .zero, for: key).round == 9_000_001, "Clocks may go back.")
    }

    @Test("A ballot carries its node and incarnation, and no two are equal")
    func uniqueness() {
        let key = RegisterKey.object(BucketID(1), Self.key.key)
        var seen: Set<Ballot> = []
        for (node, incarnation) in [(1, 1), (1, 2), (2, 1)] as [(UInt16, UInt32)] {
            let source = self.source(node: node, incarnation: incarnation)
            for number in 0..<70_000 {
                // A clock that stands still, and the same ballots met again and again.
                let ballot = source.ballot(above: Self.ballot(UInt64(number % 3)), for: key)
                #expect(ballot.node == node && ballot.incarnation == incarnation)
                #expect(seen.insert(ballot).inserted)
            }
        }
    }

    @Test("A manifest is born at the clock's round; its later rounds count on from there")
    func manifests() {
        let source = self.source()
        let manifest = source.manifest(in: PartitionID(index: 5))
        #expect(manifest.partition == PartitionID(index: 5))
        #expect(manifest.birth.round == 1_000_000)
        self.clock.set(50_000_000)
        let key = RegisterKey.manifest(manifest)
        let first = source.ballot(above: .zero, for: key)
        let second = source.ballot(above: .zero, for: key)
        #expect(first.round == 1_000_001)
        #expect(second.round == 1_000_002)
        #expect(source.ballot(above: Self.ballot(1_000_050), for: key).round == 1_000_051)
        #expect(source.manifest(in: PartitionID(index: 5)) != manifest)
    }

    @Test("The time for labels never goes back")
    func now() {
        let source = self.source()
        let first = source.now()
        self.clock.set(10)
        #expect(source.now() > first)
    }
}
