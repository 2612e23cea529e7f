package import StoreModel

/// Tells a node to fetch a chunk from a node that has it and to keep it under another name.
///
///     source chunk name | target chunk name | sources: u32 count, node ids
package struct PullRequest: Hashable, Sendable, BinaryRecord {
    package let source: ChunkName
    package let target: ChunkName
    /// Nodes to ask, in this order, but the own node first if it is among them.
    package let sources: [NodeID]

    package init(source: ChunkName, target: ChunkName, sources: [NodeID]) {
        self.source = source
        self.target = target
        self.sources = sources
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.source = try ChunkName(from: &reader)
        self.target = try ChunkName(from: &reader)
        self.sources = try reader.readList(limit: Limit.nodes) {
            reader throws(RecordError) in try NodeID(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.source.encode(into: &writer)
        self.target.encode(into: &writer)
        writer.writeList(self.sources) { $1.encode(into: &$0) }
    }
}

/// What a node says of itself before there is a layout.
package struct NodeDescription: Hashable, Sendable, BinaryRecord {
    package let node: LayoutNode
    /// The layout it has, if any.
    package let layout: LayoutRecord?

    package init(node: LayoutNode, layout: LayoutRecord?) {
        self.node = node
        self.layout = layout
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.node = try LayoutNode(from: &reader)
        self.layout = try reader.readOptional {
            reader throws(RecordError) in try LayoutRecord(from: &reader)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        self.node.encode(into: &writer)
        writer.writeOptional(self.layout) { $1.encode(into: &$0) }
    }
}

/// Why a node did not do what it was asked.
package struct PeerFailure: Error, Hashable, Sendable, BinaryRecord {
    package enum Code: UInt8, Hashable, Sendable, CaseIterable {
        /// The bytes of the request break the protocol.
        case badRequest = 1
        /// The node does not keep that partition.
        case notAReplica = 2
        /// No such chunk here.
        case notFound = 3
        /// The chunk or the row is here but damaged.
        case corrupt = 4
        /// No room left; reads and deletes still work.
        case full = 5
        /// The node's disk has failed: it serves nothing.
        case outOfService = 6
        /// Too much work waits already.
        case overloaded = 7
        /// None of the named sources gave the chunk.
        case sourceUnavailable = 8
        /// Another layout of this epoch is in force here: the cluster was formed twice.
        case layoutConflict = 9
        /// The node has started, and too few others have taken note of it yet.
        case unconfirmed = 10
    }

    package let code: Code
    /// For the log, never for a client.
    package let text: String

    package init(_ code: Code, _ text: String) {
        self.code = code
        self.text = String(decoding: text.utf8.prefix(500), as: UTF8.self)
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let code = Code(rawValue: tag) else { throw .unknownTag(tag) }
        self.code = code
        self.text = try reader.readString(limit: 2_000)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.code.rawValue)
        writer.writeString(self.text)
    }
}
