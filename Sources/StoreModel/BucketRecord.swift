/// The record of one bucket.
///
///     version u8 = 1 | state u8 (1 active, 2 deleting) | id u64 | generation u64 | created u64
///     | settings
///
/// The generation grows with each attempt to delete the bucket and with each change of its
/// versioning and of its lifecycle rules, and every accept of an object carries the one its
/// coordinator read: replicas that were told of a newer one refuse it. Source:
/// docs/protocol/registers.md, "Deleting a bucket".
package struct BucketRecord: Hashable, Sendable, BinaryRecord {
    package enum State: UInt8, Hashable, Sendable {
        case active = 1
        case deleting = 2
    }

    package var state: State
    package var id: BucketID
    package var generation: UInt64
    package var created: HybridTime
    package var settings: BucketSettings

    package init(
        state: State,
        id: BucketID,
        generation: UInt64,
        created: HybridTime,
        settings: BucketSettings = BucketSettings()
    ) {
        self.state = state
        self.id = id
        self.generation = generation
        self.created = created
        self.settings = settings
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        let tag: UInt8 = try reader.read()
        guard let state = State(rawValue: tag) else { throw .unknownTag(tag) }
        self.state = state
        self.id = try BucketID(from: &reader)
        self.generation = try reader.read()
        self.created = try HybridTime(from: &reader)
        self.settings = try BucketSettings(from: &reader)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        writer.write(self.state.rawValue)
        self.id.encode(into: &writer)
        writer.write(self.generation)
        self.created.encode(into: &writer)
        self.settings.encode(into: &writer)
    }
}
