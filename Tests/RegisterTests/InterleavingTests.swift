import Register
import StoreModel
import Testing

struct InterleavingTests {
    @Test(
        "Whatever is lost, late, doubled or restarted, the register behaves like one register",
        arguments: 0..<24
    )
    func faults(group: Int) throws {
        for seed in UInt64(group * 10)..<UInt64(group * 10 + 10) {
            let scenario = Scenario(seed: seed)
            let violations = try scenario.run()
            #expect(violations == [], "seed \(seed)")
        }
    }

    @Test("So it does when changes are combined, and taken out again", arguments: 0..<24)
    func combined(group: Int) throws {
        for seed in UInt64(group * 10)..<UInt64(group * 10 + 10) {
            let scenario = Scenario(seed: seed, combines: true)
            let violations = try scenario.run()
            #expect(violations == [], "seed \(seed)")
        }
    }

    @Test("Most operations succeed in spite of the faults")
    func progress() throws {
        var counts = [0, 0, 0]
        for seed in UInt64(0)..<20 {
            let scenario = Scenario(seed: seed)
            _ = try scenario.run()
            for operation in scenario.history.operations {
                switch operation.result {
                case .appended, .saw: counts[0] += 1
                case .failed: counts[1] += 1
                case .unknown: counts[2] += 1
                }
            }
        }
        #expect(counts[0] > 5 * (counts[1] + counts[2]), "\(counts)")
        #expect(counts[2] > 0, "Some operations must have been cut off.")
    }

    @Test("Ten proposers far from the replicas mostly get out of each other's way")
    func contention() throws {
        var (failures, count) = (0, 0)
        for seed in UInt64(0)..<10 {
            let far = Faults(isFar: true)
            let scenario = Scenario(seed: seed, faults: far, clients: 10, operationsEach: 6)
            #expect(try scenario.run() == [])
            for operation in scenario.history.operations {
                count += 1
                switch operation.result {
                case .appended, .saw: continue
                case .failed, .unknown: failures += 1
                }
            }
        }
        // 4 of 100. With pauses that do not grow with the attempts it would be 11.
        #expect(failures * 100 < count * 7, "\(failures) of \(count)")
    }

    @Test(
        "A broken rule is noticed within a few runs",
        arguments: Sabotage.allCases.filter { $0 != .none }
    )
    func sabotage(_ sabotage: Sabotage) throws {
        // Promises are kept only where one proposer has made two changes in a row.
        let clients = sabotage == .staleAnswers ? 2 : 4
        let caught = try (UInt64(0)..<200).first {
            let scenario = Scenario(
                seed: $0,
                sabotage: sabotage,
                clients: clients,
                operationsEach: 24 / clients
            )
            return !(try scenario.run()).isEmpty
        }
        #expect(caught != nil)
    }

    @Test("The same seed gives the same run")
    func repeatable() throws {
        let runs = try (0..<2).map { _ in
            let scenario = Scenario(seed: 77)
            _ = try scenario.run()
            return (scenario.world.messages, scenario.world.executor.steps)
        }
        #expect(runs[0] == runs[1])
    }

    @Test("The check rejects histories that no register can have")
    func badHistories() {
        func operation(
            _ item: UInt64,
            _ times: ClosedRange<Int>,
            _ result: History.Result
        ) -> History.Operation {
            History.Operation(
                item: item,
                start: times.lowerBound,
                end: times.upperBound,
                result: result
            )
        }
        let first = operation(1, 0...5, .appended([1]))
        let bad: [(History.Operation, [UInt64])] = [
            // An acknowledged append is lost.
            (operation(2, 6...9, .appended([2])), [2]),
            // A read misses what was acknowledged before it began.
            (operation(2, 6...9, .saw([])), [1]),
            // A change that was refused took place.
            (operation(2, 6...9, .failed), [1, 2]),
            // It took place twice.
            (operation(2, 6...9, .unknown), [1, 2, 2]),
            // A read saw what never was.
            (operation(2, 0...9, .saw([3])), [1]),
            // It took place before it was asked for.
            (operation(2, 6...9, .unknown), [2, 1]),
        ]
        for (second, final) in bad {
            let history = History(operations: [first, second])
            #expect(history.violations(final: final) != [], "\(second)")
        }
        let good = History(operations: [first, operation(2, 3...9, .saw([]))])
        #expect(good.violations(final: [1]) == [])
    }
}
