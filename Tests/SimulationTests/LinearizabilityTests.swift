import SimulatedRuntime
import Simulation
import Testing

struct LinearizabilityTests {
    typealias Operation = KeyOperation

    private static func at(
        _ number: Int,
        _ action: Operation.Action,
        _ invoked: UInt64,
        _ responded: UInt64?
    ) -> Operation {
        Operation(number: number, action, invoked: invoked, responded: responded)
    }

    private static func verdict(_ operations: [Operation], bodies: [Int: Int] = [:])
        -> Linearizability.Verdict
    {
        Linearizability.check(operations, bodies: bodies)
    }

    private static func isRejected(_ operations: [Operation], bodies: [Int: Int] = [:]) -> Bool {
        if case .violation = Self.verdict(operations, bodies: bodies) { return true }
        return false
    }

    @Test("One after another is in order")
    func sequential() {
        let history = [
            Self.at(1, .read(0), 0, 1), Self.at(2, .write(2, if: .none), 2, 3),
            Self.at(3, .read(2), 4, 5), Self.at(4, .delete, 6, 7), Self.at(5, .read(0), 8, 9),
        ]
        #expect(Self.verdict(history) == .linearizable)
    }

    @Test("A read may see a write that is under way, and then no later read may miss it")
    func underWay() {
        let write = Self.at(1, .write(1, if: .none), 0, 100)
        #expect(Self.verdict([write, Self.at(2, .read(1), 10, 20)]) == .linearizable)
        let back = [write, Self.at(2, .read(1), 10, 20), Self.at(3, .read(0), 30, 40)]
        #expect(Self.isRejected(back))
    }

    @Test("A stale read is rejected")
    func stale() {
        let history = [
            Self.at(1, .write(1, if: .none), 0, 1), Self.at(2, .write(2, if: .none), 2, 3),
            Self.at(3, .read(1), 4, 5),
        ]
        #expect(Self.isRejected(history))
    }

    @Test("An acknowledged write that is gone is rejected")
    func lost() {
        let history = [Self.at(1, .write(1, if: .none), 0, 1), Self.at(2, .read(0), 2, 3)]
        #expect(Self.isRejected(history))
    }

    @Test("What certainly was not written must not be seen")
    func fromNowhere() {
        #expect(Self.isRejected([Self.at(2, .read(1), 2, 3)]))
    }

    @Test("A write of unknown outcome may happen late, or never, but not twice")
    func unknown() {
        let write = Self.at(1, .write(1, if: .none), 0, nil)
        let late = [write, Self.at(2, .read(0), 50, 60), Self.at(3, .read(1), 70, 80)]
        #expect(Self.verdict(late) == .linearizable)
        #expect(Self.verdict([write, Self.at(2, .read(0), 50, 60)]) == .linearizable)
        let twice = late + [Self.at(4, .delete, 90, 100), Self.at(5, .read(1), 110, 120)]
        #expect(Self.isRejected(twice))
        let early = [Self.at(6, .read(1), 0, 1), Self.at(1, .write(1, if: .none), 5, nil)]
        #expect(Self.isRejected(early))
    }

    @Test("Two creators cannot both win")
    func creators() {
        let both = [
            Self.at(1, .write(1, if: .absent), 0, 10), Self.at(2, .write(2, if: .absent), 0, 10),
        ]
        #expect(Self.isRejected(both))
        let one = [
            Self.at(1, .write(1, if: .absent), 0, 10), Self.at(2, .refused(.absent), 0, 10),
        ]
        #expect(Self.verdict(one) == .linearizable)
        #expect(Self.isRejected([Self.at(2, .refused(.absent), 0, 10)]))
    }

    @Test("A condition on the body looks at the body, whoever wrote it")
    func bodies() {
        let bodies = [1: 1, 2: 1, 3: 3]
        let copied = [
            Self.at(2, .write(2, if: .none), 0, 1), Self.at(3, .write(3, if: .body(of: 1)), 2, 3),
        ]
        #expect(Self.verdict(copied, bodies: bodies) == .linearizable)
        let wrong = copied + [Self.at(4, .write(1, if: .body(of: 1)), 4, 5)]
        #expect(Self.isRejected(wrong, bodies: bodies))
        let refused = copied + [Self.at(4, .refused(.body(of: 1)), 4, 5)]
        #expect(Self.verdict(refused, bodies: bodies) == .linearizable)
        let missing = copied + [Self.at(4, .missing, 4, 5)]
        #expect(Self.isRejected(missing, bodies: bodies))
    }

    @Test("A conditional delete looks at the body, too")
    func conditionalDeletes() {
        let bodies = [1: 1, 2: 2]
        let written = Self.at(1, .write(1, if: .none), 0, 1)
        let right = [
            written, Self.at(2, .deleteIf(.body(of: 1)), 2, 3), Self.at(3, .read(0), 4, 5),
        ]
        #expect(Self.verdict(right, bodies: bodies) == .linearizable)
        let wrong = [written, Self.at(2, .deleteIf(.body(of: 2)), 2, 3)]
        #expect(Self.isRejected(wrong, bodies: bodies))
    }

    @Test("A key that was seen among others is no key that was deleted before")
    func sights() {
        let gone = [Self.at(1, .write(1, if: .none), 0, 1), Self.at(2, .delete, 2, 3)]
        #expect(Self.isRejected(gone + [Self.at(3, .present, 4, 5)]))
        #expect(Self.verdict(gone + [Self.at(3, .present, 1, 5)]) == .linearizable)
        let unknown = gone + [Self.at(4, .write(4, if: .none), 4, nil)]
        #expect(Self.verdict(unknown + [Self.at(5, .present, 6, 7)]) == .linearizable)
    }

    @Test("A bucket is removed once for each time it was created")
    func bucket() {
        let created = Self.at(1, .write(1, if: .absent), 0, 1)
        let removed = Self.at(2, .remove, 2, 3)
        #expect(Self.verdict([created, removed]) == .linearizable)
        #expect(Self.isRejected([created, removed, Self.at(3, .remove, 4, 5)]))
        #expect(Self.isRejected([created, removed, Self.at(3, .present, 4, 5)]))
    }

    /// A history that a real register made: every operation takes effect at an instant inside it.
    private static func realHistory(_ random: inout SplitMix64) -> [Operation] {
        var state = 0
        return (1...60).map { number in
            // Effects at 100, 200, ...; the operations around them overlap.
            let instant = UInt64(number) * 100
            let invoked = instant - UInt64(random.number(in: 0...99).clamped(to: instant))
            let responded = instant + UInt64(random.number(in: 0...350))
            let action: Operation.Action
            switch random.number(in: 0...3) {
            case 0, 1: action = .read(state)
            case 2:
                action = .write(number, if: .none)
                state = number
            default:
                action = .delete
                state = 0
            }
            return Self.at(number, action, invoked, random.chance(permille: 100) ? nil : responded)
        }
    }

    @Test("Histories of a real register are accepted", arguments: UInt64(0)..<60)
    func real(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        #expect(Self.verdict(Self.realHistory(&random)) == .linearizable)
    }

    @Test("A read of a value that was overwritten long before is found", arguments: UInt64(0)..<60)
    func spoilt(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var history = Self.realHistory(&random)
        let first = Self.at(1_000, .write(1_000, if: .none), 7_000, 7_001)
        history += [
            first, Self.at(1_001, .write(1_001, if: .none), 7_100, 7_101),
            Self.at(1_002, .read(1_001), 7_200, 7_201), Self.at(1_003, .read(1_000), 7_300, 7_301),
        ]
        #expect(Self.isRejected(history))
    }

    @Test("It gives up rather than search for ever")
    func bound() {
        let history =
            (1...40).map { Self.at($0, .write($0, if: .none), 0, 1_000) }
            + [Self.at(99, .read(98), 2_000, 3_000)]
        #expect(Linearizability.check(history, bodies: [:], placesMax: 5_000) == .gaveUp)
    }

    // MARK: - Pairs

    /// The same on the other key of a pair.
    private static func other(
        _ number: Int,
        _ action: Operation.Action,
        _ invoked: UInt64,
        _ responded: UInt64?
    ) -> Operation {
        var operation = Self.at(number, action, invoked, responded)
        operation.place = 1
        return operation
    }

    @Test("A rename takes an object away and brings it in one step")
    func rename() {
        let put = Self.at(1, .write(1, if: .none), 0, 1)
        let rename = Self.at(2, .rename(1, if: .none), 2, 100)
        let before = [Self.at(3, .read(1), 10, 20), Self.other(4, .read(0), 21, 30)]
        let after = [Self.other(5, .read(1), 40, 50), Self.at(6, .read(0), 51, 60)]
        #expect(Self.verdict([put, rename] + before + after) == .linearizable)
        let both = [Self.other(3, .read(1), 10, 20), Self.at(4, .read(1), 30, 40)]
        #expect(Self.isRejected([put, rename] + both))
        let neither = [Self.at(3, .read(0), 10, 20), Self.other(4, .read(0), 30, 40)]
        #expect(Self.isRejected([put, rename] + neither))
    }

    @Test("A rename finds something to take, and a condition on the other key holds")
    func renameFits() {
        let put = Self.at(1, .write(1, if: .none), 0, 1)
        #expect(Self.isRejected([Self.at(2, .rename(1, if: .none), 2, 3)]))
        #expect(Self.isRejected([put, Self.at(2, .rename(7, if: .none), 2, 3)]))
        let taken = Self.other(2, .write(2, if: .none), 2, 3)
        #expect(Self.isRejected([put, taken, Self.at(3, .rename(1, if: .absent), 4, 5)]))
        let fits = Self.at(3, .rename(1, if: .body(of: 2)), 4, 5)
        #expect(Self.verdict([put, taken, fits]) == .linearizable)
    }

    @Test("A rename of unknown outcome may come late, and takes whatever is there then")
    func renameUnknown() {
        let history = [
            Self.at(1, .write(1, if: .none), 0, 1), Self.at(2, .rename(nil, if: .none), 2, nil),
            Self.at(3, .write(3, if: .none), 4, 5), Self.other(4, .read(3), 6, 7),
        ]
        #expect(Self.verdict(history) == .linearizable)
        #expect(Self.isRejected(history + [Self.at(5, .read(3), 8, 9)]))
    }
}

extension Int {
    fileprivate func clamped(to limit: UInt64) -> Int { Swift.min(self, Int(limit)) }
}
