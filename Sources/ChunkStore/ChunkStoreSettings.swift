import StoreModel

/// Sizes of the volumes and bounds of the store.
package struct ChunkStoreSettings: Hashable, Sendable {
    /// The smallest bound of volumes that leaves room for the largest chunk, in bytes.
    package static let volumeBytesMin = UInt64(
        VolumeHeader.byteCount + RecordHeader.recordBytesMax
    )

    /// Largest volume file, in bytes, at least ``volumeBytesMin``.
    package var volumeBytes: UInt64
    /// Room that is made ahead of the writers, in bytes.
    ///
    /// Writing 4 MiB durably takes 3 ms into preallocated room and 15 ms into a growing file
    /// (docs/decisions/0004-volumes.md).
    package var preallocationBytes: UInt64
    /// Free space that chunks never take, in bytes: drops and metadata need it.
    package var reserveBytes: UInt64
    /// Chunks that are being written, in bytes; who brings more waits in line.
    package var waitingBytesMax: Int
    /// A checkpoint is made when so many bytes were appended since the last: what a restart after a
    /// crash has to read again.
    package var checkpointBytes: UInt64

    package init(
        volumeBytes: UInt64 = 1 << 30,
        preallocationBytes: UInt64 = 64 << 20,
        reserveBytes: UInt64 = 256 << 20,
        waitingBytesMax: Int = 64 << 20,
        checkpointBytes: UInt64 = 64 << 20
    ) {
        precondition(volumeBytes.isMultiple(of: UInt64(RecordHeader.alignment)))
        precondition(preallocationBytes.isMultiple(of: UInt64(RecordHeader.alignment)))
        precondition(preallocationBytes > 0 && checkpointBytes > 0)
        precondition(volumeBytes >= Self.volumeBytesMin, "The largest chunk must fit.")
        precondition(waitingBytesMax >= RecordHeader.recordBytesMax, "The largest chunk must fit.")
        self.volumeBytes = volumeBytes
        self.preallocationBytes = preallocationBytes
        self.reserveBytes = reserveBytes
        self.waitingBytesMax = waitingBytesMax
        self.checkpointBytes = checkpointBytes
    }
}
