package import StoreModel

/// The form in which requests travel.
///
///     prepare 1 | ballot
///     accept  2 | ballot | generation u64 | next ballot? | value
///     read    3
///     erase   4 | ballot
///     repair  5 | ballot | value
///
/// Source: docs/protocol/registers.md, "Bytes".
extension RegisterRequest: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1:
            self = .prepare(try Ballot(from: &reader))
        case 2:
            let ballot = try Ballot(from: &reader)
            let generation: UInt64 = try reader.read()
            let next = try reader.readOptional { reader throws(RecordError) in
                try Ballot(from: &reader)
            }
            guard next.map({ $0 > ballot }) ?? true else { throw .invalid("next ballot") }
            self = .accept(
                ballot,
                try RegisterValue(from: &reader),
                generation: generation,
                next: next
            )
        case 3:
            self = .read
        case 4:
            self = .erase(try Ballot(from: &reader))
        case 5:
            self = .repair(try Ballot(from: &reader), try RegisterValue(from: &reader))
        case let tag:
            throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .prepare(let ballot):
            writer.write(UInt8(1))
            ballot.encode(into: &writer)
        case .accept(let ballot, let value, let generation, let next):
            writer.write(UInt8(2))
            ballot.encode(into: &writer)
            writer.write(generation)
            writer.writeOptional(next) { $1.encode(into: &$0) }
            value.encode(into: &writer)
        case .read:
            writer.write(UInt8(3))
        case .erase(let tombstone):
            writer.write(UInt8(4))
            tombstone.encode(into: &writer)
        case .repair(let ballot, let value):
            writer.write(UInt8(5))
            ballot.encode(into: &writer)
            value.encode(into: &writer)
        }
    }
}

/// The form in which replies travel.
///
///     promised 1 | accepted ballot | value, unless that ballot is zero
///     accepted 2
///     conflict 3 | newest ballot
///     fenced   4 | generation u64
///     row      5 | accepted ballot | value, unless that ballot is zero
///     corrupt  6
///     erased   7
///     tailMissing 8
///
/// Values in replies are whole.
///
/// Source: docs/protocol/registers.md, "Bytes".
extension RegisterReply: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        func accepted(_ reader: inout ByteReader) throws(RecordError) -> (Ballot, RegisterValue?) {
            let ballot = try Ballot(from: &reader)
            guard ballot != .zero else { return (ballot, nil) }
            let value = try RegisterValue(from: &reader)
            guard value.tail == nil else { throw .invalid("value without its tail") }
            return (ballot, value)
        }
        switch try reader.read(UInt8.self) {
        case 1:
            let (ballot, value) = try accepted(&reader)
            self = .promised(accepted: ballot, value: value)
        case 2:
            self = .accepted
        case 3:
            self = .conflict(newest: try Ballot(from: &reader))
        case 4:
            self = .fenced(generation: try reader.read())
        case 5:
            let (ballot, value) = try accepted(&reader)
            self = .row(accepted: ballot, value: value)
        case 6:
            self = .corrupt
        case 7:
            self = .erased
        case 8:
            self = .tailMissing
        case let tag:
            throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .promised(let accepted, let value):
            writer.write(UInt8(1))
            accepted.encode(into: &writer)
            value?.encode(into: &writer)
        case .accepted:
            writer.write(UInt8(2))
        case .conflict(let newest):
            writer.write(UInt8(3))
            newest.encode(into: &writer)
        case .fenced(let generation):
            writer.write(UInt8(4))
            writer.write(generation)
        case .row(let accepted, let value):
            writer.write(UInt8(5))
            accepted.encode(into: &writer)
            value?.encode(into: &writer)
        case .corrupt:
            writer.write(UInt8(6))
        case .erased:
            writer.write(UInt8(7))
        case .tailMissing:
            writer.write(UInt8(8))
        }
    }
}
