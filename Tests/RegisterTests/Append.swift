import Register
import StoreModel

/// Appends a number to a register that holds a list of numbers.
///
/// The final list tells the order of all changes: a history of appends is checked by looking at it.
struct Append: RegisterChange {
    let item: UInt64
    /// Leaves lists of an odd length as they are.
    var onlyToEven = false

    enum Outcome: Hashable, Sendable {
        /// The whole list, the own number last.
        case appended([UInt64])
        case left([UInt64])
    }

    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        let list = try Self.list(in: value?.body)
        if self.onlyToEven, !list.count.isMultiple(of: 2) { return .keep(.left(list)) }
        let longer = list + [self.item]
        return .write(body: Self.body(longer), hasGarbage: false, .appended(longer))
    }

    static func body(_ list: [UInt64]) -> [UInt8] {
        var writer = ByteWriter()
        for number in list { writer.write(number) }
        return writer.bytes
    }

    static func list(in body: [UInt8]?) throws(RecordError) -> [UInt64] {
        var reader = ByteReader(body ?? [])
        var list: [UInt64] = []
        while reader.left > 0 { list.append(try reader.read()) }
        return list
    }
}

/// A register to play with.
let testKey = RegisterKey.layout

func ballot(_ round: UInt64, _ node: UInt16 = 9) -> Ballot {
    Ballot(round: round, node: node, incarnation: 1, sequence: 1)
}

/// A value as an operation leaves it.
func value(_ list: [UInt64], after lineage: [UInt64] = [1_000]) -> RegisterValue {
    RegisterValue(
        changeNumber: UInt64(lineage.count),
        lineage: lineage.suffix(Limit.lineage).map { OperationID($0) },
        body: Append.body(list),
        hasGarbage: false
    )
}

func accept(_ ballot: Ballot, _ value: RegisterValue) -> RegisterRequest {
    .accept(ballot, value, generation: 0)
}
