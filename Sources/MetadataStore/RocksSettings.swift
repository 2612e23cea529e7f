/// How much the engine may take, and how long a restart may last.
package struct RocksSettings: Hashable, Sendable {
    /// Blocks of tables kept in memory, indexes and filters included, in bytes.
    package var blockCacheBytes: Int
    /// Rows of one family that wait in memory until they are written as a table, in bytes.
    package var writeBufferBytes: Int
    /// Longest log, in bytes: what a restart after a crash has to read again.
    ///
    /// 100 MiB take about a second, so that 16 MiB keep a restart well below it
    /// (docs/decisions/0002-metadata-engine.md).
    package var logBytesMax: Int
    /// Changes that wait for the writer, in bytes; who brings more waits in line.
    package var waitingBytesMax: Int
    /// Threads for reads that are not answered from memory, and for scans.
    package var readerCount: Int

    package init(
        blockCacheBytes: Int = 32 << 20,
        writeBufferBytes: Int = 8 << 20,
        logBytesMax: Int = 16 << 20,
        waitingBytesMax: Int = 64 << 20,
        readerCount: Int = 2
    ) {
        precondition(blockCacheBytes > 0 && writeBufferBytes > 0 && logBytesMax > 0)
        precondition(waitingBytesMax >= 16 << 20, "A batch of the largest values must fit.")
        precondition(readerCount > 0)
        self.blockCacheBytes = blockCacheBytes
        self.writeBufferBytes = writeBufferBytes
        self.logBytesMax = logBytesMax
        self.waitingBytesMax = waitingBytesMax
        self.readerCount = readerCount
    }
}
