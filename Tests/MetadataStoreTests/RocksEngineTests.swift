import Foundation
import Runtime
import Synchronization
import TestSupport
import Testing

@testable import MetadataStore

/// What the production engine promises beyond the contract: to be whole after a crash, or closed.
struct RocksEngineTests {
    /// Rows that the history below writes.
    private static let count = 60

    /// A directory in which an engine has made durable batches, each of them alone.
    ///
    /// Each batch adds a row and counts it in another.
    private static func history() async throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let engine = try RocksEngine(path: directory.path)
        for number in 1...Self.count {
            var batch = RowBatch()
            batch.put(.rows, [UInt8(number)], Array(repeating: UInt8(number), count: 100))
            batch.put(.node, [0], [UInt8(number)])
            try await engine.commit(batch, durable: true)
        }
        await engine.close()
        return directory
    }

    /// Rows found, of which the last is the one that was counted.
    private static func rows(in directory: TemporaryDirectory) async throws -> Int {
        let engine = try RocksEngine(path: directory.path)
        let rows = try await engine.scan(.rows, from: [], to: nil, limit: 999)
        #expect(rows.map(\.key) == (0..<rows.count).map { [UInt8($0 + 1)] })
        let counted = try await engine.get(.node, [0])
        #expect(counted == (rows.isEmpty ? nil : [UInt8(rows.count)]), "Batches are atomic.")
        await engine.close()
        return rows.count
    }

    @Test("Each sync tells how many durable commits it served; none is counted twice or left out")
    func syncs() async throws {
        let served = Mutex<[Int]>([])
        let directory = try TemporaryDirectory()
        let engine = try RocksEngine(path: directory.path) { count in
            served.withLock { $0.append(count) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    var batch = RowBatch()
                    batch.put(.rows, [UInt8(number)], [0])
                    try await engine.commit(batch, durable: !number.isMultiple(of: 4))
                }
            }
            try await group.waitForAll()
        }
        await engine.close()
        let counts = served.withLock { $0 }
        #expect(counts.count == engine.syncCount)
        #expect(counts.reduce(0, +) == 150)
        #expect(counts.allSatisfy { $0 > 0 })
    }

    @Test("A log that ends anywhere gives a prefix of the batches, each of them whole")
    func cutLog() async throws {
        let whole = try await Self.history()
        let log = try #require(try whole.files(".log").last)
        let size = try #require(FileManager.default.contents(atPath: log)).count
        var counts: [Int] = []
        for cut in stride(from: 0, through: size, by: size / 23) {
            let copy = try whole.copy()
            let log = try #require(try copy.files(".log").last)
            let handle = try #require(FileHandle(forUpdatingAtPath: log))
            try handle.truncate(atOffset: UInt64(cut))
            try handle.close()
            counts.append(try await Self.rows(in: copy))
        }
        #expect(counts == counts.sorted())
        #expect(counts.first == 0)
        #expect(counts.contains { (1..<Self.count).contains($0) })
        #expect(try await Self.rows(in: whole) == Self.count)
    }

    @Test("A bit that has turned in a value of the log closes the store: nothing is forgotten")
    func damagedLog() async throws {
        let whole = try await Self.history()
        for number in [1, 20, 40, 59] {
            let copy = try whole.copy()
            let log = try #require(try copy.files(".log").last)
            var bytes = try #require(FileManager.default.contents(atPath: log))
            let value = Data(repeating: UInt8(number), count: 50)
            let place = try #require(bytes.range(of: value)).lowerBound
            bytes[place] ^= 0x10
            try bytes.write(to: URL(fileURLWithPath: log))
            #expect(throws: EngineError.self) { try RocksEngine(path: copy.path) }
        }
    }

    @Test("A damaged table fails the read, and then everything")
    func damagedTable() async throws {
        let directory = try TemporaryDirectory()
        var settings = RocksSettings()
        settings.writeBufferBytes = 64 << 10
        settings.blockCacheBytes = 8 << 10
        var engine = try RocksEngine(path: directory.path, settings: settings)
        for number in 0..<400 {
            var batch = RowBatch()
            let value = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* number) }
            batch.put(.rows, [UInt8(number / 256), UInt8(number % 256)], value)
            try await engine.commit(batch, durable: false)
        }
        await engine.close()
        for table in try directory.files(".sst") {
            var bytes = try #require(FileManager.default.contents(atPath: table))
            for index in stride(from: 100, to: bytes.count * 3 / 4, by: 512) { bytes[index] ^= 1 }
            try bytes.write(to: URL(fileURLWithPath: table))
        }
        engine = try RocksEngine(path: directory.path, settings: settings)
        await #expect(throws: EngineError.self) {
            try await engine.scan(.rows, from: [], to: nil, limit: 999)
        }
        await #expect(throws: EngineError.self) { try await engine.get(.node, [1]) }
        await #expect(throws: EngineError.self) {
            try await engine.commit(RowBatch(), durable: true)
        }
        await engine.close()
    }

    @Test("Rows that are no longer in memory are read from their tables")
    func beyondMemory() async throws {
        let directory = try TemporaryDirectory()
        var settings = RocksSettings()
        settings.writeBufferBytes = 64 << 10
        settings.blockCacheBytes = 8 << 10
        let engine = try RocksEngine(path: directory.path, settings: settings)
        func value(_ number: Int) -> [UInt8] {
            (0..<1_000).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 3) &+ number) }
        }
        func key(_ number: Int) -> [UInt8] { [UInt8(number / 256), UInt8(number % 256)] }
        for number in 0..<600 {
            var batch = RowBatch()
            batch.put(.rows, key(number), value(number))
            try await engine.commit(batch, durable: false)
        }
        #expect(try !directory.files(".sst").isEmpty)
        for number in 0..<600 {
            #expect(try await engine.get(.rows, key(number)) == value(number))
            #expect(try await engine.get(.rows, key(number) + [0]) == nil)
        }
        await engine.close()
    }

    @Test("A directory is opened once at a time, and a closed engine refuses everything")
    func exclusive() async throws {
        let directory = try TemporaryDirectory()
        let engine = try RocksEngine(path: directory.path)
        #expect(throws: EngineError.self) { try RocksEngine(path: directory.path) }
        await engine.close()
        await engine.close()
        await #expect(throws: EngineError.failed("closed")) { try await engine.get(.rows, [1]) }
        await #expect(throws: EngineError.failed("closed")) {
            try await engine.commit(RowBatch(), durable: true)
        }
        await #expect(throws: EngineError.failed("closed")) {
            try await engine.scan(.rows, from: [], to: nil, limit: 1)
        }
        let again = try RocksEngine(path: directory.path)
        await again.close()
    }

    @Test("An engine that nobody closed lets go of its directory when it is gone")
    func forgotten() async throws {
        let directory = try TemporaryDirectory()
        var engine: RocksEngine? = try RocksEngine(path: directory.path)
        #expect(try await engine?.get(.rows, [1]) == nil)
        engine = nil
        let again = try RocksEngine(path: directory.path)
        await again.close()
    }

    @Test("Closing waits for the calls under way; each of them has its answer")
    func closing() async throws {
        let directory = try TemporaryDirectory()
        let engine = try RocksEngine(path: directory.path)
        let answered = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask {
                    var batch = RowBatch()
                    batch.put(.rows, [UInt8(number)], [1])
                    return (try? await engine.commit(batch, durable: true)) != nil
                }
            }
            group.addTask {
                await engine.close()
                return false
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        let again = try RocksEngine(path: directory.path)
        #expect(try await again.scan(.rows, from: [], to: nil, limit: 999).count == answered)
        await again.close()
    }

    @Test("No space is told from every other failure by RocksDB's words")
    func statuses() {
        #expect(
            RocksStatus.error("IO error: No space left on device: While appending to file")
                == .full
        )
        for text in ["Corruption: block checksum mismatch", "IO error: Input/output error"] {
            #expect(RocksStatus.error(text) == .failed(text))
        }
    }
}
