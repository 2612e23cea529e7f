import Runtime
import SimulatedRuntime
import Testing

/// A dictionary that knows what an engine must say.
struct EngineModel {
    private var rows: [RowFamily: [[UInt8]: [UInt8]]] = [:]

    /// Few keys, of different lengths, so that changes meet; values from nothing to 20 KB.
    private func randomKey(using random: inout SplitMix64) -> [UInt8] {
        (0..<Int(random.next() % 4)).map { _ in UInt8(random.next() % 3) &* 127 }
    }

    func randomBatch(using random: inout SplitMix64) -> RowBatch {
        var batch = RowBatch()
        for _ in 0..<(random.next() % 5) {
            let family = RowFamily.allCases[Int(random.next() % 4)]
            let key = self.randomKey(using: &random)
            if random.next() % 3 == 0 {
                batch.delete(family, key)
            } else {
                let length = random.next() % 8 == 0 ? 20_000 : Int(random.next() % 40)
                batch.put(
                    family,
                    key,
                    (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                )
            }
        }
        return batch
    }

    mutating func apply(_ batch: RowBatch) {
        for change in batch.changes {
            switch change {
            case .put(let family, let key, let value): self.rows[family, default: [:]][key] = value
            case .delete(let family, let key): self.rows[family]?[key] = nil
            }
        }
    }

    func compare(with engine: any KeyValueEngine, using random: inout SplitMix64) async throws {
        let family = RowFamily.allCases[Int(random.next() % 4)]
        let rows = self.rows[family] ?? [:]
        let key = self.randomKey(using: &random)
        #expect(try await engine.get(family, key) == rows[key])
        let start = self.randomKey(using: &random)
        let end = random.next() % 2 == 0 ? nil : self.randomKey(using: &random)
        let limit = Int(random.next() % 12)
        let expected =
            rows.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .filter { row in
                !row.key.lexicographicallyPrecedes(start)
                    && (end.map { row.key.lexicographicallyPrecedes($0) } ?? true)
            }
            .prefix(limit)
        let found = try await engine.scan(family, from: start, to: end, limit: limit)
        #expect(found.map(\.key) == expected.map(\.key))
        #expect(found.map(\.value) == expected.map(\.value))
    }
}
