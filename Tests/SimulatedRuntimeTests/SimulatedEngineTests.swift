import Runtime
import SimulatedRuntime
import Testing

struct SimulatedEngineTests {
    private static func batch(_ number: Int) -> RowBatch {
        var batch = RowBatch()
        batch.put(.rows, [0], [UInt8(number)])
        batch.put(.node, [UInt8(number)], [1])
        return batch
    }

    @Test("Rows come in byte order, from start to before end, as many as asked for")
    func scan() throws {
        try Simulator.run { simulator in
            let engine = simulator.machine("a").engine
            var batch = RowBatch()
            for key: [UInt8] in [[3], [1, 2], [1], [2], [255, 0]] { batch.put(.rows, key, key) }
            batch.put(.chunks, [2], [9])
            batch.delete(.rows, [2])
            try await engine.commit(batch, durable: false)
            let all = try await engine.scan(.rows, from: [], to: nil, limit: 10)
            #expect(all.map(\.key) == [[1], [1, 2], [3], [255, 0]])
            #expect(all.map(\.value) == all.map(\.key))
            let some = try await engine.scan(.rows, from: [1, 0], to: [255], limit: 1)
            #expect(some.map(\.key) == [[1, 2]])
            #expect(try await engine.scan(.rows, from: [4], to: [5], limit: 9).isEmpty)
            #expect(try await engine.get(.rows, [2]) == nil)
            #expect(try await engine.get(.chunks, [2]) == [9])
            #expect(engine.syncCount == 0)
        }
    }

    @Test(
        "A crash leaves a prefix of the batches, whole ones, with all durable ones",
        arguments: UInt64(0)..<60
    )
    func crash(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let engine = machine.engine
            var random = SplitMix64(seed: seed)
            let durable = random.number(in: 0...8)
            let committed = random.number(in: durable...12)
            for number in 1..<(committed + 1) {
                try await engine.commit(Self.batch(number), durable: number == durable)
            }
            let late = Self.batch(committed + 1)
            machine.doors.background.run { try? await engine.commit(late, durable: true) }
            await simulator.doors().time.sleep(for: .microseconds(50))
            machine.crash()
            machine.restart()

            let last = Int(try await engine.get(.rows, [0])?.first ?? 0)
            #expect((durable...(committed + 1)).contains(last))
            let whole = try await engine.scan(.node, from: [], to: nil, limit: 100)
            #expect(whole.map(\.key) == (0..<last).map { [UInt8($0 + 1)] })
            // It goes on from there.
            try await engine.commit(Self.batch(99), durable: true)
            #expect(try await engine.get(.rows, [0]) == [99])
        }
    }

    @Test("Commits that wait together share a sync, and are seen once they are durable")
    func groupCommit() throws {
        try Simulator.run { simulator in
            let engine = simulator.machine("a").engine
            await withTaskGroup(of: Void.self) { group in
                for number in 1...20 {
                    group.addTask { try? await engine.commit(Self.batch(number), durable: true) }
                }
            }
            #expect((1...2).contains(engine.syncCount))
            let rows = try await engine.scan(.node, from: [], to: nil, limit: 100)
            #expect(rows.count == 20)
        }
    }

    @Test("A failed sync fails the engine until the machine comes back")
    func failedSync() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            machine.engine.failNextSync()
            await #expect(throws: EngineError.self) {
                try await machine.engine.commit(Self.batch(1), durable: true)
            }
            await #expect(throws: EngineError.self) { try await machine.engine.get(.rows, [0]) }
            machine.crash()
            machine.restart()
            try await machine.engine.commit(Self.batch(2), durable: true)
        }
    }
}
