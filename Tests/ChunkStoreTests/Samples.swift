import ChunkStore
import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Wire

/// Names and contents that tests use.
enum Samples {
    static func manifest(_ number: Int) -> ManifestID {
        let birth = Ballot(round: UInt64(number), node: 1, incarnation: 1, sequence: 0)
        return ManifestID(partition: PartitionID(index: number % 3), birth: birth)
    }

    static func name(_ manifest: Int, _ index: Int) -> ChunkName {
        ChunkName(manifest: Self.manifest(manifest), part: 0, attempt: 0, index: UInt32(index))
    }

    /// Bytes of which none foretells another.
    static let noise: ByteBuffer = {
        var random = SplitMix64(seed: 7)
        var noise = ByteBuffer()
        for _ in 0..<(64 << 10) { noise.writeInteger(random.next()) }
        return noise
    }()

    /// Content that tells its name: every chunk's is another, some of it deflates well.
    static func chunk(_ name: ChunkName, bytes: Int? = nil) -> StoredChunk {
        var random = SplitMix64(seed: name.manifest.birth.round &* 1_000 &+ UInt64(name.index))
        let length = bytes ?? random.number(in: 1...30_000)
        var content = ByteBuffer(bytes: name.encoded)
        while content.readableBytes < length {
            if random.chance(permille: 300) {
                content.writeRepeatingByte(UInt8(random.number(in: 0...255)), count: 9_000)
            } else {
                let start = random.number(in: 0...400_000)
                content.writeImmutableBuffer(
                    Self.noise.getSlice(at: start, length: 9_000) ?? Self.noise
                )
            }
        }
        content.moveWriterIndex(to: length)
        return StoredChunk.encode(content)
    }

    /// Small volumes, so that tests meet their ends.
    static func settings(
        checkpointBytes: UInt64 = 256 << 10,
        reserveBytes: UInt64 = 64 << 10
    ) -> ChunkStoreSettings {
        ChunkStoreSettings(
            volumeBytes: ChunkStoreSettings.volumeBytesMin,
            preallocationBytes: 256 << 10,
            reserveBytes: reserveBytes,
            waitingBytesMax: 8 << 20,
            checkpointBytes: checkpointBytes
        )
    }
}

extension SimulatedMachine {
    func openStore(
        _ settings: ChunkStoreSettings = Samples.settings(),
        onSync: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> ChunkStore {
        try await ChunkStore.open(
            disk: self.disk,
            engine: self.engine,
            doors: self.doors,
            settings: settings,
            onSync: onSync
        )
    }
}
