/// Parts of one size, one behind the other, of which an object was made.
///
///     size u64 | count u16
package struct PartRun: Hashable, Sendable, BinaryRecord {
    /// Bytes of each part.
    package let size: UInt64
    /// 1 to ``Limit/parts``.
    package let count: UInt16

    package init(size: UInt64, count: UInt16) {
        self.size = size
        self.count = count
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.size = try reader.read()
        self.count = try reader.read()
        guard (1...UInt16(Limit.parts)).contains(self.count) else {
            throw .invalid("count of parts")
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.size)
        writer.write(self.count)
    }
}

extension [PartRun] {
    /// The runs of parts of these sizes, in bytes and in order.
    ///
    /// Empty if there are more than ``Limit/partSizes``: such an object does not remember its
    /// parts. Nearly all clients make parts of one size and a last one.
    package init(sizes: [UInt64]) {
        self = []
        for size in sizes {
            if let last = self.last, last.size == size, last.count < UInt16(Limit.parts) {
                self[self.count - 1] = PartRun(size: size, count: last.count + 1)
            } else {
                self.append(PartRun(size: size, count: 1))
            }
        }
        if self.count > Limit.partSizes { self = [] }
    }

    /// How many parts there are.
    package var parts: Int { self.reduce(0) { $0 + Int($1.count) } }

    /// Bytes of all parts together; nil if no object is that large.
    package var bytes: UInt64? {
        var bytes: UInt64 = 0
        for run in self {
            let (product, tooLong) = run.size.multipliedReportingOverflow(by: UInt64(run.count))
            let (sum, tooMany) = bytes.addingReportingOverflow(product)
            if tooLong || tooMany { return nil }
            bytes = sum
        }
        return bytes
    }

    /// Where the part with this place, from 1 on, lies in the object; nil if there is none.
    package func range(of place: Int) -> Range<UInt64>? {
        var start: UInt64 = 0
        var before = 0
        for run in self {
            if place > before, place <= before + Int(run.count) {
                start += run.size * UInt64(place - before - 1)
                return start..<start + run.size
            }
            start += run.size * UInt64(run.count)
            before += Int(run.count)
        }
        return nil
    }
}
