/// The identity of one data directory: 128 random bits, drawn when the directory is first used.
///
/// An emptied directory gets a new id: it has forgotten its promises, so it must not be taken for
/// the node it was.
package struct NodeID: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.high = try reader.read()
        self.low = try reader.read()
    }

    /// Reads the 32 hexadecimal digits of ``description``.
    package init?(_ text: String) {
        guard
            text.utf8.count == 32, text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
            let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.high)
        writer.write(self.low)
    }

    package static func < (left: NodeID, right: NodeID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// 32 lower-case hexadecimal digits.
    package var description: String { Hexadecimal.text(self.high) + Hexadecimal.text(self.low) }

    /// The first 8 digits, for people.
    package var short: String { String(self.description.prefix(8)) }
}
