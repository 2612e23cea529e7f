import MetadataStore
import Runtime
import SimulatedRuntime
import Testing

/// What every engine keeps, whatever stands behind it.
enum EngineContract {
    /// A random history of batches gives what a dictionary gives.
    static func model(_ subject: some EngineSubject, seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        var model = EngineModel()
        for step in 0..<150 {
            let batch = model.randomBatch(using: &random)
            model.apply(batch)
            try await subject.engine.commit(batch, durable: random.next() % 4 == 0)
            if step % 50 == 49 {
                // In order behind everything before it, so a reopened engine has all.
                try await subject.engine.commit(RowBatch(), durable: true)
                try await subject.reopen()
            }
            try await model.compare(with: subject.engine, using: &random)
        }
    }

    /// The last change of a row in a batch counts.
    static func orderInBatch(_ subject: some EngineSubject) async throws {
        var batch = RowBatch()
        batch.put(.rows, [1], [1])
        batch.delete(.rows, [1])
        batch.put(.rows, [2], [1])
        batch.delete(.rows, [2])
        batch.put(.rows, [2], [3])
        try await subject.engine.commit(batch, durable: true)
        #expect(try await subject.engine.get(.rows, [1]) == nil)
        #expect(try await subject.engine.get(.rows, [2]) == [3])
    }

    /// Families do not see each other's rows; empty keys and values are values.
    static func families(_ subject: some EngineSubject) async throws {
        for family in RowFamily.allCases {
            var batch = RowBatch()
            batch.put(family, [], [family.rawValue])
            batch.put(family, [9, family.rawValue], [])
            try await subject.engine.commit(batch, durable: false)
        }
        for family in RowFamily.allCases {
            let rows = try await subject.engine.scan(family, from: [], to: nil, limit: 9)
            #expect(rows.map(\.key) == [[], [9, family.rawValue]])
            #expect(rows.map(\.value) == [[family.rawValue], []])
            #expect(try await subject.engine.get(family, [9, family.rawValue]) == [])
        }
    }

    /// Scans keep their bounds: start included, end excluded, at most the limit.
    static func scanBounds(_ subject: some EngineSubject) async throws {
        let engine = subject.engine
        var batch = RowBatch()
        for byte in UInt8(1)...5 { batch.put(.chunks, [byte], [byte]) }
        try await engine.commit(batch, durable: false)
        func keys(from start: [UInt8], to end: [UInt8]?, limit: Int) async throws -> [[UInt8]] {
            try await engine.scan(.chunks, from: start, to: end, limit: limit).map(\.key)
        }
        #expect(try await keys(from: [2], to: [4], limit: 9) == [[2], [3]])
        #expect(try await keys(from: [1, 0], to: nil, limit: 2) == [[2], [3]])
        #expect(try await keys(from: [4], to: [2], limit: 9) == [])
        #expect(try await keys(from: [4], to: [4], limit: 9) == [])
        #expect(try await keys(from: [], to: nil, limit: 0) == [])
        #expect(try await keys(from: [6], to: nil, limit: 9) == [])
    }

    /// Walks keep their bounds, and go where they are sent.
    static func walk(_ subject: some EngineSubject) async throws {
        let engine = subject.engine
        var batch = RowBatch()
        for byte in UInt8(1)...9 { batch.put(.rows, [byte, 0], [byte]) }
        try await engine.commit(batch, durable: false)
        func seen(
            from start: [UInt8],
            to end: [UInt8]?,
            _ step: @escaping @Sendable (UInt8) -> WalkStep
        ) async throws -> [UInt8] {
            try await engine.walk(.rows, from: start, to: end, [UInt8]()) { seen, key, value in
                let (key, value) = ([UInt8](key), [UInt8](value))
                seen.append(key == [value[0], 0] ? value[0] : 0)
                return step(value[0])
            }
        }
        #expect(try await seen(from: [2], to: [5, 0]) { _ in .next } == [2, 3, 4])
        #expect(try await seen(from: [8], to: nil) { _ in .next } == [8, 9])
        #expect(try await seen(from: [], to: nil) { $0 == 3 ? .stop : .next } == [1, 2, 3])
        #expect(try await seen(from: [], to: nil) { .seek([$0 + 3]) } == [1, 4, 7])
        #expect(try await seen(from: [], to: [7, 0]) { .seek([$0 + 3]) } == [1, 4])
        #expect(try await seen(from: [5], to: [5]) { _ in .next } == [])
        #expect(try await seen(from: [6], to: [5]) { _ in .next } == [])
    }

    /// Commits that arrive together share syncs; commits that need none make none.
    static func sharedSyncs(_ subject: some EngineSubject) async throws {
        let engine = subject.engine
        let before = engine.syncCount
        var batch = RowBatch()
        batch.put(.rows, [0], [0])
        for _ in 0..<10 { try await engine.commit(batch, durable: false) }
        #expect(engine.syncCount == before)
        try await engine.commit(batch, durable: true)
        #expect(engine.syncCount == before + 1)
        try await subject.gather(200)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    var batch = RowBatch()
                    batch.put(.rows, [1, UInt8(index)], [UInt8(index)])
                    try await engine.commit(batch, durable: true)
                }
            }
            try await group.waitForAll()
        }
        let syncs = engine.syncCount - before - 1
        #expect((1...2).contains(syncs), "\(syncs) syncs for 200 commits")
        #expect(try await engine.scan(.rows, from: [1], to: nil, limit: 999).count == 200)
    }
}

/// The contract, kept by the engine of production.
struct RocksContractTests {
    @Test("A random history of batches gives what a dictionary gives", arguments: UInt64(0)..<8)
    func model(seed: UInt64) async throws {
        try await RocksSubject.with { try await EngineContract.model($0, seed: seed) }
    }

    @Test("The last change of a row in a batch counts")
    func orderInBatch() async throws {
        try await RocksSubject.with { try await EngineContract.orderInBatch($0) }
    }

    @Test("Families do not see each other's rows; empty keys and values are values")
    func families() async throws {
        try await RocksSubject.with { try await EngineContract.families($0) }
    }

    @Test("Scans keep their bounds: start included, end excluded, at most the limit")
    func scanBounds() async throws {
        try await RocksSubject.with { try await EngineContract.scanBounds($0) }
    }

    @Test("Walks keep their bounds, and go where they are sent")
    func walk() async throws {
        try await RocksSubject.with { try await EngineContract.walk($0) }
    }

    @Test("Commits that arrive together share syncs; commits that need none make none")
    func sharedSyncs() async throws {
        try await RocksSubject.with { try await EngineContract.sharedSyncs($0) }
    }
}

/// The contract, kept by the engine of the simulation.
struct SimulatedContractTests {
    @Test("A random history of batches gives what a dictionary gives", arguments: UInt64(0)..<8)
    func model(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            try await EngineContract.model(SimulatedSubject(simulator), seed: seed)
        }
    }

    @Test("The last change of a row in a batch counts")
    func orderInBatch() throws {
        try Simulator.run { try await EngineContract.orderInBatch(SimulatedSubject($0)) }
    }

    @Test("Families do not see each other's rows; empty keys and values are values")
    func families() throws {
        try Simulator.run { try await EngineContract.families(SimulatedSubject($0)) }
    }

    @Test("Scans keep their bounds: start included, end excluded, at most the limit")
    func scanBounds() throws {
        try Simulator.run { try await EngineContract.scanBounds(SimulatedSubject($0)) }
    }

    @Test("Walks keep their bounds, and go where they are sent")
    func walk() throws {
        try Simulator.run { try await EngineContract.walk(SimulatedSubject($0)) }
    }

    @Test("Commits that arrive together share syncs; commits that need none make none")
    func sharedSyncs() throws {
        try Simulator.run { try await EngineContract.sharedSyncs(SimulatedSubject($0)) }
    }
}
