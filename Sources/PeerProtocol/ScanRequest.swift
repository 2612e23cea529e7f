package import StoreModel

/// What part of a node's rows is asked for.
///
///     what u8 (1 objects, 2 buckets, 3 garbage, 4 tombstones, 5 damaged, 6 unconfirmed,
///     7 contents, 8 chunk manifests, 9 uploads, 10 parts, 11 part rows, 12 manifests, 13 versions,
///     14 judged)
///     | what is asked of them | after? | limit u32
///
/// Byte strings have a u32 length; optional ones a u8 for presence first.
package struct ScanRequest: Hashable, Sendable, BinaryRecord {
    package enum Subject: Hashable, Sendable {
        /// Keys of a bucket that begin with `prefix` and come after `after`.
        ///
        /// With a delimiter only the first live key of each group that shares a common prefix is
        /// reported, and nothing of a group that `after` is the prefix of.
        case objects(BucketID, prefix: [UInt8], delimiter: [UInt8]?)
        /// Objects of a bucket with open uploads, chosen as ``objects(_:prefix:delimiter:)``.
        case uploads(BucketID, prefix: [UInt8], delimiter: [UInt8]?)
        /// Objects of a bucket with versions, delete markers among them, chosen as
        /// ``objects(_:prefix:delimiter:)``.
        case versions(BucketID, prefix: [UInt8], delimiter: [UInt8]?)
        /// Objects of a bucket whose keys begin with `prefix`, with what lifecycle rules look at.
        case judged(BucketID, prefix: [UInt8])
        /// Parts of an upload, by number.
        case parts(BucketID, UploadID)
        /// Parts of any upload of any bucket, by upload and number; their records are reported.
        case partRows
        /// Buckets by name.
        case buckets
        /// Rows of any register that name dropped content.
        case garbage
        /// Rows of any register whose value is a tombstone with a round below this, oldest first.
        case tombstones(before: UInt64)
        /// Rows that are damaged: those that somebody met, or all, for which every row is read.
        case damaged(all: Bool)
        /// Manifests with holds that no audit has confirmed; their records are reported.
        case unconfirmed
        /// Objects of any bucket with a version whose content has a manifest.
        case contents
        /// Manifests of which the node has chunks: no rows of registers.
        case chunkManifests
        /// Manifests in order, dead ones too, each with its record.
        case manifests
    }

    /// Longest ``after``: a round and the longest key of a row.
    package static let longestMarker = 8 + RegisterKey.longestRow

    package let subject: Subject
    /// Only rows after this: an object's key, a common prefix, a bucket's name, a row's key, a
    /// part's number and its object's key, for tombstones a round (u64) and a row's key, for chunk
    /// manifests a manifest's id.
    package let after: [UInt8]?
    /// 1 to ``Limit/scanRows``.
    package let limit: Int

    /// How keys are grouped, if the subject is objects: a prefix and a delimiter.
    package var grouping: (prefix: [UInt8], delimiter: [UInt8])? {
        switch self.subject {
        case .objects(_, let prefix, let delimiter?), .uploads(_, let prefix, let delimiter?),
            .versions(_, let prefix, let delimiter?):
            (prefix, delimiter)
        default: nil
        }
    }

    package init(_ subject: Subject, after: [UInt8]?, limit: Int) {
        precondition((1...Limit.scanRows).contains(limit))
        self.subject = subject
        self.after = after
        self.limit = limit
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        func text(_ reader: inout ByteReader) throws(RecordError) -> [UInt8] {
            try reader.readBytes(limit: Self.longestMarker)
        }
        switch try reader.read(UInt8.self) {
        case 1:
            self.subject = .objects(
                try BucketID(from: &reader),
                prefix: try text(&reader),
                delimiter: try reader.readOptional(text)
            )
        case 9:
            self.subject = .uploads(
                try BucketID(from: &reader),
                prefix: try text(&reader),
                delimiter: try reader.readOptional(text)
            )
        case 13:
            self.subject = .versions(
                try BucketID(from: &reader),
                prefix: try text(&reader),
                delimiter: try reader.readOptional(text)
            )
        case 14:
            self.subject = .judged(try BucketID(from: &reader), prefix: try text(&reader))
        case 11: self.subject = .partRows
        case 10: self.subject = .parts(try BucketID(from: &reader), try UploadID(from: &reader))
        case 2: self.subject = .buckets
        case 3: self.subject = .garbage
        case 4: self.subject = .tombstones(before: try reader.read())
        case 5: self.subject = .damaged(all: try reader.readBool())
        case 6: self.subject = .unconfirmed
        case 7: self.subject = .contents
        case 8: self.subject = .chunkManifests
        case 12: self.subject = .manifests
        case let tag: throw .unknownTag(tag)
        }
        self.after = try reader.readOptional(text)
        self.limit = Int(try reader.read(UInt32.self))
        guard (1...Limit.scanRows).contains(self.limit) else { throw .invalid("scan limit") }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self.subject {
        case .objects(let bucket, let prefix, let delimiter):
            writer.write(UInt8(1))
            bucket.encode(into: &writer)
            writer.writeBytes(prefix)
            writer.writeOptional(delimiter) { $0.writeBytes($1) }
        case .uploads(let bucket, let prefix, let delimiter):
            writer.write(UInt8(9))
            bucket.encode(into: &writer)
            writer.writeBytes(prefix)
            writer.writeOptional(delimiter) { $0.writeBytes($1) }
        case .versions(let bucket, let prefix, let delimiter):
            writer.write(UInt8(13))
            bucket.encode(into: &writer)
            writer.writeBytes(prefix)
            writer.writeOptional(delimiter) { $0.writeBytes($1) }
        case .judged(let bucket, let prefix):
            writer.write(UInt8(14))
            bucket.encode(into: &writer)
            writer.writeBytes(prefix)
        case .partRows: writer.write(UInt8(11))
        case .parts(let bucket, let upload):
            writer.write(UInt8(10))
            bucket.encode(into: &writer)
            upload.encode(into: &writer)
        case .buckets: writer.write(UInt8(2))
        case .garbage: writer.write(UInt8(3))
        case .tombstones(let round):
            writer.write(UInt8(4))
            writer.write(round)
        case .damaged(let all):
            writer.write(UInt8(5))
            writer.write(all)
        case .unconfirmed: writer.write(UInt8(6))
        case .contents: writer.write(UInt8(7))
        case .chunkManifests: writer.write(UInt8(8))
        case .manifests: writer.write(UInt8(12))
        }
        writer.writeOptional(self.after) { $0.writeBytes($1) }
        writer.write(UInt32(self.limit))
    }
}

/// One row as a node has it: evidence of one replica, not the truth.
package struct ScannedRow: Hashable, Sendable, BinaryRecord {
    package enum Content: Hashable, Sendable {
        /// A tombstone, or a record without what the subject asks for.
        case dead
        /// What the subject asks for: the current version without its content, the list of open
        /// uploads or of versions without their metadata, the record of a part or of a bucket, the
        /// record of an object without its content and metadata.
        case live([UInt8])
        /// Damaged: this replica does not know.
        case corrupt
        /// A rename to this key is pending: what clients see of it depends on another key.
        case unsettled
    }

    package let key: RegisterKey
    package let accepted: Ballot
    package let content: Content

    package init(key: RegisterKey, accepted: Ballot, content: Content) {
        self.key = key
        self.accepted = accepted
        self.content = content
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.key = try RegisterKey(from: &reader)
        self.accepted = try Ballot(from: &reader)
        switch try reader.read(UInt8.self) {
        case 0: self.content = .dead
        case 1: self.content = .live(try reader.readBytes(limit: Limit.registerValueBytes))
        case 2: self.content = .corrupt
        case 3: self.content = .unsettled
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.key.encode(into: &writer)
        self.accepted.encode(into: &writer)
        switch self.content {
        case .dead: writer.write(UInt8(0))
        case .live(let record):
            writer.write(UInt8(1))
            writer.writeBytes(record)
        case .corrupt: writer.write(UInt8(2))
        case .unsettled: writer.write(UInt8(3))
        }
    }
}

/// An answer to a scan: rows in order.
package struct ScanPage: Hashable, Sendable, BinaryRecord {
    package let rows: [ScannedRow]
    /// Where the next page starts; nil if the node has reported all it has in the range.
    ///
    /// The node has reported everything up to here and nothing beyond.
    package let next: [UInt8]?

    package init(rows: [ScannedRow], next: [UInt8]?) {
        self.rows = rows
        self.next = next
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.rows = try reader.readList(limit: Limit.scanRows) {
            reader throws(RecordError) in try ScannedRow(from: &reader)
        }
        self.next = try reader.readOptional {
            reader throws(RecordError) in try reader.readBytes(limit: ScanRequest.longestMarker)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeList(self.rows) { $1.encode(into: &$0) }
        writer.writeOptional(self.next) { $0.writeBytes($1) }
    }
}
