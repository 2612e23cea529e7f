/// The name of a register.
///
/// Its binary form orders rows on disk, so that a bucket's keys and all buckets are each one range:
///
///     object   0x10 | bucket u64 | key bytes
///     part     0x18 | bucket u64 | upload id (16 bytes) | part number u16 | key bytes
///     manifest 0x20 | partition u16 | birth ballot (16 bytes)
///     bucket   0x40 | name bytes
///     layout   0x50
///     access keys 0x60
package enum RegisterKey: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    case object(BucketID, ObjectKey)
    /// A part of an upload: the row lies with that of the object, on the same replicas.
    case part(BucketID, ObjectKey, UploadID, PartNumber)
    case manifest(ManifestID)
    case bucket(BucketName)
    case layout
    /// The access keys that were made while the cluster runs, all in one value.
    case accessKeys

    /// What the binary form of an object begins with.
    private static let objectTag: UInt8 = 0x10

    /// Longest binary form: that of a part of the longest object key.
    package static let longestRow =
        1 + 8 + UploadID.byteCount + PartNumber.byteCount + Limit.keyBytes

    /// The key of the row on disk; compares as the register keys do.
    package var row: [UInt8] {
        var writer = ByteWriter(reserving: 64)
        switch self {
        case .object(let bucket, let key):
            Self.writeObject(bucket, key, into: &writer)
        case .part(let bucket, let key, let upload, let number):
            writer.write(UInt8(0x18))
            bucket.encode(into: &writer)
            upload.encode(into: &writer)
            number.encode(into: &writer)
            writer.writeRaw(key.bytes)
        case .manifest(let manifest):
            writer.write(UInt8(0x20))
            manifest.encode(into: &writer)
        case .bucket(let name):
            writer.write(UInt8(0x40))
            writer.writeRaw(name.text.utf8)
        case .layout:
            writer.write(UInt8(0x50))
        case .accessKeys:
            writer.write(UInt8(0x60))
        }
        return writer.bytes
    }

    /// Reads the key of a row.
    package init(row: [UInt8]) throws(RecordError) {
        guard row.count <= Self.longestRow else {
            throw .tooLong(bytes: row.count, limit: Self.longestRow)
        }
        var reader = ByteReader(row)
        switch try reader.read(UInt8.self) {
        case Self.objectTag:
            let bucket = try BucketID(from: &reader)
            self = .object(bucket, try Self.key(&reader))
        case 0x18:
            let bucket = try BucketID(from: &reader)
            let upload = try UploadID(from: &reader)
            let number = try PartNumber(from: &reader)
            self = .part(bucket, try Self.key(&reader), upload, number)
        case 0x20:
            self = .manifest(try ManifestID(from: &reader))
        case 0x40:
            guard let name = BucketName(try Self.text(&reader)) else {
                throw .invalid("bucket name")
            }
            self = .bucket(name)
        case 0x50:
            self = .layout
        case 0x60:
            self = .accessKeys
        case let tag:
            throw .unknownTag(tag)
        }
        try reader.finish()
    }

    private static func key(_ reader: inout ByteReader) throws(RecordError) -> ObjectKey {
        let bytes = try reader.readRaw(reader.left)
        if let key = ObjectKey(bytes) { return key }
        throw UTF8.isText(bytes) ? .invalid("object key") : .notUTF8
    }

    private static func text(_ reader: inout ByteReader) throws(RecordError) -> String {
        guard let text = String(validating: try reader.readRaw(reader.left), as: UTF8.self) else {
            throw .notUTF8
        }
        return text
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        try self.init(row: try reader.readBytes(limit: Self.longestRow))
    }

    package func encode(into writer: inout ByteWriter) {
        guard case .object(let bucket, let key) = self else {
            writer.writeBytes(self.row)
            return
        }
        writer.write(UInt32(1 + 8 + key.bytes.count))
        Self.writeObject(bucket, key, into: &writer)
    }

    private static func writeObject(
        _ bucket: BucketID,
        _ key: ObjectKey,
        into writer: inout ByteWriter
    ) {
        writer.write(Self.objectTag)
        bucket.encode(into: &writer)
        writer.writeRaw(key.bytes)
    }

    /// The partition whose replica set keeps the register.
    package var partition: PartitionID {
        switch self {
        case .object(let bucket, let key):
            var hash = StableHash()
            hash.combine(CollectionOfOne(Self.objectTag))
            hash.combine(bigEndian: bucket.number)
            hash.combine(key.bytes)
            return PartitionID(hash: hash.value)
        case .part(let bucket, let key, _, _): return RegisterKey.object(bucket, key).partition
        case .manifest(let manifest): return manifest.partition
        case .bucket, .layout, .accessKeys: return .system
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        if case .object(let bucket, let key) = left,
            case .object(let otherBucket, let otherKey) = right, bucket == otherBucket
        {
            return key < otherKey
        }
        return left.row.lexicographicallyPrecedes(right.row)
    }

    /// The bucket whose generation accepts have to carry; nil outside of buckets.
    package var bucket: BucketID? {
        switch self {
        case .object(let bucket, _), .part(let bucket, _, _, _): bucket
        case .manifest, .bucket, .layout, .accessKeys: nil
        }
    }

    package var description: String {
        switch self {
        case .object(let bucket, let key): "object \(bucket)/\(key)"
        case .part(let bucket, let key, let upload, let number):
            "part \(number) of upload \(upload) of \(bucket)/\(key)"
        case .manifest(let manifest): "manifest \(manifest)"
        case .bucket(let name): "bucket \(name)"
        case .layout: "layout"
        case .accessKeys: "access keys"
        }
    }
}
