import SimulatedRuntime
import Simulation
import Testing

/// The verdict on small histories beside that of a search that leaves nothing out.
struct EveryOrderTests {
    private typealias Operation = KeyOperation

    /// Tries every order of every choice of the operations without an outcome.
    private static func isExplained(
        _ operations: [Operation],
        placed: Set<Int> = [],
        state: [Int] = [0, 0]
    ) -> Bool {
        let open = operations.filter { !placed.contains($0.number) }
        if open.allSatisfy({ $0.responded == nil }) { return true }
        return open.contains { next in
            let isFirst = open.allSatisfy { other in
                other.responded.map { $0 >= next.invoked } ?? true
            }
            guard isFirst, let after = Self.state(after: next, state) else { return false }
            return Self.isExplained(
                operations,
                placed: placed.union([next.number]),
                state: after
            )
        }
    }

    private static func state(after operation: Operation, _ state: [Int]) -> [Int]? {
        let held = state[operation.place]
        var after = state
        switch operation.action {
        case .read(let tag): return tag == held ? state : nil
        case .write(let tag, let condition):
            guard Self.holds(condition, held) else { return nil }
            after[operation.place] = tag
        case .delete: after[operation.place] = 0
        case .deleteIf(let condition):
            guard Self.holds(condition, held) else { return nil }
            after[operation.place] = 0
        case .present: return held == 0 ? nil : state
        case .presentBody(let put): return held == put ? state : nil
        case .remove:
            guard held != 0 else { return nil }
            after[operation.place] = 0
        case .refused(let condition):
            if case .body = condition, held == 0 { return nil }
            return Self.holds(condition, held) ? nil : state
        case .missing: return held == 0 ? state : nil
        case .rename(let tag, let condition):
            let other = 1 - operation.place
            guard held != 0, held == tag ?? held, Self.holds(condition, state[other]) else {
                return nil
            }
            after[other] = held
            after[operation.place] = 0
        }
        return after
    }

    private static func holds(_ condition: Operation.Condition, _ held: Int) -> Bool {
        switch condition {
        case .none: true
        case .absent: held == 0
        case .body(let put): held == put
        }
    }

    private static func history(_ random: inout SplitMix64, isPair: Bool) -> [Operation] {
        (1...7).map { number in
            let tag = random.number(in: 1...7)
            let condition: Operation.Condition =
                switch random.number(in: 0...3) {
                case 0: .absent
                case 1: .body(of: tag)
                default: .none
                }
            let action: Operation.Action =
                switch random.number(in: 0...(isPair ? 11 : 9)) {
                case 0, 1, 2: .write(number, if: condition)
                case 3: .read(random.number(in: 0...7))
                case 4: .delete
                case 5: .deleteIf(condition)
                case 6: random.chance(permille: 500) ? .present : .missing
                case 7: .remove
                case 8: .presentBody(of: tag)
                case 9: .refused(condition == .none ? .absent : condition)
                default: .rename(random.chance(permille: 500) ? tag : nil, if: condition)
                }
            let invoked = UInt64(random.number(in: 0...12))
            var operation = Operation(
                number: number,
                action,
                invoked: invoked,
                responded: random.chance(permille: 400)
                    ? nil : invoked + UInt64(random.number(in: 1...6))
            )
            operation.place = isPair ? random.number(in: 0...1) : 0
            return operation
        }
    }

    @Test("What is left out of the search changes no verdict", arguments: [false, true])
    func same(isPair: Bool) {
        var random = SplitMix64(seed: isPair ? 2 : 1)
        var explained = 0
        for _ in 0..<1_500 {
            let history = Self.history(&random, isPair: isPair)
            let expected = Self.isExplained(history)
            explained += expected ? 1 : 0
            let isSame = (Linearizability.check(history, bodies: [:]) == .linearizable) == expected
            #expect(isSame, "\(history)")
        }
        #expect(explained > 100 && explained < 1_400)
    }

    @Test("Many writes and deletes of unknown outcome do not make it give up")
    func unknown() {
        let doubtful = (1...60).map { number in
            let action: Operation.Action = number % 2 == 0 ? .delete : .write(number, if: .none)
            return Operation(number: number, action, invoked: UInt64(number), responded: nil)
        }
        let seen = (0..<30).map { turn in
            let action: Operation.Action =
                turn % 3 == 2 ? .refused(.absent) : .read([0, 7, 0, 9, 0, 11][turn % 6])
            let time = UInt64(100 + turn * 10)
            return Operation(number: 100 + turn, action, invoked: time, responded: time + 5)
        }
        // Each write can be seen between two others once only, since it happened once.
        let once = Array(seen.prefix(4))
        let first = Linearizability.check(doubtful + once, bodies: [:], placesMax: 5_000)
        #expect(first == .linearizable)
        let verdict = Linearizability.check(doubtful + seen, bodies: [:], placesMax: 20_000)
        guard case .violation = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }
}
