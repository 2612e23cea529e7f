import ChunkStore
import Foundation
import MetadataStore
import NIOCore
import Platform
import StoreModel
import Wire

/// Writing chunks to the disk of this machine, syncs included.
enum ChunkBenchmarks {
    private static let path = NSTemporaryDirectory() + "triolet-benchmarks-\(getpid())"

    static func cleanUp() { try? FileManager.default.removeItem(atPath: self.path) }

    static func all() async throws -> [Benchmark] {
        try FileManager.default.createDirectory(
            atPath: "\(self.path)/volumes",
            withIntermediateDirectories: true
        )
        let store = try await ChunkStore.open(
            disk: try FileDirectory.open("\(self.path)/volumes"),
            engine: try RocksEngine(path: "\(self.path)/rows"),
            doors: .system(background: TaskBackground()),
            settings: ChunkStoreSettings()
        )
        let numbers = Numbers()
        let chunk = StoredChunk.encode(WireBenchmarks.noise(64 << 10))
        return [
            Benchmark("chunk append, 64 KiB and a sync", bytes: 64 << 10) { count in
                for _ in 0..<count { try await store.write(numbers.next(), chunk) }
            },
            Benchmark("chunk append, 64 KiB, sixteen at once", bytes: 64 << 10) { count in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<count {
                        if index >= 16 { try await group.next() }
                        let name = numbers.next()
                        group.addTask { try await store.write(name, chunk) }
                    }
                    try await group.waitForAll()
                }
            },
        ]
    }

    /// Names of chunks, each once.
    private final class Numbers {
        private var number: UInt32 = 0

        func next() -> ChunkName {
            self.number += 1
            let birth = Ballot(round: UInt64(self.number), node: 1, incarnation: 1, sequence: 0)
            return ChunkName(
                manifest: ManifestID(partition: PartitionID(index: 1), birth: birth),
                part: 0,
                attempt: 0,
                index: 0
            )
        }
    }
}
