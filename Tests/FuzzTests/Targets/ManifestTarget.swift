import Content
import StoreModel

/// Records of manifests, as peers send and disks keep them.
///
/// * A record that is taken is sound, has one form, and can be worked with.
/// * A value that was split and joined again is the same, whether it holds a manifest or not.
enum ManifestTarget {
    private static let id = ManifestID(
        partition: PartitionID(index: 66),
        birth: Ballot(round: 1_700_000_000_000_000, node: 2, incarnation: 7, sequence: 5)
    )
    /// Chunks looked at: a manifest may name billions.
    private static let chunksMax = 1_000

    static func check(_ bytes: [UInt8]) throws {
        try Self.checkSplit(bytes)
        guard let record = try? ManifestRecord(decoding: bytes) else { return }
        try demand(record.encoded == bytes, "another form: \(record)")
        record.checkInvariants()
        let segments = record.segments
        try demand(segments.count == record.list.count, "another number of runs")
        try demand(SegmentList(segments) == record.list, "another list of runs")
        for run in segments {
            let last = run.count - 1
            let before = UInt64(last) * UInt64(run.chunkBytes)
            try demand(before + UInt64(run.bytes(ofChunk: last)) == run.length, "length: \(run)")
            _ = run.chunk(last)
        }
        for chunk in record.chunks(of: segments.first?.manifest ?? Self.id).prefix(Self.chunksMax) {
            try demand(chunk.manifest == segments.first?.manifest, "a chunk of another manifest")
        }
        try Self.checkRules(record)
    }

    private static func checkRules(_ record: ManifestRecord) throws {
        let owner = Owner.manifest(Self.id)
        let hold = Hold(owner: owner, ceiling: .zero)
        let isHolder = record.holds.contains { $0.owner == owner }
        var held = record
        guard case .held = held.hold(hold, digest: record.list.digest) else { return }
        held.checkInvariants()
        try demand(try ManifestRecord(decoding: held.encoded) == held, "not stored: \(held)")
        guard !isHolder else { return }
        let fence = Ballot(round: 1, node: 0, incarnation: 0, sequence: 0)
        guard case .removed = held.release(owner, fence: fence) else {
            throw Violation(description: "a hold that is not released: \(held)")
        }
        try demand(held == record, "another record than before the hold: \(held), \(record)")
    }

    private static func checkSplit(_ bytes: [UInt8]) throws {
        let value = RegisterValue(changeNumber: 1, lineage: [], body: bytes, hasGarbage: false)
        guard let split = value.split(.manifest(Self.id), from: 1) else { return }
        try demand(split.head.joined(split.tail) == value, "split and joined is another value")
        let head = try RegisterValue(decoding: split.head.encoded)
        try demand(head == split.head, "another head")
    }
}
