import Runtime
import StoreModel
import Wire

/// The newest starts of a node on its own directory.
///
/// Others remember one start of the node each. By this list the node can tell whether the one that
/// they have seen belongs to the directory as it is.
struct OwnStarts: Sendable {
    /// Starts kept; 12 bytes each, and a row.
    static let startsMax = 1_024

    /// In their order.
    private var starts: [NodeStart] = []

    /// The one before the newest.
    var previous: NodeStart? { self.starts.dropLast().last }

    /// Whether the directory knows of the start.
    ///
    /// Of starts before those that are kept the incarnation alone counts: they are long ago.
    func contain(_ start: NodeStart) -> Bool {
        guard let oldest = self.starts.first else { return false }
        return start.incarnation < oldest.incarnation || self.starts.contains(start)
    }

    /// Adds the next one of the directory's rows.
    mutating func add(_ incarnation: Incarnation, _ number: StartNumber) {
        self.starts.append(
            NodeStart(incarnation: incarnation.value, number: number.value)
        )
    }

    /// Adds a start to the rows, in the place of the oldest.
    static func put(_ start: NodeStart, into batch: inout RowBatch) {
        let key = NodeRow.ownStart(start.incarnation)
        batch.put(.node, key, StartNumber(value: start.number).sealed(under: key))
        if start.incarnation > Self.startsMax {
            batch.delete(.node, NodeRow.ownStart(start.incarnation - UInt32(Self.startsMax)))
        }
    }
}

/// How often a node had been started on its directory, in a key.
struct Incarnation: Hashable, Sendable, BinaryRecord {
    let value: UInt32

    init(value: UInt32) { self.value = value }

    init(from reader: inout ByteReader) throws(RecordError) { self.value = try reader.read() }

    func encode(into writer: inout ByteWriter) { writer.write(self.value) }
}

/// The number drawn at a start.
struct StartNumber: Hashable, Sendable, BinaryRecord {
    let value: UInt64

    init(value: UInt64) { self.value = value }

    init(from reader: inout ByteReader) throws(RecordError) { self.value = try reader.read() }

    func encode(into writer: inout ByteWriter) { writer.write(self.value) }
}
