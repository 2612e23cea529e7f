import ChunkStore
import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing
import Wire

struct ChunkStoreTests {
    static let lengths = [
        1, 100, 4_096, Limit.blockBytes, Limit.blockBytes + 1, 700_000, Limit.chunkBytes,
    ]

    @Test("A chunk of any length comes back unchanged, whole and by blocks", arguments: lengths)
    func roundTrip(length: Int) throws {
        try Simulator.run { simulator in
            let store = try await simulator.machine("a").openStore()
            let name = Samples.name(1, length)
            let chunk = Samples.chunk(name, bytes: length)
            try await store.write(name, chunk)
            #expect(try await store.chunk(name) == chunk)
            #expect(try await store.read(name, blocks: nil) == chunk.whole)
            let count = chunk.table.count
            for range in [0..<1, (count - 1)..<count, (count / 2)..<count] {
                #expect(
                    try await store.read(name, blocks: range) == chunk.slice(ofBlocks: range)
                )
            }
            for range in [count..<(count + 1), 0..<0, -1..<1, 0..<(count + 1)] {
                await #expect(throws: ChunkStoreError.noSuchBlocks(range)) {
                    try await store.read(name, blocks: range)
                }
            }
            await #expect(throws: ChunkStoreError.notFound) {
                try await store.read(Samples.name(2, 0), blocks: nil)
            }
        }
    }

    @Test("Closing and opening keeps everything, and finds nothing to read again")
    func reopen() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            var store = try await machine.openStore()
            for index in 0..<40 {
                let name = Samples.name(1 + index % 3, index)
                try await store.write(name, Samples.chunk(name))
            }
            let before = store.statistics
            try await store.close()
            await #expect(throws: ChunkStoreError.self) {
                try await store.read(Samples.name(1, 0), blocks: nil)
            }
            store = try await machine.openStore()
            let after = store.statistics
            #expect((after.chunks, after.recordBytes) == (before.chunks, before.recordBytes))
            #expect((after.chunksRecovered, after.recordsTorn) == (0, 0))
            for index in 0..<40 {
                let name = Samples.name(1 + index % 3, index)
                #expect(try await store.chunk(name) == Samples.chunk(name))
            }
        }
    }

    @Test("Writing the same chunk again, or twice at once, changes nothing")
    func again() throws {
        try Simulator.run { simulator in
            let store = try await simulator.machine("a").openStore()
            let name = Samples.name(1, 1)
            let chunk = Samples.chunk(name)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<5 { group.addTask { try await store.write(name, chunk) } }
                try await group.waitForAll()
            }
            let before = store.statistics
            try await store.write(name, chunk)
            #expect(store.statistics == before)
            #expect((before.chunks, before.chunksWritten) == (1, 1))
            #expect(try await store.drop(name.manifest) == 1)
            #expect(store.statistics.chunks == 0)
        }
    }

    @Test("A chunk that does not fit its checksums is refused, and nothing is written")
    func refused() throws {
        try Simulator.run { simulator in
            let store = try await simulator.machine("a").openStore()
            let name = Samples.name(1, 1)
            let chunk = Samples.chunk(name)
            var blocks = chunk.blocks
            let first = try #require(blocks.getInteger(at: blocks.readerIndex, as: UInt8.self))
            blocks.setInteger(first ^ 1, at: blocks.readerIndex)
            let damaged = try StoredChunk(header: chunk.header, blocks: blocks)
            await #expect(throws: ChunkStoreError.refused(.damaged(block: 0))) {
                try await store.write(name, damaged)
            }
            #expect(store.statistics == ChunkStatistics())
        }
    }

    @Test("Chunks that are written together share syncs")
    func sharedSyncs() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let served = Mutex<[Int]>([])
            let store = try await machine.openStore { count in
                served.withLock { $0.append(count) }
            }
            try await store.write(Samples.name(2, 0), Samples.chunk(Samples.name(2, 0)))
            let before = store.statistics.syncs
            served.withLock { $0 = [] }
            let diskBefore = machine.disk.syncCount
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let name = Samples.name(1, index)
                        try await store.write(name, Samples.chunk(name))
                    }
                }
                try await group.waitForAll()
            }
            let syncs = store.statistics.syncs - before
            #expect(syncs < 20, "\(syncs) syncs for 40 chunks")
            #expect(syncs == machine.disk.syncCount - diskBefore, "Each sync is counted.")
            let counts = served.withLock { $0 }
            #expect(counts.count == syncs)
            #expect(counts.reduce(0, +) == 40, "Each write is counted with the sync it waited for.")
            let alone = store.statistics.syncs
            try await store.write(Samples.name(3, 0), Samples.chunk(Samples.name(3, 0)))
            #expect(store.statistics.syncs == alone + 1)
        }
    }

    @Test("Dropping a manifest gives its space back and touches no other")
    func drop() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            for index in 0..<60 {
                let name = Samples.name(1 + index % 2, index)
                try await store.write(name, Samples.chunk(name, bytes: 50_000))
            }
            #expect(
                try await store.manifests(after: nil, limit: 9)
                    == [Samples.manifest(1), Samples.manifest(2)]
            )
            #expect(
                try await store.manifests(after: Samples.manifest(1), limit: 9)
                    == [Samples.manifest(2)]
            )
            let (used, bytes) = (machine.disk.usedBytes, store.statistics.recordBytes)
            #expect(try await store.drop(Samples.manifest(1)) == 30)
            #expect(try await store.drop(Samples.manifest(1)) == 0)
            #expect(used - machine.disk.usedBytes >= bytes - store.statistics.recordBytes)
            #expect(store.statistics.chunks == 30)
            for index in 0..<60 {
                let name = Samples.name(1 + index % 2, index)
                if index.isMultiple(of: 2) {
                    await #expect(throws: ChunkStoreError.notFound) {
                        try await store.chunk(name)
                    }
                } else {
                    #expect(
                        try await store.chunk(name) == Samples.chunk(name, bytes: 50_000)
                    )
                }
            }
            #expect(try await store.drop(Samples.manifest(2)) == 30)
            #expect(try await store.manifests(after: nil, limit: 9) == [])
            #expect(store.statistics.recordBytes == 0)
        }
    }

    @Test("Volumes in which nothing is left are removed, all but the one that is written to")
    func emptyVolumes() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            for index in 0..<4 {
                let name = Samples.name(index, 0)
                let bytes = Limit.chunkBytes - index
                try await store.write(name, Samples.chunk(name, bytes: bytes))
            }
            let volumes = machine.disk.fileNames
            #expect(volumes.count > 1)
            for index in 0..<4 { _ = try await store.drop(Samples.manifest(index)) }
            #expect(machine.disk.fileNames == [volumes.last])
            #expect(store.statistics.volumes == 1)
            try await store.write(Samples.name(9, 9), Samples.chunk(Samples.name(9, 9)))
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            #expect(
                try await again.chunk(Samples.name(9, 9)) == Samples.chunk(Samples.name(9, 9))
            )
        }
    }

    @Test("A full disk refuses writes before the reserve, still drops, and then writes again")
    func full() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            machine.disk.adjust { $0.sizeBytes = 3 << 20 }
            let store = try await machine.openStore(Samples.settings(reserveBytes: 1 << 20))
            var written = 0
            var failure: ChunkStoreError?
            while failure == nil, written < 500 {
                let name = Samples.name(1 + written % 2, written)
                do throws(ChunkStoreError) {
                    try await store.write(name, Samples.chunk(name, bytes: 50_000))
                    written += 1
                } catch {
                    failure = error
                }
            }
            #expect(failure == .full)
            #expect(written > 20)
            #expect((3 << 20) - machine.disk.usedBytes >= 1 << 20)
            for index in 0..<written {
                let name = Samples.name(1 + index % 2, index)
                #expect(try await store.chunk(name) == Samples.chunk(name, bytes: 50_000))
            }
            #expect(try await store.drop(Samples.manifest(1)) == (written + 1) / 2)
            let name = Samples.name(3, 0)
            try await store.write(name, Samples.chunk(name))
            #expect(try await store.chunk(name) == Samples.chunk(name))
        }
    }

    @Test("After a failed sync nothing is accepted or served until a restart", arguments: 0..<10)
    func failedSync(seed: Int) throws {
        try Simulator.run(seed: UInt64(seed)) { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let (first, second) = (Samples.name(1, 0), Samples.name(1, 1))
            try await store.write(first, Samples.chunk(first))
            machine.disk.failNextSync()
            await withTaskGroup(of: Void.self) { group in
                for index in 1..<4 {
                    group.addTask {
                        let name = Samples.name(1, index)
                        await #expect(throws: ChunkStoreError.self) {
                            try await store.write(name, Samples.chunk(name))
                        }
                    }
                }
            }
            await #expect(throws: ChunkStoreError.self) { try await store.chunk(first) }
            await #expect(throws: ChunkStoreError.self) {
                try await store.write(second, Samples.chunk(second))
            }
            await #expect(throws: ChunkStoreError.self) {
                try await store.drop(first.manifest)
            }
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            #expect(try await again.chunk(first) == Samples.chunk(first))
        }
    }
}
