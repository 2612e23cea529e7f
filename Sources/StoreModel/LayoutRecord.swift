/// One node as the layout knows it.
package struct LayoutNode: Hashable, Sendable, BinaryRecord {
    package let id: NodeID
    /// What people call it: "n1".
    package let name: String
    /// Replica sets prefer distinct zones.
    package let zone: String
    /// Share of the load, in bytes; 0 once the node has left the cluster for good.
    package let capacityBytes: UInt64
    /// Where its peer port is reached: "10.0.0.1:7332".
    package let address: String

    package init(id: NodeID, name: String, zone: String, capacityBytes: UInt64, address: String) {
        self.id = id
        self.name = name
        self.zone = zone
        self.capacityBytes = capacityBytes
        self.address = address
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.id = try NodeID(from: &reader)
        self.name = try reader.readString(limit: 255)
        self.zone = try reader.readString(limit: 255)
        self.capacityBytes = try reader.read()
        self.address = try reader.readString(limit: 512)
    }

    package func encode(into writer: inout ByteWriter) {
        self.id.encode(into: &writer)
        writer.writeString(self.name)
        writer.writeString(self.zone)
        writer.write(self.capacityBytes)
        writer.writeString(self.address)
    }
}

/// The agreed layout of the cluster.
///
///     version u8 = 1 | epoch u64 | nodes: u32 count, each
///     | replica sets: u32 count (256), each u8 count and node indices u16
///     | system: u8 count, indices u16
///
/// Source: docs/protocol/layout.md.
package struct LayoutRecord: Hashable, Sendable, BinaryRecord {
    /// 1 for the first layout; 0 means "not formed yet".
    package let epoch: UInt64
    /// The index of a node in this list is its number in ballots; it keeps it for ever.
    ///
    /// Nodes that have left stay in the list with a capacity of 0, and no set names them.
    package let nodes: [LayoutNode]
    /// For each partition of the ring the indices of its nodes, in ring order, each once.
    package let replicaSets: [[UInt16]]
    /// The replica set of the system partition.
    package let systemSet: [UInt16]

    package init(
        epoch: UInt64,
        nodes: [LayoutNode],
        replicaSets: [[UInt16]],
        systemSet: [UInt16]
    ) {
        self.epoch = epoch
        self.nodes = nodes
        self.replicaSets = replicaSets
        self.systemSet = systemSet
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        self.epoch = try reader.read()
        self.nodes = try reader.readList(limit: Limit.nodes) {
            reader throws(RecordError) in try LayoutNode(from: &reader)
        }
        let nodes = self.nodes
        let nodeCount = nodes.count
        func indices(_ reader: inout ByteReader) throws(RecordError) -> [UInt16] {
            let count = Int(try reader.read(UInt8.self))
            guard (1...nodeCount).contains(count) else { throw .invalid("replica set size") }
            var indices: [UInt16] = []
            for _ in 0..<count {
                let index: UInt16 = try reader.read()
                guard index < nodeCount, !indices.contains(index) else {
                    throw .invalid("replica set")
                }
                guard nodes[Int(index)].capacityBytes > 0 else { throw .invalid("capacity") }
                indices.append(index)
            }
            return indices
        }
        guard nodeCount > 0 else { throw .invalid("layout without nodes") }
        self.replicaSets = try reader.readList(limit: Limit.partitions) {
            reader throws(RecordError) in try indices(&reader)
        }
        guard self.replicaSets.count == Limit.partitions else { throw .invalid("partitions") }
        self.systemSet = try indices(&reader)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        writer.write(self.epoch)
        writer.writeList(self.nodes) { $1.encode(into: &$0) }
        func write(_ indices: [UInt16], _ writer: inout ByteWriter) {
            writer.write(UInt8(indices.count))
            for index in indices { writer.write(index) }
        }
        writer.writeList(self.replicaSets) { write($1, &$0) }
        write(self.systemSet, &writer)
    }
}
