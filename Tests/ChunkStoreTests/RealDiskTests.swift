import Foundation
import MetadataStore
import NIOCore
import Platform
import Runtime
import StoreModel
import TestSupport
import Testing
import Wire

@testable import ChunkStore

/// The store over a real file system and the engine of production.
struct RealDiskTests {
    /// A data directory, opened.
    private struct Place {
        let path: String
        let disk: FileDirectory
        let engine: RocksEngine
        let store: ChunkStore

        init(_ path: String, settings: ChunkStoreSettings = Samples.settings()) async throws {
            self.path = path
            try FileManager.default.createDirectory(
                atPath: "\(path)/volumes",
                withIntermediateDirectories: true
            )
            self.disk = try FileDirectory.open("\(path)/volumes")
            self.engine = try RocksEngine(path: "\(path)/rows")
            self.store = try await ChunkStore.open(
                disk: self.disk,
                engine: self.engine,
                doors: .system(background: TaskBackground()),
                settings: settings
            )
        }

        /// Opens a place, and closes it again.
        static func with<Value>(
            _ path: String,
            _ body: (Place) async throws -> Value
        ) async throws -> Value {
            let place = try await Place(path)
            let value = try await body(place)
            try await place.store.close()
            await place.engine.close()
            return value
        }

        /// Bytes on the disk that the volumes take.
        var allocatedBytes: Int {
            get throws {
                try self.volumes.reduce(0) { bytes, volume in
                    var status = stat()
                    guard unsafe stat(volume, &status) == 0 else { return bytes }
                    return bytes + Int(status.st_blocks) * 512
                }
            }
        }

        var volumes: [String] {
            get throws {
                try FileManager.default.contentsOfDirectory(atPath: "\(self.path)/volumes")
                    .filter { $0.hasPrefix("volume-") }.sorted()
                    .map { "\(self.path)/volumes/\($0)" }
            }
        }
    }

    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        try await body(directory.path)
    }

    @Test("Chunks come back after closing and opening; what is dropped gives its blocks back")
    func roundTrip() async throws {
        try await Self.withDirectory { path in
            let lengths = [1, 4_096, 200_000, Limit.blockBytes, Limit.chunkBytes]
            try await Place.with(path) { place in
                for (index, length) in lengths.enumerated() {
                    let name = Samples.name(1 + index % 2, index)
                    try await place.store.write(name, Samples.chunk(name, bytes: length))
                }
            }
            try await Place.with(path) { place in
                let store = place.store
                #expect(store.statistics.chunks == lengths.count)
                #expect(store.statistics.chunksRecovered == 0)
                for (index, length) in lengths.enumerated() {
                    let name = Samples.name(1 + index % 2, index)
                    #expect(try await store.chunk(name) == Samples.chunk(name, bytes: length))
                }
                let (before, bytes) = (try place.allocatedBytes, store.statistics.recordBytes)
                #expect(try await store.drop(Samples.manifest(1)) == 3)
                let freed = bytes - store.statistics.recordBytes
                #expect(before - (try place.allocatedBytes) >= Int(freed))
            }
        }
    }

    private static func write(_ manifest: Int, to path: String) async throws {
        try await Place.with(path) { place in
            for index in 0..<5 {
                let name = Samples.name(manifest, index)
                try await place.store.write(name, Samples.chunk(name))
            }
        }
    }

    @Test("Volumes that are ahead of the index, or without any, are read again")
    func indexBehind() async throws {
        try await Self.withDirectory { path in
            try await Self.write(1, to: path)
            try FileManager.default.copyItem(atPath: "\(path)/rows", toPath: "\(path)/old")
            try await Self.write(2, to: path)
            for (rows, recovered) in [("\(path)/old", 5), (nil, 10)] as [(String?, Int)] {
                try FileManager.default.removeItem(atPath: "\(path)/rows")
                if let rows {
                    try FileManager.default.copyItem(atPath: rows, toPath: "\(path)/rows")
                }
                try await Place.with(path) { place in
                    #expect(place.store.statistics.chunksRecovered == recovered)
                    #expect(place.store.statistics.chunks == 10)
                    for index in 0..<10 {
                        let name = Samples.name(1 + index / 5, index % 5)
                        let found = try await place.store.chunk(name)
                        #expect(found == Samples.chunk(name))
                    }
                }
            }
        }
    }

    /// Turns one bit of a file.
    private static func turn(bit: Int, at offset: Int, in path: String) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        let place = UInt64(offset + bit / 8)
        try handle.seek(toOffset: place)
        var byte = try #require(try handle.read(upToCount: 1)?.first)
        byte ^= 1 << UInt8(bit % 8)
        try handle.seek(toOffset: place)
        try handle.write(contentsOf: Data([byte]))
        try handle.close()
    }

    @Test("A damaged volume header is made good from what the engine knows")
    func damagedVolumeHeader() async throws {
        try await Self.withDirectory { path in
            try await Self.write(1, to: path)
            let volume = "\(path)/volumes/\(VolumeHeader.fileName(1))"
            let before = try #require(FileManager.default.contents(atPath: volume))
            for bit in [0, 33, 50, 100, 150] {
                try Self.turn(bit: bit, at: 0, in: volume)
                try await Place.with(path) { place in
                    let found = try await place.store.chunk(Samples.name(1, 4))
                    #expect(found == Samples.chunk(Samples.name(1, 4)))
                }
                #expect(FileManager.default.contents(atPath: volume) == before)
            }
            // Without the engine nobody knows which volume this was: it is left as it is.
            try Self.turn(bit: 50, at: 0, in: volume)
            try FileManager.default.removeItem(atPath: "\(path)/rows")
            await #expect(throws: ChunkStoreError.self) { try await Place.with(path) { _ in } }
            #expect(FileManager.default.fileExists(atPath: volume))
        }
    }

    @Test("The chunks of a volume that is gone are not found, and can be written again")
    func lostVolume() async throws {
        try await Self.withDirectory { path in
            try await Self.write(1, to: path)
            try FileManager.default.removeItem(
                atPath: "\(path)/volumes/\(VolumeHeader.fileName(1))"
            )
            for _ in 0..<2 {
                try await Place.with(path) { place in
                    #expect(place.store.statistics.chunks == 0)
                    await #expect(throws: ChunkStoreError.notFound) {
                        try await place.store.chunk(Samples.name(1, 0))
                    }
                    let left = try await place.store.manifests(after: nil, limit: 9)
                    #expect(left == [])
                }
            }
            try await Self.write(1, to: path)
            try await Place.with(path) { place in
                let found = try await place.store.chunk(Samples.name(1, 4))
                #expect(found == Samples.chunk(Samples.name(1, 4)))
            }
        }
    }

    @Test("Every bit of a record that turns is found before a byte is given, and can be repaired")
    func bitFlips() async throws {
        try await Self.withDirectory { path in
            try await Place.with(path) { place in
                let (store, name) = (place.store, Samples.name(1, 1))
                let chunk = Samples.chunk(name, bytes: 150)
                try await store.write(name, chunk)
                let volume = try #require(try place.volumes.first)
                let blocks = 4_096 + RecordHeader.byteCount(chunk.header)
                let bits = chunk.header.storedBytes * 8
                for bit in 0..<bits {
                    try Self.turn(bit: bit, at: blocks, in: volume)
                    await #expect(throws: ChunkStoreError.damaged) {
                        try await store.read(name, blocks: nil)
                    }
                    try Self.turn(bit: bit, at: blocks, in: volume)
                }
                #expect(try await store.chunk(name) == chunk)
                #expect(store.statistics.damagedReads == bits)

                // Writing a damaged chunk again replaces it, be it the header that is damaged.
                for offset in [blocks + 9, 8_192 + 20] {
                    try Self.turn(bit: 3, at: offset, in: volume)
                    try await store.write(name, chunk)
                    #expect(try await store.chunk(name) == chunk)
                    #expect(store.statistics.chunks == 1)
                }
                #expect(store.statistics.chunksWritten == 3)
            }
        }
    }

    /// Content whose second page, once stored behind a header, is a record of another chunk.
    ///
    /// The rest is noise, so that all of it is stored as it is.
    private static func forgery(_ name: ChunkName, nonce: UInt64) throws -> ByteBuffer {
        let victim = Samples.chunk(name, bytes: 1_000)
        let forged = RecordHeader(nonce: nonce, offset: 12_288, name: name, chunk: victim.header)
        let padding = 4_096 - RecordHeader.byteCount(Samples.chunk(name, bytes: 1).header)
        var content = try #require(Samples.noise.getSlice(at: 0, length: padding))
        content.writeBytes(forged.encoded)
        content.writeImmutableBuffer(victim.blocks)
        content.writeImmutableBuffer(try #require(Samples.noise.getSlice(at: 0, length: 50_000)))
        return content
    }

    @Test(
        "Content that looks like a record is taken for one only by who knows the volume's nonce",
        arguments: [false, true]
    )
    func forgedRecord(knowsNonce: Bool) async throws {
        try await Self.withDirectory { path in
            let first = Samples.name(1, 1)
            let volume = try await Place.with(path) { place in
                try await place.store.write(first, Samples.chunk(first, bytes: 100))
                let volume = try #require(try place.volumes.first)
                let bytes = try #require(FileManager.default.contents(atPath: volume))
                let nonce = try VolumeHeader(Array(bytes.prefix(4_096))).nonce
                let guess = knowsNonce ? nonce : ~nonce
                let content = try Self.forgery(Samples.name(7, 7), nonce: guess)
                try await place.store.write(Samples.name(8, 8), StoredChunk.encode(content))
                return volume
            }
            // The header of the record that holds the forgery is lost, and so is the index.
            try Self.turn(bit: 0, at: 8_192, in: volume)
            try FileManager.default.removeItem(atPath: "\(path)/rows")
            try await Place.with(path) { place in
                let found = try await place.store.chunk(first)
                #expect(found == Samples.chunk(first, bytes: 100))
                #expect(place.store.statistics.chunks == (knowsNonce ? 2 : 1))
                #expect(place.store.statistics.recordsTorn > 0)
            }
        }
    }
}
