/// The number of a proposal on one register: a total order, and each ballot is used for one value.
///
/// `round` counts on from the highest seen, and is seeded from the clock (microseconds) only so
/// that new ballots beat old floors. The other fields make it unique: the proposer's index in the
/// layout, its incarnation (one more at each start of the process), and a counter.
/// Source: docs/protocol/registers.md, "Ballots".
package struct Ballot: Hashable, Comparable, Sendable, BinaryRecord, CustomStringConvertible {
    package static let zero = Ballot(round: 0, node: 0, incarnation: 0, sequence: 0)
    /// Rounds above this are refused: nobody can use up the numbers.
    package static let highestRound: UInt64 = 1 << 62
    package static let byteCount = 16

    package let round: UInt64
    package let node: UInt16
    package let incarnation: UInt32
    package let sequence: UInt16

    package init(round: UInt64, node: UInt16, incarnation: UInt32, sequence: UInt16) {
        self.round = round
        self.node = node
        self.incarnation = incarnation
        self.sequence = sequence
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.round = try reader.read()
        self.node = try reader.read()
        self.incarnation = try reader.read()
        self.sequence = try reader.read()
        guard self.round <= Self.highestRound else { throw .invalid("ballot round") }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.round)
        writer.write(self.node)
        writer.write(self.incarnation)
        writer.write(self.sequence)
    }

    package static func < (left: Ballot, right: Ballot) -> Bool {
        (left.round, left.node, left.incarnation, left.sequence)
            < (right.round, right.node, right.incarnation, right.sequence)
    }

    package var description: String {
        "\(self.round).\(self.node).\(self.incarnation).\(self.sequence)"
    }
}
