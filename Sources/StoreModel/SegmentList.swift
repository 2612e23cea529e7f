/// The segment runs of one manifest in their binary form: read only where somebody wants to know
/// them.
///
/// A manifest may list tens of thousands; who changes its holds hands them on as they are.
///
///     u32 count | each run, 40 bytes
package struct SegmentList: Hashable, Sendable, BinaryRecord {
    /// Bytes of one run.
    package static let runBytes = ManifestID.byteCount + 22

    /// The runs one behind the other, each of them sound.
    package let bytes: [UInt8]

    /// - Precondition: at most ``Limit/segmentRuns``.
    package init(_ runs: [SegmentRun]) {
        precondition(runs.count <= Limit.segmentRuns, "Segments are bounded.")
        var writer = ByteWriter(reserving: runs.count * Self.runBytes)
        for run in runs { run.encode(into: &writer) }
        self.bytes = writer.bytes
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let count = Int(try reader.read(UInt32.self))
        guard count <= Limit.segmentRuns else {
            throw .tooMany(count: count, limit: Limit.segmentRuns)
        }
        self.bytes = try reader.readRaw(count * Self.runBytes)
        var runs = ByteReader(self.bytes)
        for _ in 0..<count { _ = try SegmentRun(from: &runs) }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(self.count))
        writer.writeRaw(self.bytes)
    }

    package var count: Int { self.bytes.count / Self.runBytes }

    package var isEmpty: Bool { self.bytes.isEmpty }

    package var runs: [SegmentRun] {
        var reader = ByteReader(self.bytes)
        var runs: [SegmentRun] = []
        runs.reserveCapacity(self.count)
        do throws(RecordError) {
            for _ in 0..<self.count { runs.append(try SegmentRun(from: &reader)) }
        } catch {
            preconditionFailure("The runs were sound when they were read: \(error)")
        }
        return runs
    }

    /// Tells two lists apart: a hold names the list that its version will name.
    package var digest: UInt64 { StableHash.value(ofWords: self.bytes) }
}
