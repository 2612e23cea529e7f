import Register
import SimulatedRuntime
import StoreModel
import Testing

@testable import MetadataStore

/// The counting of a partition's index while rows change, taken step by step.
struct PartitionDigestTests {
    private static let partition = PartitionID(index: 3)
    private static let keys: [[UInt8]] = (0..<24).map {
        PartitionRow.key(of: [UInt8($0)], in: Self.partition)
    }.sorted { $0.lexicographicallyPrecedes($1) }

    /// Rows on disk, and changes that have begun.
    private struct Model {
        var disk: [[UInt8]: Ballot] = [:]
        /// Changes under way: from, to, and whether the disk has it.
        var changes: [[UInt8]: (before: Ballot, after: Ballot, isWritten: Bool)] = [:]
        var digest = PartitionDigest()

        mutating func page(after last: [UInt8], limit: Int) -> [(key: [UInt8], accepted: Ballot)] {
            PartitionDigestTests.keys
                .filter { last.lexicographicallyPrecedes($0) && self.disk[$0] != nil }
                .prefix(limit)
                .map { (key: $0, accepted: self.disk[$0] ?? .zero) }
        }

        /// Takes one step of some change: it begins, is written, or ends.
        mutating func step(_ random: inout SplitMix64) {
            let key = PartitionDigestTests.keys[random.number(in: 0...23)]
            guard let change = self.changes[key] else {
                let before = self.disk[key] ?? .zero
                let isErased = before != .zero && random.chance(permille: 300)
                let round = before.round + UInt64(random.number(in: 1...3))
                let after = isErased ? Ballot.zero : MetadataStoreTests.ballot(round)
                self.changes[key] = (before, after, false)
                return
            }
            if !change.isWritten {
                self.disk[key] = change.after == .zero ? nil : change.after
                self.changes[key]?.isWritten = true
            } else {
                self.changes[key] = nil
                self.digest.changed(key, from: change.before, to: change.after)
            }
        }

        mutating func finishAll() {
            for (key, change) in self.changes {
                self.disk[key] = change.after == .zero ? nil : change.after
                self.digest.changed(key, from: change.before, to: change.after)
            }
            self.changes = [:]
        }
    }

    @Test(
        "However changes and pages fall, the digest is that of the rows once all has ended",
        arguments: UInt64(0)..<200
    )
    func interleavings(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var model = Model()
        for _ in 0..<60 { model.step(&random) }
        model.digest = PartitionDigest()
        let pageRows = random.number(in: 1...7)
        while !model.digest.isComplete {
            for _ in 0..<random.number(in: 0...9) { model.step(&random) }
            let page = model.page(after: model.digest.counted, limit: pageRows)
            // The page is old by the time it is counted.
            for _ in 0..<random.number(in: 0...9) { model.step(&random) }
            model.digest.count(
                page,
                isLast: page.count < pageRows,
                underWay: model.changes.mapValues(\.before)
            )
        }
        for _ in 0..<random.number(in: 0...30) { model.step(&random) }
        model.finishAll()
        var expected = [RowDigest](repeating: .none, count: RowDigest.ranges)
        for (key, ballot) in model.disk {
            let row = PartitionRow.row(of: key)
            expected[RowDigest.range(of: row)].toggle(RowDigest(of: row, accepted: ballot))
        }
        #expect(model.digest.ranges == expected)
    }
}
