import StoreModel
import Testing

@testable import Register

struct RoundsTests {
    @Test("Pauses double from 2 ms and stay at 50 ms, where attempts are quick")
    func pauses() {
        var rounds = Rounds(now: 0, deadline: .seconds(10), above: .zero)
        let pauses = (0..<20).map { _ in rounds.pause(now: 0) }
        let doubling: [Duration] = [2, 4, 8, 16, 32].map { .milliseconds($0) }
        #expect(Array(pauses.prefix(5)) == doubling)
        #expect(pauses.dropFirst(5).allSatisfy { $0 == Rounds.pauseMax })
        for _ in 0..<100 { _ = rounds.pause(now: 0) }
        let late = rounds.pause(now: 0)
        #expect(late == .milliseconds(50), "However often: no shift overflows.")
    }

    @Test("Where attempts are slow, pauses are as long as one, two and four of them, up to 500 ms")
    func slowPauses() {
        let attempt: UInt64 = 70_000_000
        var rounds = Rounds(now: 0, deadline: .seconds(10), above: .zero)
        var now: UInt64 = 0
        var pauses: [Duration] = []
        for _ in 0..<5 {
            now += attempt
            pauses.append(rounds.pause(now: now))
            now += 1_000_000_000
            rounds.resume(at: now)
        }
        #expect(pauses == [70, 140, 280, 280, 280].map { .milliseconds($0) })
        let hung = rounds.pause(now: .max)
        #expect(hung == .milliseconds(500))
        let backwards = rounds.pause(now: 0)
        #expect(backwards == .milliseconds(50))
    }

    @Test("Three rounds without an answer in a row are enough")
    func silence() {
        var rounds = Rounds(now: 0, deadline: .seconds(10), above: .zero)
        let first = (0..<2).map { _ in rounds.mayTryAgainAfterSilence() }
        rounds.majorityAnswered()
        let second = (0..<3).map { _ in rounds.mayTryAgainAfterSilence() }
        #expect(first == [true, true])
        #expect(second == [true, true, false])
    }

    @Test("Finding out how an operation ended is bounded")
    func settling() {
        var rounds = Rounds(now: 0, deadline: .seconds(10), above: .zero)
        let allowed = (0...Rounds.settleMax).map { _ in rounds.maySettle() }
        #expect(allowed.count { $0 } == Rounds.settleMax)
        #expect(allowed.last == false)
    }

    @Test("The deadline counts from the start, and an endless one does not overflow")
    func deadline() {
        let rounds = Rounds(now: 5_000, deadline: .nanoseconds(10), above: .zero)
        #expect(!rounds.isOver(at: 5_009))
        #expect(rounds.isOver(at: 5_010))
        let endless = Rounds(now: 5_000, deadline: .seconds(Int64.max), above: .zero)
        #expect(!endless.isOver(at: .max - 1))
        #expect(Rounds(now: 5, deadline: .seconds(-1), above: .zero).isOver(at: 5))
    }

    @Test("A missing row proves that nothing happened only for a minute")
    func absence() {
        let second: UInt64 = 1_000_000_000
        let rounds = Rounds(now: second, deadline: .seconds(10), above: .zero)
        #expect(rounds.canTrustAbsence(at: second))
        #expect(rounds.canTrustAbsence(at: 61 * second))
        #expect(!rounds.canTrustAbsence(at: 61 * second + 1))
        #expect(!rounds.canTrustAbsence(at: 0), "A clock that went back proves nothing.")
    }

    @Test("The highest ballot met is remembered")
    func newest() {
        var rounds = Rounds(now: 0, deadline: .seconds(1), above: ballot(3))
        rounds.saw(ballot(7))
        rounds.saw(ballot(5))
        #expect(rounds.newest == ballot(7))
    }
}
