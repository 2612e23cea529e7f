/// Tells the tail of a value from any other that its register may have.
///
///     bytes u32 | digest u64
package struct TailName: Hashable, Sendable, BinaryRecord {
    /// Length of the tail, at least 1.
    package let byteCount: Int
    /// ``SegmentList/digest`` of it.
    package let digest: UInt64

    package init(byteCount: Int, digest: UInt64) {
        precondition((1...Limit.registerValueBytes).contains(byteCount), "Tails are bounded.")
        self.byteCount = byteCount
        self.digest = digest
    }

    package init(of tail: [UInt8]) {
        self.init(byteCount: tail.count, digest: StableHash.value(ofWords: tail))
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let count = Int(try reader.read(UInt32.self))
        guard (1...Limit.registerValueBytes).contains(count) else {
            throw .tooLong(bytes: count, limit: Limit.registerValueBytes)
        }
        self.byteCount = count
        self.digest = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(self.byteCount))
        writer.write(self.digest)
    }
}

/// A value and the bytes that were taken out of it.
package struct SplitValue: Hashable, Sendable {
    /// Names the tail in its place.
    package let head: RegisterValue
    package let tail: [UInt8]
}

/// The segments of a sealed manifest never change, and its holds do all the time.
///
/// So a long list is kept apart and named where it would stand: the value is the same, but whoever
/// has the list already need not be sent it again, nor write it. Source:
/// docs/protocol/registers.md, "Tails".
extension RegisterValue {
    /// Splits off the segments of a manifest that take `least` bytes or more.
    ///
    /// - Returns: nil if there are no such; bytes that are no manifest are left alone.
    package func split(_ key: RegisterKey, from least: Int) -> SplitValue? {
        guard case .manifest = key, self.tail == nil, let body = self.body,
            let range = ManifestRecord.listRange(in: body), range.count >= max(1, least)
        else { return nil }
        let tail = Array(body[range])
        return SplitValue(
            head: self.with(
                body: Array(body[..<range.lowerBound] + body[range.upperBound...]),
                tail: TailName(of: tail)
            ),
            tail: tail
        )
    }

    /// The value with its tail in its place; nil if this is not its tail.
    ///
    /// The caller knows that the bytes have the digest of the name.
    package func joined(_ tail: [UInt8]) -> RegisterValue? {
        let start = ManifestRecord.listStart
        guard let name = self.tail, name.byteCount == tail.count, let body = self.body,
            body.count >= start
        else { return nil }
        return self.with(body: Array(body[..<start] + tail + body[start...]), tail: nil)
    }

    /// A rule broken on purpose: the value as if its tail were empty.
    package var withEmptyTail: RegisterValue {
        let start = ManifestRecord.listStart
        guard self.tail != nil, let body = self.body, body.count >= start else { return self }
        let empty = body[..<(start - 4)] + [0, 0, 0, 0] + body[start...]
        return self.with(body: Array(empty), tail: nil)
    }

    private func with(body: [UInt8], tail: TailName?) -> RegisterValue {
        RegisterValue(
            changeNumber: self.changeNumber,
            lineage: self.lineage,
            body: body,
            hasGarbage: self.hasGarbage,
            tail: tail
        )
    }
}

extension ManifestRecord {
    /// Where the runs begin in the form of a record: behind version, state, class and their number.
    static let listStart = 1 + 1 + 1 + 4

    /// Where the runs are in the form of a record; nil if it is none.
    fileprivate static func listRange(in body: [UInt8]) -> Range<Int>? {
        guard body.count >= Self.listStart else { return nil }
        let count = body[(Self.listStart - 4)..<Self.listStart].reduce(0) { $0 << 8 | Int($1) }
        guard count <= Limit.segmentRuns else { return nil }
        let end = Self.listStart + count * SegmentList.runBytes
        return end <= body.count ? Self.listStart..<end : nil
    }
}
