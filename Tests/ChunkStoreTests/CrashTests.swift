import ChunkStore
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization
import Testing
import Wire

/// What must be true of a chunk, by what its users were told.
private enum Knowledge: Sendable {
    case absent
    case present
    /// A write or a drop was not answered.
    case unknown
}

struct CrashTests {
    /// What was told to users, by chunk.
    private final class Ledger: Sendable {
        let chunks = Mutex<[ChunkName: Knowledge]>([:])

        func set(_ name: ChunkName, _ knowledge: Knowledge) {
            self.chunks.withLock { $0[name] = knowledge }
        }

        func set(_ manifest: ManifestID, _ knowledge: Knowledge) {
            self.chunks.withLock { chunks in
                for name in chunks.keys where name.manifest == manifest {
                    // What is absent stays so.
                    if case .absent = chunks[name] { continue }
                    chunks[name] = knowledge
                }
            }
        }

        /// - Returns: nil if it is not found; anything else is an error.
        private static func chunk(
            _ name: ChunkName,
            in store: ChunkStore
        ) async throws -> StoredChunk? {
            do throws(ChunkStoreError) {
                return try await store.chunk(name)
            } catch {
                guard error == .notFound else { throw error }
                return nil
            }
        }

        func check(_ store: ChunkStore) async throws {
            for (name, knowledge) in self.chunks.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
                guard let chunk = try await Self.chunk(name, in: store) else {
                    if case .present = knowledge { Issue.record("\(name) was acknowledged") }
                    self.set(name, .absent)
                    continue
                }
                #expect(chunk == Samples.chunk(name), "\(name)")
                if case .absent = knowledge { Issue.record("\(name) was dropped") }
                self.set(name, .present)
            }
        }
    }

    /// Writes chunks of manifests of its own, and drops some of the manifests.
    private static func work(
        _ store: ChunkStore,
        _ ledger: Ledger,
        manifests: Range<Int>,
        seed: UInt64
    ) async {
        var random = SplitMix64(seed: seed)
        for manifest in manifests {
            for index in 0..<random.number(in: 1...6) {
                let name = Samples.name(manifest, index)
                ledger.set(name, .unknown)
                guard (try? await store.write(name, Samples.chunk(name))) != nil else { return }
                ledger.set(name, .present)
            }
            guard random.chance(permille: 500) else { continue }
            let dropped = Samples.manifest(random.number(in: manifests.lowerBound...manifest))
            ledger.set(dropped, .unknown)
            guard (try? await store.drop(dropped)) != nil else { return }
            ledger.set(dropped, .absent)
        }
    }

    @Test(
        "No crash loses an acknowledged chunk, brings a dropped one back, or shows a torn one",
        arguments: UInt64(0)..<24
    )
    func crashes(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            var random = SplitMix64(seed: seed)
            let ledger = Ledger()
            let checkpointBytes = UInt64(random.number(in: 1...64)) << 12
            var manifest = 0
            for life in 0..<4 {
                // A crash may come while the store is opening, too.
                let hours = random.number(in: 1...400)
                let first = manifest
                manifest += 60
                machine.doors.background.run {
                    let settings = Samples.settings(checkpointBytes: checkpointBytes)
                    guard let store = try? await machine.openStore(settings) else { return }
                    await withTaskGroup(of: Void.self) { group in
                        for writer in 0..<3 {
                            group.addTask {
                                let start = first + writer * 20
                                await Self.work(
                                    store,
                                    ledger,
                                    manifests: start..<(start + 20),
                                    seed: seed &* 100 &+ UInt64(life * 3 + writer)
                                )
                            }
                        }
                    }
                }
                await simulator.doors().time.sleep(for: .milliseconds(hours))
                machine.crash()
                machine.restart()
                let store = try await machine.openStore(
                    Samples.settings(checkpointBytes: checkpointBytes)
                )
                try await ledger.check(store)
                machine.crash()
                machine.restart()
            }
            // The volumes alone tell the same: all that is there, nothing that was dropped.
            machine.engine.wipe()
            try await ledger.check(try await machine.openStore())
        }
    }

    @Test("What a crash took from the index is found again in the volumes")
    func recovered() throws {
        var (recovered, torn) = (0, 0)
        for seed in UInt64(0)..<20 {
            let statistics = try Simulator.run(seed: seed) { simulator in
                let machine = simulator.machine("a")
                let store = try await machine.openStore()
                for index in 0..<10 {
                    let name = Samples.name(1, index)
                    try await store.write(name, Samples.chunk(name))
                }
                for index in 0..<5 {
                    machine.doors.background.run {
                        let name = Samples.name(2, index)
                        try? await store.write(name, Samples.chunk(name))
                    }
                }
                await simulator.doors().time.sleep(for: .microseconds(800))
                machine.crash()
                machine.restart()
                let again = try await machine.openStore()
                for index in 0..<10 {
                    let name = Samples.name(1, index)
                    #expect(try await again.chunk(name) == Samples.chunk(name))
                }
                return again.statistics
            }
            recovered += statistics.chunksRecovered
            torn += statistics.recordsTorn
        }
        #expect(recovered > 0)
        #expect(torn > 0)
    }

    @Test("A start reads what it looks through once, however many small chunks are in it")
    func startCost() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let settings = Samples.settings(checkpointBytes: 64 << 20)
            let store = try await machine.openStore(settings)
            for index in 0..<300 {
                let name = Samples.name(1, index)
                try await store.write(name, Samples.chunk(name, bytes: 6_000))
            }
            let stored = store.statistics.recordBytes
            #expect(stored > 2 << 20)
            var before = machine.disk.readBytes
            var again = try await machine.openStore(settings)
            #expect(again.statistics.chunksRecovered == 0)
            // The windows, and room made ahead at the end.
            #expect(machine.disk.readBytes - before < stored + (2 << 20))
            for index in 300..<600 {
                let name = Samples.name(1, index)
                try await again.write(name, Samples.chunk(name, bytes: 6_000))
            }
            machine.crash()
            machine.restart()
            before = machine.disk.readBytes
            again = try await machine.openStore(settings)
            #expect(again.statistics.chunksRecovered > 20)
            // What the index has lost is read once more, to be verified.
            #expect(machine.disk.readBytes - before < 2 * stored + (2 << 20))
        }
    }

    @Test("A damaged index is made anew from the volumes, without what was dropped")
    func rebuilt() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            var store = try await machine.openStore()
            for index in 0..<100 {
                let name = Samples.name(index % 5, index)
                try await store.write(name, Samples.chunk(name))
            }
            _ = try await store.drop(Samples.manifest(3))
            let victim = Samples.name(1, 1)
            var row = try #require(try await machine.engine.get(.chunks, victim.encoded))
            row[row.count / 2] ^= 4
            var batch = RowBatch()
            batch.put(.chunks, victim.encoded, row)
            try await machine.engine.commit(batch, durable: true)
            await #expect(throws: ChunkStoreError.self) { try await store.chunk(victim) }
            await #expect(throws: ChunkStoreError.self) {
                try await store.chunk(Samples.name(0, 0))
            }
            store = try await machine.openStore()
            #expect(store.statistics.chunks == 80)
            for index in 0..<100 {
                let name = Samples.name(index % 5, index)
                if index % 5 == 3 {
                    await #expect(throws: ChunkStoreError.notFound) {
                        try await store.chunk(name)
                    }
                } else {
                    #expect(try await store.chunk(name) == Samples.chunk(name))
                }
            }
        }
    }
}
