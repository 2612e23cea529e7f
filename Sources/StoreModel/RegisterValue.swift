/// What a register holds: a record, and what the protocol must know of its history.
///
///     version u8 = 1 | flags u8 | change number u64 | lineage: u32 count, u64 each
///     | body: u32 length, bytes | tail name, if flagged
///
/// flags: bit 0 tombstone (the record is gone), bit 1 garbage (the record has work for the sweep),
/// bit 2 the tail of the body stands elsewhere.
/// Source: docs/protocol/registers.md, "Outcome".
package struct RegisterValue: Hashable, Sendable, BinaryRecord {
    /// Change numbers above this are refused: nobody can make one overflow.
    package static let highestChange: UInt64 = 1 << 62

    /// Changes chosen so far, this one included.
    package var changeNumber: UInt64
    /// The last operations that changed the register, oldest first, at most ``Limit/lineage``.
    package var lineage: [OperationID]
    /// The record's binary form; `nil` is a tombstone.
    package var body: [UInt8]?
    /// The record names content that a change has dropped and nobody has released yet.
    package var hasGarbage: Bool
    /// Names the bytes that are missing in ``body`` and kept elsewhere; nil for a whole value.
    ///
    /// Only replicas and what is sent to them know values that are not whole.
    package let tail: TailName?

    /// The record is gone, and nothing is left to do for it.
    package var isTombstone: Bool { self.body == nil }

    package init(
        changeNumber: UInt64,
        lineage: [OperationID],
        body: [UInt8]?,
        hasGarbage: Bool,
        tail: TailName? = nil
    ) {
        precondition(body != nil || tail == nil, "A tombstone has no tail.")
        precondition(lineage.count <= Limit.lineage, "The lineage is bounded.")
        precondition(body != nil || !hasGarbage, "A tombstone has no work left.")
        self.changeNumber = changeNumber
        self.lineage = lineage
        self.body = body
        self.hasGarbage = hasGarbage
        self.tail = tail
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        let flags: UInt8 = try reader.read()
        guard flags < 8, flags & 1 == 0 || flags == 1 else { throw .unknownTag(flags) }
        self.changeNumber = try reader.read()
        guard self.changeNumber <= Self.highestChange else { throw .invalid("change number") }
        self.lineage = try reader.readList(limit: Limit.lineage) {
            reader throws(RecordError) in try OperationID(from: &reader)
        }
        let body = try reader.readBytes(limit: Limit.registerValueBytes)
        guard flags & 1 == 0 || body.isEmpty else { throw .invalid("tombstone with a body") }
        self.body = flags & 1 == 1 ? nil : body
        self.hasGarbage = flags & 2 == 2
        self.tail = flags & 4 == 4 ? try TailName(from: &reader) : nil
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        let history = (self.body == nil ? 1 : 0) | (self.hasGarbage ? 2 : 0)
        writer.write(UInt8(history | (self.tail == nil ? 0 : 4)))
        writer.write(self.changeNumber)
        writer.writeList(self.lineage) { $1.encode(into: &$0) }
        writer.writeBytes(self.body ?? [])
        self.tail?.encode(into: &writer)
    }
}
