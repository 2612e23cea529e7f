import NIOCore
import Runtime
import Synchronization

/// One file of a ``SimulatedDisk``, as opened in one life of its machine.
struct SimulatedFile: DiskFile {
    let disk: SimulatedDisk
    let name: String
    let generation: Int

    /// Does something with the content; fails if the file was removed.
    private func content<Value>(
        _ body: (inout FileContent) -> Value
    ) throws(DiskError) -> Value {
        let value: Value? = self.disk.state.withLock { state in
            guard var content = state.files.removeValue(forKey: self.name) else { return nil }
            defer { state.files[self.name] = content }
            return body(&content)
        }
        guard let value else { throw .notFound(self.name) }
        return value
    }

    func size() async throws(DiskError) -> UInt64 {
        try await self.disk.wait(.read, self.generation)
        return try self.content { $0.size }
    }

    func preallocate(to size: UInt64) async throws(DiskError) {
        try await self.disk.wait(.write, self.generation)
        try self.makeRoom(to: size)
        try self.content { $0.preallocate(to: size) }
    }

    func write(
        _ buffers: [ByteBuffer],
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) {
        var whole = ByteBuffer()
        whole.reserveCapacity(buffers.reduce(0) { $0 + $1.readableBytes })
        for var buffer in buffers { whole.writeBuffer(&buffer) }
        try await self.disk.wait(.write, self.generation)
        try self.makeRoom(to: offset + UInt64(whole.readableBytes))
        try self.content { $0.write(whole, at: offset) }
        guard cache == .passing else { return }
        self.disk.state.withLock { $0.passing.written += UInt64(whole.readableBytes) }
    }

    /// Refuses what would make the file larger than the disk has room for.
    private func makeRoom(to size: UInt64) throws(DiskError) {
        let growth = try self.content { size > $0.size ? size - $0.size : 0 }
        let free = self.disk.state.withLock { state in
            state.settings.sizeBytes - min(state.settings.sizeBytes, state.usedBytes)
        }
        guard growth <= free else { throw .full }
    }

    func read(
        _ count: Int,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) -> ByteBuffer {
        try await self.disk.wait(.read, self.generation)
        let bytes = try self.content { $0.read(count, at: offset) }
        guard bytes.readableBytes == count else {
            throw .shortRead(wanted: count, got: bytes.readableBytes)
        }
        self.disk.state.withLock { state in
            state.readBytes += UInt64(count)
            if cache == .passing { state.passing.read += UInt64(count) }
        }
        return bytes
    }

    func sync() async throws(DiskError) {
        let snapshot = try self.content { $0.snapshot }
        try await self.disk.wait(.sync, self.generation)
        let isBroken = self.disk.state.withLock { state in
            if state.failsNextSync { (state.failsNextSync, state.isBroken) = (false, true) }
            state.syncCount += 1
            return state.isBroken
        }
        guard !isBroken else { throw .syncFailed(self.name) }
        guard !self.disk.state.withLock({ $0.lies }) else { return }
        try self.content { $0.sync(snapshot) }
    }

    func punchHole(at offset: UInt64, count: UInt64) async throws(DiskError) {
        try await self.disk.wait(.write, self.generation)
        try self.content { $0.punchHole(at: offset, count: count) }
    }

    func close() async {}
}
