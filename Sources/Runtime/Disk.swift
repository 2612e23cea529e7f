package import NIOCore

/// Why a file operation failed.
package enum DiskError: Error, Hashable, Sendable {
    case full
    case notFound(String)
    /// The bytes ended before `wanted` were read.
    case shortRead(wanted: Int, got: Int)
    /// A sync failed: nobody knows what is durable. The directory must not be used any more.
    case syncFailed(String)
    case failed(operation: String, errno: Int32)
}

/// The door to one directory of files.
package protocol Disk: Sendable {
    /// Opens a file for reading and writing; creates it, durably, if it is missing.
    func open(_ name: String) async throws(DiskError) -> any DiskFile
    /// Names of all files, sorted.
    func list() async throws(DiskError) -> [String]
    func remove(_ name: String) async throws(DiskError)
    /// Bytes free for us, and bytes in all.
    func space() async throws(DiskError) -> (freeBytes: UInt64, sizeBytes: UInt64)
}

/// Whether the system should keep bytes of a file in its memory once they are written or read.
///
/// A matter of cost only: what is written and read is the same, and so is what a sync makes
/// durable.
package enum CacheUse: Sendable {
    /// They are likely to be read again soon.
    case kept
    /// They are not: the memory they take is free again as soon as the disk has them.
    case passing
}

/// One open file.
///
/// Calls may overlap; overlapping ranges are the caller's business.
package protocol DiskFile: Sendable {
    /// Length of the file, preallocated space included.
    func size() async throws(DiskError) -> UInt64
    /// Makes room up to `size` without writing it; reads there give zeroes.
    func preallocate(to size: UInt64) async throws(DiskError)
    /// Writes all buffers one after another from `offset`. Volatile until ``sync()``.
    func write(
        _ buffers: [ByteBuffer],
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError)
    /// Reads exactly `count` bytes.
    func read(
        _ count: Int,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) -> ByteBuffer
    /// Makes everything written before the call durable (`fdatasync`).
    func sync() async throws(DiskError)
    /// Gives the space of a range back; reads there give zeroes.
    func punchHole(at offset: UInt64, count: UInt64) async throws(DiskError)
    func close() async
}

extension DiskFile {
    package func write(_ buffers: [ByteBuffer], at offset: UInt64) async throws(DiskError) {
        try await self.write(buffers, at: offset, .kept)
    }

    package func read(_ count: Int, at offset: UInt64) async throws(DiskError) -> ByteBuffer {
        try await self.read(count, at: offset, .kept)
    }
}
