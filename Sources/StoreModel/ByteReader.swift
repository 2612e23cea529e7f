/// Why the bytes of a record were refused.
///
/// Closed: a caller's `switch` covers every case.
package enum RecordError: Error, Hashable, Sendable {
    case truncated(needed: Int, left: Int)
    case tooLong(bytes: Int, limit: Int)
    case tooMany(count: Int, limit: Int)
    case unsupportedVersion(UInt8)
    case unknownTag(UInt8)
    case notUTF8
    case trailingBytes(Int)
    case invalid(String)
}

/// Reads what ``ByteWriter`` wrote.
///
/// Every length is checked before anything is allocated for it.
package struct ByteReader: Sendable {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// Bytes not read yet.
    package var left: Int { self.bytes.endIndex - self.position }

    package mutating func read<Integer: FixedWidthInteger & UnsignedInteger>(
        _: Integer.Type = Integer.self
    ) throws(RecordError) -> Integer {
        Integer(truncatingIfNeeded: try self.readWord(Integer.bitWidth / 8))
    }

    /// Reads an integer of up to eight bytes: once for all types, since other modules call the
    /// generic function without knowing what is in it.
    private mutating func readWord(_ count: Int) throws(RecordError) -> UInt64 {
        precondition(count <= 8, "Integers have at most 64 bits.")
        guard self.left >= count else { throw .truncated(needed: count, left: self.left) }
        let start = self.position - self.bytes.startIndex
        self.position += count
        return unsafe self.bytes.withUnsafeBytes { bytes in
            var value: UInt64 = 0
            for index in start..<(start + count) {
                value = value << 8 | UInt64(unsafe bytes[index])
            }
            return value
        }
    }

    package mutating func readBool() throws(RecordError) -> Bool {
        switch try self.read(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw .unknownTag(other)
        }
    }

    package mutating func readRaw(_ count: Int) throws(RecordError) -> [UInt8] {
        let start = self.position
        try self.skip(count)
        return Array(self.bytes[start..<self.position])
    }

    /// Reads a u32 length, at most `limit`.
    private mutating func readLength(limit: Int) throws(RecordError) -> Int {
        let count = Int(try self.read(UInt32.self))
        guard count <= limit else { throw .tooLong(bytes: count, limit: limit) }
        return count
    }

    /// Reads a u32 length and as many bytes.
    ///
    /// `limit` is checked first, then what is left.
    package mutating func readBytes(limit: Int) throws(RecordError) -> [UInt8] {
        try self.readRaw(try self.readLength(limit: limit))
    }

    package mutating func readString(limit: Int) throws(RecordError) -> String {
        let count = try self.readLength(limit: limit)
        let start = self.position
        try self.skip(count)
        if count == 0 { return "" }
        let bytes = self.bytes[start..<self.position]
        guard let string = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return string
    }

    /// Bytes read so far.
    var offset: Int { self.position - self.bytes.startIndex }

    mutating func skip(_ count: Int) throws(RecordError) {
        guard count >= 0, self.left >= count else {
            throw .truncated(needed: count, left: self.left)
        }
        self.position += count
    }

    /// Passes over a u32 length and as many bytes; refuses what ``readBytes(limit:)`` does.
    mutating func skipBytes(limit: Int) throws(RecordError) {
        try self.skip(try self.readLength(limit: limit))
    }

    /// Passes over a u32 length and as many bytes of text; refuses what ``readString(limit:)``
    /// does, and text beyond ASCII.
    mutating func skipASCII(limit: Int) throws(RecordError) {
        let start = self.offset + 4
        try self.skipBytes(limit: limit)
        let end = self.offset
        let isASCII = unsafe self.bytes.withUnsafeBytes { bytes in
            unsafe UTF8.isASCII(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
        guard isASCII else { throw .notUTF8 }
    }

    package mutating func readOptional<Value>(
        _ read: (inout ByteReader) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        try self.readBool() ? try read(&self) : nil
    }

    /// Reads a u32 count and as many elements.
    ///
    /// Each element takes at least one byte, so a count beyond what is left is refused before the
    /// list is allocated.
    package mutating func readList<Element>(
        limit: Int,
        _ read: (inout ByteReader) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element] {
        let count = Int(try self.read(UInt32.self))
        guard count <= limit else { throw .tooMany(count: count, limit: limit) }
        guard count <= self.left else { throw .truncated(needed: count, left: self.left) }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    /// States that everything has been read.
    package func finish() throws(RecordError) {
        guard self.left == 0 else { throw .trailingBytes(self.left) }
    }
}
