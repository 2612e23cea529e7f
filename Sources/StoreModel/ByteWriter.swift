/// Builds the binary form of a record: big-endian integers, and byte strings with their length in
/// front.
///
/// Shapes are documented with the record that is written (docs/format/). Writing cannot fail; what
/// is written must keep the bounds that ``ByteReader`` checks.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8]

    package init(reserving capacity: Int = 128) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
    }

    package mutating func write<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) {
        self.writeWord(UInt64(value), bytes: Integer.bitWidth / 8)
    }

    /// Appends the last bytes of an integer: once for all types, since other modules call the
    /// generic function without knowing what is in it.
    private mutating func writeWord(_ value: UInt64, bytes count: Int) {
        precondition(count <= 8, "Integers have at most 64 bits.")
        unsafe withUnsafeBytes(of: value.bigEndian) { word in
            unsafe self.bytes.append(
                contentsOf: UnsafeRawBufferPointer(rebasing: word[(8 - count)...])
            )
        }
    }

    package mutating func write(_ flag: Bool) { self.bytes.append(flag ? 1 : 0) }

    /// Appends bytes whose length the reader knows.
    package mutating func writeRaw(_ bytes: some Sequence<UInt8>) {
        self.bytes.append(contentsOf: bytes)
    }

    /// Appends a u32 length and the bytes.
    package mutating func writeBytes(_ bytes: some Collection<UInt8>) {
        self.write(UInt32(bytes.count))
        self.bytes.append(contentsOf: bytes)
    }

    /// Appends a u32 length and the UTF-8 form.
    package mutating func writeString(_ string: String) { self.writeBytes(string.utf8) }

    /// Appends a u8 for presence, and the value if there is one.
    package mutating func writeOptional<Value>(
        _ value: Value?,
        _ write: (inout ByteWriter, Value) -> Void
    ) {
        self.write(value != nil)
        if let value { write(&self, value) }
    }

    /// Appends a u32 count and each element.
    package mutating func writeList<Element>(
        _ elements: some Collection<Element>,
        _ write: (inout ByteWriter, Element) -> Void
    ) {
        self.write(UInt32(elements.count))
        for element in elements { write(&self, element) }
    }
}
