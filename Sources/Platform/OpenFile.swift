import CPlatform
import NIOCore
import Runtime
import Synchronization

/// One open file of a ``FileDirectory``.
///
/// Operations under way keep the descriptor open when the file is closed meanwhile.
final class OpenFile: DiskFile {
    /// Buffers that are written with one system call.
    static let buffersPerWrite = 64

    private let name: String
    private let descriptor: Mutex<FileDescriptor?>
    private let threads: FileThreads
    private let health: DiskHealth

    init(name: String, descriptor: FileDescriptor, threads: FileThreads, health: DiskHealth) {
        self.name = name
        self.descriptor = Mutex(descriptor)
        self.threads = threads
        self.health = health
    }

    func size() async throws(DiskError) -> UInt64 {
        try await self.run { descriptor, _ throws(DiskError) in
            var size: Int64 = 0
            let status = unsafe cplatform_size(descriptor, &size)
            guard status == 0 else { throw DiskError(status, "size", self.name) }
            return UInt64(size)
        }
    }

    func preallocate(to size: UInt64) async throws(DiskError) {
        try await self.run { descriptor, health throws(DiskError) in
            try health.check()
            let status = cplatform_preallocate(descriptor, Int64(size))
            guard status == 0 else { throw DiskError(status, "preallocate", self.name) }
        }
    }

    func write(
        _ buffers: [ByteBuffer],
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) {
        try await self.run { descriptor, health throws(DiskError) in
            try health.check()
            var offset = Int64(offset)
            for start in stride(from: 0, to: buffers.count, by: Self.buffersPerWrite) {
                let some = buffers[start..<min(start + Self.buffersPerWrite, buffers.count)]
                let status = Self.write(some, to: descriptor, at: offset, cache)
                guard status == 0 else { throw DiskError(status, "write", self.name) }
                offset += Int64(some.reduce(0) { $0 + $1.readableBytes })
            }
        }
    }

    /// Holds on to the bytes of one buffer after the other, then writes them all.
    private static func write(
        _ buffers: ArraySlice<ByteBuffer>,
        to descriptor: Int32,
        at offset: Int64,
        _ cache: CacheUse
    ) -> Int32 {
        let passes: Int32 = cache == .passing ? 1 : 0
        var vectors: [iovec] = unsafe []
        unsafe vectors.reserveCapacity(buffers.count)
        func hold(_ rest: ArraySlice<ByteBuffer>) -> Int32 {
            guard let first = rest.first else {
                let count = unsafe Int32(vectors.count)
                return unsafe cplatform_write(descriptor, &vectors, count, offset, passes)
            }
            return unsafe first.withUnsafeReadableBytes { bytes in
                unsafe vectors.append(
                    iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                        iov_len: bytes.count
                    )
                )
                return hold(rest.dropFirst())
            }
        }
        return hold(buffers)
    }

    func read(
        _ count: Int,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) -> ByteBuffer {
        try await self.run { descriptor, _ throws(DiskError) in
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            var status: Int32 = 0
            let got = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
                target in
                var got = 0
                status = unsafe cplatform_read(
                    descriptor,
                    target.baseAddress,
                    count,
                    Int64(offset),
                    cache == .passing ? 1 : 0,
                    &got
                )
                return got
            }
            guard status == 0 else { throw DiskError(status, "read", self.name) }
            guard got == count else { throw .shortRead(wanted: count, got: got) }
            return buffer
        }
    }

    func sync() async throws(DiskError) {
        try await self.run { descriptor, health throws(DiskError) in
            try health.sync(descriptor, self.name, cplatform_sync_data)
        }
    }

    func punchHole(at offset: UInt64, count: UInt64) async throws(DiskError) {
        guard count > 0 else { return }
        try await self.run { descriptor, health throws(DiskError) in
            try health.check()
            let status = cplatform_punch_hole(descriptor, Int64(offset), Int64(count))
            guard status == 0 else { throw DiskError(status, "punch hole", self.name) }
        }
    }

    func close() async { self.descriptor.withLock { $0 = nil } }

    /// Runs one operation on a thread, with the descriptor held open.
    private func run<Value: Sendable>(
        _ work: @escaping @Sendable (Int32, DiskHealth) throws(DiskError) -> Value
    ) async throws(DiskError) -> Value {
        guard let descriptor = self.descriptor.withLock({ $0 }) else {
            throw .failed(operation: "use of a closed file", errno: DiskErrno.closed)
        }
        let result = await self.threads.run { [health] in
            Result { () throws(DiskError) in try work(descriptor.number, health) }
        }
        return try result.get()
    }
}
