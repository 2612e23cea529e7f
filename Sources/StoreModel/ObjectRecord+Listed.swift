/// What a listing of objects carries of a record.
package enum ListedRecord: Hashable, Sendable {
    /// No current version.
    case absent
    /// A rename to this key is pending.
    case unsettled
    /// ``Version/withoutContent`` of the current version, encoded.
    case version([UInt8])
}

extension ObjectRecord {
    /// What a listing carries of the record with these bytes.
    ///
    /// Most records are one version and nothing else, and of such a one the bytes that are wanted
    /// are cut out; all others are decoded. Either way nothing counts that is no record.
    package static func listed(in body: [UInt8]) throws(RecordError) -> ListedRecord {
        if let version = try? Self.onlyVersion(in: body) { return .version(version) }
        let record = try ObjectRecord(decoding: body)
        if record.incoming != nil { return .unsettled }
        return record.current.map { .version($0.withoutContent.encoded) } ?? .absent
    }

    /// The only version of a record that has no more to it, without its content.
    ///
    /// - Returns: nil, or an error, for a record that has to be decoded to tell.
    private static func onlyVersion(in body: [UInt8]) throws(RecordError) -> [UInt8]? {
        var reader = ByteReader(body)
        guard try reader.read(UInt8.self) == 1, try reader.read(UInt32.self) == 1 else {
            return nil
        }
        let start = reader.offset
        guard try Version.skipDescription(&reader) else { return nil }
        let content = reader.offset
        guard try reader.read(UInt8.self) == 1 else { return nil }
        try reader.skipBytes(limit: Limit.inlineBytes)
        let upload = reader.offset
        if try reader.readBool() { try reader.skip(UploadID.byteCount) }
        // Parts, and then tags.
        guard try reader.read(UInt32.self) == 0, try reader.read(UInt32.self) == 0 else {
            return nil
        }
        try reader.skipASCII(limit: AccessList.ownerBytes)
        let limits = reader.offset
        // Whether the owner is limited, grants, uploads, garbage.
        guard try !reader.readBool(), try reader.read(UInt32.self) == 0,
            try reader.read(UInt32.self) == 0, try reader.read(UInt32.self) == 0
        else { return nil }
        _ = try HybridTime(from: &reader)
        try reader.finish()
        var writer = ByteWriter(reserving: body.count)
        writer.writeRaw(body[start..<content])
        VersionContent.inline([]).encode(into: &writer)
        // Upload, no parts, no tags, the owner; not limited, no grants.
        writer.writeRaw(body[upload..<limits])
        writer.write(false)
        writer.write(UInt32(0))
        return writer.bytes
    }
}

extension Version {
    /// Passes over all that stands before the content.
    ///
    /// - Returns: false for a delete marker.
    fileprivate static func skipDescription(_ reader: inout ByteReader) throws(RecordError) -> Bool
    {
        _ = try VersionID(from: &reader)
        guard try reader.read(UInt8.self) < 2 else { return false }
        try reader.skipASCII(limit: Self.etagBytes)
        try reader.skip(8)
        _ = try StorageClass(from: &reader)
        _ = try HybridTime(from: &reader)
        for _ in 0..<ObjectMetadata.headers {
            if try reader.readBool() { try reader.skipASCII(limit: ObjectMetadata.headerBytes) }
        }
        let user = Int(try reader.read(UInt32.self))
        guard user <= Limit.userMetadataBytes else { return false }
        for _ in 0..<(2 * user) { try reader.skipASCII(limit: Limit.userMetadataBytes) }
        let checksums = Int(try reader.read(UInt32.self))
        guard checksums <= Limit.checksums else { return false }
        for _ in 0..<checksums { _ = try Checksum(from: &reader) }
        return true
    }
}
