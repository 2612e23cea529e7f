import ChunkStore
import Runtime
import SimulatedRuntime
import StoreModel
import Testing
import Wire

/// Short histories, cut at every event and in every way that a crash may cut them.
struct ExhaustiveCrashTests {
    private enum Operation: Sendable {
        case write(Int, Int)
        case drop(Int)
    }

    /// An operation and the part of the journal that it made.
    private struct Step: Sendable {
        let operation: Operation
        let events: Range<Int>
    }

    private static let manifests = 0..<2
    private static let chunks = 0..<2

    /// Two pages each, so that a record can be torn in the middle.
    private static func chunk(_ name: ChunkName) -> StoredChunk {
        Samples.chunk(name, bytes: 6_000)
    }

    private static func operations(seed: UInt64) -> [Operation] {
        var random = SplitMix64(seed: seed)
        return (0..<8).map { _ in
            let manifest = random.number(in: 0...1)
            return random.chance(permille: 300)
                ? .drop(manifest) : .write(manifest, random.number(in: 0...1))
        }
    }

    private static func open(_ disk: JournalDisk, _ doors: Doors) async throws -> ChunkStore {
        try await ChunkStore.open(
            disk: disk,
            engine: disk,
            doors: doors,
            settings: ChunkStoreSettings(
                volumeBytes: ChunkStoreSettings.volumeBytesMin,
                preallocationBytes: 24 << 10,
                reserveBytes: 0,
                waitingBytesMax: 8 << 20,
                checkpointBytes: 12 << 10
            )
        )
    }

    private static func run(
        _ operations: [Operation],
        _ disk: JournalDisk,
        _ doors: Doors
    ) async throws -> [Step] {
        let store = try await Self.open(disk, doors)
        var steps: [Step] = []
        for operation in operations {
            let start = disk.journal.count
            switch operation {
            case .write(let manifest, let index):
                let name = Samples.name(manifest, index)
                try await store.write(name, Self.chunk(name))
            case .drop(let manifest):
                _ = try await store.drop(Samples.manifest(manifest))
            }
            steps.append(Step(operation: operation, events: start..<disk.journal.count))
        }
        return steps
    }

    /// Whether the chunk must be there after a crash behind so many events; nil if nobody knows.
    private static func isExpected(
        _ manifest: Int,
        _ index: Int,
        _ steps: [Step],
        after count: Int
    ) -> Bool? {
        var isThere: Bool? = false
        for step in steps where step.events.lowerBound < count {
            let isAnswered = step.events.upperBound <= count
            switch step.operation {
            case .write(manifest, index):
                if isThere == false || isAnswered { isThere = isAnswered ? true : nil }
            case .drop(manifest):
                if isThere != false { isThere = isAnswered ? false : nil }
            default: break
            }
        }
        return isThere
    }

    /// Opens what a crash has left and compares it with what users were told.
    private static func check(
        _ directory: Directory,
        _ doors: Doors,
        _ isExpected: (Int, Int) -> Bool?
    ) async throws -> JournalDisk {
        let disk = JournalDisk(directory)
        let store = try await Self.open(disk, doors)
        for manifest in Self.manifests {
            for index in Self.chunks {
                let name = Samples.name(manifest, index)
                let found = try await Self.find(name, in: store)
                #expect(found == nil || found == Self.chunk(name))
                guard let isThere = isExpected(manifest, index) else { continue }
                #expect((found != nil) == isThere, "\(name)")
            }
        }
        return disk
    }

    private static func find(
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

    @Test(
        "Whatever a crash keeps of what was not synced, nothing that was answered is untrue",
        arguments: UInt64(0)..<40
    )
    func everyCrash(seed: UInt64) throws {
        let states = try Simulator.run(seed: seed, steps: 1_000_000_000) { simulator in
            let doors = simulator.doors()
            let disk = JournalDisk()
            let steps = try await Self.run(Self.operations(seed: seed), disk, doors)
            let events = disk.journal.events
            var states = 0
            for count in 0...events.count {
                for state in Directory().crashes(after: events[..<count]) {
                    states += 1
                    _ = try await Self.check(state, doors) {
                        Self.isExpected($0, $1, steps, after: count)
                    }
                }
            }
            return states
        }
        #expect(states > 30, "There was something to lose.")
    }

    @Test("The same holds when opening is cut, too", arguments: UInt64(0)..<6)
    func crashWhileOpening(seed: UInt64) throws {
        let states = try Simulator.run(seed: seed, steps: 1_000_000_000) { simulator in
            let doors = simulator.doors()
            let disk = JournalDisk()
            let steps = try await Self.run(Self.operations(seed: seed), disk, doors)
            let events = disk.journal.events
            var states = 0
            for count in 0...events.count {
                for state in Directory().crashes(after: events[..<count], sectorsMax: 2) {
                    let opened = JournalDisk(state)
                    _ = try await Self.open(opened, doors)
                    let opening = opened.journal.events
                    for cut in 0...opening.count {
                        for second in state.crashes(after: opening[..<cut], sectorsMax: 2) {
                            states += 1
                            _ = try await Self.check(second, doors) {
                                Self.isExpected($0, $1, steps, after: count)
                            }
                        }
                    }
                }
            }
            return states
        }
        #expect(states > 200)
    }
}
