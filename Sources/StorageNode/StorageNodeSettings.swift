package import ChunkStore
package import Register
import StoreModel

/// What a node says of itself, and the bounds of its work.
package struct StorageNodeSettings: Hashable, Sendable {
    /// What people call the node.
    package var name: String
    package var zone: String
    /// Share of the load, in bytes, at least 1.
    package var capacityBytes: UInt64
    /// Where the peer port is reached.
    package var address: String

    /// Requests under way; whoever comes on top is told `overloaded`.
    package var requestsMax: Int
    /// Register requests and pages of rows under way, in bytes; more wait in line.
    package var rowBytesMax: Int
    /// Chunks that are being written for others or read by them, in bytes; more wait in line.
    package var chunkBytesMax: Int
    /// Chunks that are being pulled, in bytes; more wait in line.
    ///
    /// Four, as many as there are threads for files: more would only wait in memory for the disk.
    /// A bound of its own: pulls wait for other nodes, and two nodes that wait for each other must
    /// still read for each other.
    package var pullBytesMax: Int
    /// How long one source of a pull may take.
    package var sourceTimeout: Duration
    /// How long one may be silent before the next one is asked as well, so that a pull may hold its
    /// chunk twice for a moment.
    package var sourceSilence: Duration
    /// No further source is tried after this.
    package var pullPatience: Duration
    /// Sizes of volumes, and the space that chunks never take.
    package var chunks = ChunkStoreSettings()
    /// Segments of so many bytes are kept apart from their rows.
    package var tailBytes = Limit.tailBytes
    /// Rules broken on purpose; only the simulation may ask for any.
    package var sabotage: AcceptorSabotage = []

    package init(name: String, zone: String, capacityBytes: UInt64, address: String) {
        precondition(capacityBytes > 0, "A node without capacity has left.")
        self.name = name
        self.zone = zone
        self.capacityBytes = capacityBytes
        self.address = address
        self.requestsMax = 1_024
        self.rowBytesMax = 64 << 20
        self.chunkBytesMax = 64 << 20
        self.pullBytesMax = 16 << 20
        self.sourceTimeout = .seconds(4)
        self.sourceSilence = .milliseconds(300)
        self.pullPatience = .seconds(6)
    }

    func node(_ id: NodeID) -> LayoutNode {
        LayoutNode(
            id: id,
            name: self.name,
            zone: self.zone,
            capacityBytes: self.capacityBytes,
            address: self.address
        )
    }
}
