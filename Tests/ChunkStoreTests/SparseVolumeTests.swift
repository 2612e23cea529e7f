import ChunkStore
import Runtime
import SimulatedRuntime
import StoreModel
import Testing
import Wire

/// Volumes of which little is alive are emptied, and nothing is lost on the way.
struct SparseVolumeTests {
    private static let bytes = 120_000

    /// Fills some volumes, and drops all but every twelfth chunk.
    private static func sparse(_ store: ChunkStore) async throws -> [ChunkName] {
        var left: [ChunkName] = []
        for number in 0..<180 {
            let name = Samples.name(number % 12, number)
            try await store.write(name, Samples.chunk(name, bytes: Self.bytes))
            if number.isMultiple(of: 12) { left.append(name) }
        }
        for manifest in 1..<12 { _ = try await store.drop(Samples.manifest(manifest)) }
        return left.sorted()
    }

    private static func check(_ store: ChunkStore, _ left: [ChunkName]) async throws {
        #expect(try await store.names(after: nil, limit: 999) == left)
        #expect(store.statistics.chunks == left.count)
        for name in left {
            #expect(try await store.chunk(name) == Samples.chunk(name, bytes: Self.bytes))
            #expect(try await store.isIntact(name))
        }
    }

    @Test("Sparse volumes are emptied and removed, all but the one that is written to")
    func emptied() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let left = try await Self.sparse(store)
            let before = store.statistics.volumes
            #expect(before > 2)
            #expect(store.hasSparseVolume)
            #expect(try await store.emptySparseVolumes() == before - 1)
            #expect(!store.hasSparseVolume)
            #expect(store.statistics.volumes == 1)
            #expect(machine.disk.fileNames.count == 1)
            try await Self.check(store, left)
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            try await Self.check(again, left)
            machine.crash()
            machine.restart()
            machine.engine.wipe()
            try await Self.check(try await machine.openStore(), left)
        }
    }

    @Test("A crash at any moment of it leaves each chunk readable, and once", arguments: 0..<60)
    func crashes(seed: Int) throws {
        try Simulator.run(seed: UInt64(seed)) { simulator in
            let machine = simulator.machine("a")
            var store = try await machine.openStore()
            let left = try await Self.sparse(store)
            for life in 0..<3 {
                let running = store
                machine.doors.background.run { _ = try? await running.emptySparseVolumes() }
                let moment = simulator.draw { $0.number(in: 1...(20_000 * (life + 1))) }
                await simulator.doors().time.sleep(for: .microseconds(moment))
                machine.crash()
                machine.restart()
                // The volumes alone tell the same.
                if seed.isMultiple(of: 3) { machine.engine.wipe() }
                store = try await machine.openStore()
                try await Self.check(store, left)
            }
            _ = try await store.emptySparseVolumes()
            #expect(store.statistics.volumes <= 2)
            try await Self.check(store, left)
        }
    }

    @Test("What is dropped while its volume is emptied stays dropped", arguments: 0..<30)
    func dropped(seed: Int) throws {
        try Simulator.run(seed: UInt64(seed)) { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let left = try await Self.sparse(store)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: Never.self) { try await store.emptySparseVolumes() }
                }
                group.addTask {
                    for name in left.prefix(left.count / 2) {
                        let pause = simulator.draw { $0.number(in: 1...5_000) }
                        await simulator.doors().time.sleep(for: .microseconds(pause))
                        await #expect(throws: Never.self) { try await store.drop([name]) }
                    }
                }
            }
            let kept = Array(left.dropFirst(left.count / 2))
            try await Self.check(store, kept)
            machine.crash()
            machine.restart()
            if seed.isMultiple(of: 2) { machine.engine.wipe() }
            try await Self.check(try await machine.openStore(), kept)
        }
    }

    @Test("A damaged chunk keeps its volume until it has been replaced")
    func damaged() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let left = try await Self.sparse(store)
            // The first record of the first volume is the first chunk of manifest 0.
            machine.disk.flipBit(3, ofByte: 4_096 + 2_000, in: "volume-00000001")
            _ = try await store.emptySparseVolumes()
            #expect(!store.hasSparseVolume, "It is not tried again and again.")
            #expect(machine.disk.fileNames.contains("volume-00000001"))
            let name = left[0]
            await #expect(throws: ChunkStoreError.damaged) { try await store.chunk(name) }
            try await store.write(name, Samples.chunk(name, bytes: Self.bytes))
            #expect(!machine.disk.fileNames.contains("volume-00000001"))
            try await Self.check(store, left)
        }
    }

    @Test("A full disk leaves sparse volumes as they are")
    func full() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let left = try await Self.sparse(store)
            machine.disk.adjust { $0.sizeBytes = 1 << 20 }
            _ = try await store.emptySparseVolumes()
            try await Self.check(store, left)
        }
    }
}
