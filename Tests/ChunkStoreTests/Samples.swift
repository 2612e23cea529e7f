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

    /// Content that tells its name: every chunk's is another, some of it deflates well.
    static func chunk(_ name: ChunkName, bytes: Int? = nil) -> StoredChunk {
        var random = SplitMix64(seed: name.manifest.birth.round &* 1_000 &+ UInt64(name.index))
        let length = bytes ?? random.number(in: 1...60_000)
        var content = ByteBufferAllocator().buffer(capacity: length + 8)
        let isText = random.chance(permille: 500)
        while content.readableBytes < length {
            content.writeInteger(isText ? UInt64(content.readableBytes / 64) : random.next())
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
        _ settings: ChunkStoreSettings = Samples.settings()
    ) async throws -> ChunkStore {
        try await ChunkStore.open(
            disk: self.disk,
            engine: self.engine,
            doors: self.doors,
            settings: settings
        )
    }
}
