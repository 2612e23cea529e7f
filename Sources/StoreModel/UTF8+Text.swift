extension UTF8 {
    /// Whether these bytes are a text.
    ///
    /// Nothing is allocated for a text of ASCII alone, as nearly all names are.
    package static func isText(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe Self.isASCII($0) }
            || String(validating: bytes, as: UTF8.self) != nil
    }

    /// Whether no byte is above 0x7F, eight at a time.
    static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        var seen: UInt64 = 0
        while index + 8 <= bytes.count {
            seen |= unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            seen |= UInt64(unsafe bytes[index])
            index += 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }
}
