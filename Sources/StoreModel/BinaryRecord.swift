/// A value with a binary form that is stored on disk or sent to a peer.
package protocol BinaryRecord: Sendable {
    init(from reader: inout ByteReader) throws(RecordError)
    func encode(into writer: inout ByteWriter)
}

extension BinaryRecord {
    package var encoded: [UInt8] {
        var writer = ByteWriter()
        self.encode(into: &writer)
        return writer.bytes
    }

    /// Decodes a whole byte string; bytes left over are an error.
    package init(decoding bytes: [UInt8]) throws(RecordError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }
}
