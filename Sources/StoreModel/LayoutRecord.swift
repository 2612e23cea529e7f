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

/// Which nodes keep which partitions.
package struct ReplicaSets: Hashable, Sendable {
    /// For each partition of the ring the indices of its nodes, in ring order, each once.
    package let ring: [[UInt16]]
    /// The replica set of the system partition.
    package let system: [UInt16]

    package init(ring: [[UInt16]], system: [UInt16]) {
        self.ring = ring
        self.system = system
    }

    package subscript(_ partition: PartitionID) -> [UInt16] {
        partition.index.map { self.ring[$0] } ?? self.system
    }
}

/// By which layout a node has become a replica of a partition.
///
/// What it has kept of that partition from earlier times does not count.
package struct ReplicaEntry: Hashable, Sendable, BinaryRecord {
    package let partition: PartitionID
    /// Index of the node.
    package let node: UInt16
    /// The joint layout that named it first.
    package let epoch: UInt64

    package init(partition: PartitionID, node: UInt16, epoch: UInt64) {
        self.partition = partition
        self.node = node
        self.epoch = epoch
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.node = try reader.read()
        self.epoch = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        writer.write(self.node)
        writer.write(self.epoch)
    }

    package static func precedes(_ left: Self, _ right: Self) -> Bool {
        (left.partition, left.node) < (right.partition, right.node)
    }
}

/// The agreed layout of the cluster: stable, or joint while replica sets are changed.
///
/// A change takes two steps, and each step adds one to the epoch: stable e, joint e + 1, stable e +
/// 2. While the layout is joint, whatever needs a majority of a register's replicas needs one of
/// the former set and one of the latter.
///
///     version u8 = 2 | epoch u64 | nodes: u32 count, each
///     | replica sets: u32 count (256), each u8 count and node indices u16
///     | system: u8 count, indices u16
///     | former? : replica sets and system, likewise
///     | entries: u32 count, each partition u16, node u16, epoch u64
///
/// Source: docs/protocol/layout.md.
package struct LayoutRecord: Hashable, Sendable, BinaryRecord {
    /// Most entries: a former and a latter set for each partition.
    package static let entriesMax =
        2 * (Limit.partitions * Limit.replicas + Limit.systemReplicas)
    private static let version: UInt8 = 2

    /// 1 for the first layout; 0 means "not formed yet".
    package let epoch: UInt64
    /// The index of a node in this list is its number in ballots; it keeps it for ever.
    ///
    /// Nodes that have left stay in the list with a capacity of 0, and no set names them; of a
    /// joint layout only former sets do.
    package let nodes: [LayoutNode]
    /// In a joint layout these are the latter sets.
    package let sets: ReplicaSets
    /// The sets of the layout before, as long as not all has been handed over; nil if the layout is
    /// stable.
    package let former: ReplicaSets?
    /// Replicas that were not there from the first layout on, in order of partition and node.
    package let entries: [ReplicaEntry]

    package init(
        epoch: UInt64,
        nodes: [LayoutNode],
        replicaSets: [[UInt16]],
        systemSet: [UInt16],
        former: ReplicaSets? = nil,
        entries: [ReplicaEntry] = []
    ) {
        self.epoch = epoch
        self.nodes = nodes
        self.sets = ReplicaSets(ring: replicaSets, system: systemSet)
        self.former = former
        self.entries = entries
    }

    package var replicaSets: [[UInt16]] { self.sets.ring }
    package var systemSet: [UInt16] { self.sets.system }
    package var isJoint: Bool { self.former != nil }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        self.epoch = try reader.read()
        self.nodes = try reader.readList(limit: Limit.nodes) {
            reader throws(RecordError) in try LayoutNode(from: &reader)
        }
        let nodes = self.nodes
        guard !nodes.isEmpty else { throw .invalid("layout without nodes") }
        self.sets = try Self.sets(from: &reader, of: nodes, mayHaveLeft: false)
        let former = try reader.readOptional { reader throws(RecordError) in
            try Self.sets(from: &reader, of: nodes, mayHaveLeft: true)
        }
        self.former = former
        self.entries = try reader.readList(limit: Self.entriesMax) {
            reader throws(RecordError) in try ReplicaEntry(from: &reader)
        }
        guard former == nil || self.epoch > 1 else { throw .invalid("joint layout without former") }
        try self.checkEntries()
    }

    private static func sets(
        from reader: inout ByteReader,
        of nodes: [LayoutNode],
        mayHaveLeft: Bool
    ) throws(RecordError) -> ReplicaSets {
        func indices(_ reader: inout ByteReader) throws(RecordError) -> [UInt16] {
            let count = Int(try reader.read(UInt8.self))
            guard (1...nodes.count).contains(count) else { throw .invalid("replica set size") }
            var indices: [UInt16] = []
            for _ in 0..<count {
                let index: UInt16 = try reader.read()
                guard index < nodes.count, !indices.contains(index) else {
                    throw .invalid("replica set")
                }
                guard mayHaveLeft || nodes[Int(index)].capacityBytes > 0 else {
                    throw .invalid("capacity")
                }
                indices.append(index)
            }
            return indices
        }
        let ring = try reader.readList(limit: Limit.partitions) {
            reader throws(RecordError) in try indices(&reader)
        }
        guard ring.count == Limit.partitions else { throw .invalid("partitions") }
        return ReplicaSets(ring: ring, system: try indices(&reader))
    }

    private func checkEntries() throws(RecordError) {
        for (entry, next) in zip(self.entries, self.entries.dropFirst()) {
            guard ReplicaEntry.precedes(entry, next) else { throw .invalid("order of entries") }
        }
        for entry in self.entries {
            guard (2...max(2, self.epoch)).contains(entry.epoch) else {
                throw .invalid("epoch of an entry")
            }
            guard
                self.sets[entry.partition].contains(entry.node)
                    || self.former?[entry.partition].contains(entry.node) == true
            else { throw .invalid("entry of no replica") }
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(Self.version)
        writer.write(self.epoch)
        writer.writeList(self.nodes) { $1.encode(into: &$0) }
        Self.write(self.sets, into: &writer)
        writer.writeOptional(self.former) { Self.write($1, into: &$0) }
        writer.writeList(self.entries) { $1.encode(into: &$0) }
    }

    private static func write(_ sets: ReplicaSets, into writer: inout ByteWriter) {
        func write(_ indices: [UInt16], _ writer: inout ByteWriter) {
            writer.write(UInt8(indices.count))
            for index in indices { writer.write(index) }
        }
        writer.writeList(sets.ring) { write($1, &$0) }
        write(sets.system, &writer)
    }
}
