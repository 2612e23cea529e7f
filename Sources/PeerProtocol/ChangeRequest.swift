package import Register
package import StoreModel

/// Asks a node to change a register in the sender's place.
///
///     receiver's incarnation u32 | sender's incarnation u32 | number u64 | register key
///     | generation u64 | deadline u64 | ceiling? | kind u8 | change: u32 length, bytes
///
/// Source: docs/protocol/registers.md, "Forwarded changes".
package struct ChangeRequest: Hashable, Sendable, BinaryRecord {
    /// Longest change (256 KiB); a longer one is not forwarded.
    package static let changeBytesMax = 256 << 10

    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case put = 1
        case delete = 2
    }

    /// The receiver's start that the request is meant for; 0 only asks which one it is.
    package var receiver: UInt32
    /// The sender's start that the number belongs to.
    package let sender: UInt32
    /// Given once; the receiver begins with each number at most once.
    package var number: UInt64
    package let key: RegisterKey
    package let generation: UInt64
    /// After it nothing need be done any more: wall-clock microseconds.
    package let deadline: UInt64
    /// No accept with the change may leave at a higher ballot without another hold; nil if any will
    /// do.
    package var ceiling: Ballot?
    package let kind: Kind
    /// As its kind says (docs/protocol/messages.md).
    package let change: [UInt8]

    package init(
        sender: UInt32,
        key: RegisterKey,
        generation: UInt64,
        deadline: UInt64,
        kind: Kind,
        change: [UInt8]
    ) {
        self.receiver = 0
        self.sender = sender
        self.number = 0
        self.key = key
        self.generation = generation
        self.deadline = deadline
        self.ceiling = nil
        self.kind = kind
        self.change = change
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.receiver = try reader.read()
        self.sender = try reader.read()
        self.number = try reader.read()
        self.key = try RegisterKey(from: &reader)
        self.generation = try reader.read()
        self.deadline = try reader.read()
        self.ceiling = try reader.readOptional { reader throws(RecordError) in
            try Ballot(from: &reader)
        }
        let tag: UInt8 = try reader.read()
        guard let kind = Kind(rawValue: tag) else { throw .unknownTag(tag) }
        self.kind = kind
        self.change = try reader.readBytes(limit: Self.changeBytesMax)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.receiver)
        writer.write(self.sender)
        writer.write(self.number)
        self.key.encode(into: &writer)
        writer.write(self.generation)
        writer.write(self.deadline)
        writer.writeOptional(self.ceiling) { $1.encode(into: &$0) }
        writer.write(self.kind.rawValue)
        writer.writeBytes(self.change)
    }
}

/// What became of a forwarded change.
///
///     done     1 | outcome: u32 length, bytes
///     refused  3 | incarnation u32
///     failed   4 | reason u8 | what the reason needs
///     begun    5
package enum ChangeReply: Hashable, Sendable, BinaryRecord {
    /// The outcome, as the change's kind says.
    case done([UInt8])
    /// Not begun, and never will be under this number; encloses the receiver's incarnation.
    case refused(incarnation: UInt32)
    /// Proposed, and ended with an error.
    case failed(RegisterError)
    /// It may have been begun before; nobody knows any more what became of it.
    case begun

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .done(try reader.readBytes(limit: ChangeRequest.changeBytesMax))
        case 3: self = .refused(incarnation: try reader.read())
        case 4: self = .failed(try Self.error(from: &reader))
        case 5: self = .begun
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .done(let outcome):
            writer.write(UInt8(1))
            writer.writeBytes(outcome)
        case .refused(let incarnation):
            writer.write(UInt8(3))
            writer.write(incarnation)
        case .failed(let error):
            writer.write(UInt8(4))
            Self.encode(error, into: &writer)
        case .begun: writer.write(UInt8(5))
        }
    }

    private static func error(
        from reader: inout ByteReader
    ) throws(RecordError) -> RegisterError {
        switch try reader.read(UInt8.self) {
        case 1:
            let needed = Int(try reader.read(UInt32.self))
            let answered = Int(try reader.read(UInt32.self))
            return .unavailable(
                needed: needed,
                answered: answered,
                mayHaveHappened: try reader.readBool()
            )
        case 2: return .contended
        case 3: return .unknownOutcome
        case 4: return .fenced(generation: try reader.read())
        case 5: return .damaged(try RegisterKey(from: &reader))
        case 6: return .noLayout
        case let tag: throw .unknownTag(tag)
        }
    }

    private static func encode(_ error: RegisterError, into writer: inout ByteWriter) {
        switch error {
        case .unavailable(let needed, let answered, let mayHaveHappened):
            writer.write(UInt8(1))
            writer.write(UInt32(clamping: needed))
            writer.write(UInt32(clamping: answered))
            writer.write(mayHaveHappened)
        case .contended: writer.write(UInt8(2))
        case .unknownOutcome: writer.write(UInt8(3))
        case .fenced(let generation):
            writer.write(UInt8(4))
            writer.write(generation)
        case .damaged(let key):
            writer.write(UInt8(5))
            key.encode(into: &writer)
        case .noLayout: writer.write(UInt8(6))
        }
    }
}

/// Makes changes for other nodes, and hears of what concerns the node's coordinator.
///
/// The node hands on what it is asked; what a change is, it does not know.
package protocol ChangeHandler: Sendable {
    func answer(_ request: ChangeRequest, from node: NodeID) async -> ChangeReply

    /// Another node has started again: requests for its earlier starts would be in vain.
    func noticed(_ start: NodeStart, of node: NodeID)

    /// A read has met a copy on this node that is not as it was written.
    func foundDamaged(_ chunk: ChunkName)
}
