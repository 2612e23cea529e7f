import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Testing
import Wire

@testable import ChunkStore

/// What goes bad on disk is found before a byte of it leaves, and can be replaced.
struct BitRotTests {
    /// A store with chunks 0 to `count` - 1 of manifest 1.
    private static func filled(
        _ machine: SimulatedMachine,
        _ count: Int,
        bytes: Int? = nil
    ) async throws -> ChunkStore {
        let store = try await machine.openStore()
        for index in 0..<count {
            let name = Samples.name(1, index)
            try await store.write(name, Samples.chunk(name, bytes: bytes))
        }
        return store
    }

    private static func row(_ name: ChunkName, in store: ChunkStore) async throws -> IndexRow {
        try #require(try await store.row(name))
    }

    private static func file(_ row: IndexRow) -> String { VolumeHeader.fileName(row.place.volume) }

    /// All damage that a whole pass finds.
    private static func scrub(_ store: ChunkStore) async throws -> [ChunkName] {
        var damaged: [ChunkName] = []
        while true {
            let step = try await store.scrub(bytes: 64 << 10)
            damaged += step.damaged
            if step.isLast { return damaged }
        }
    }

    @Test(
        "Of 10,000 flipped bits none reaches a reader, the scrub finds every one, all are mended",
        arguments: UInt64(0)..<4
    )
    func flips(seed: UInt64) throws {
        let (rounds, chunks) = (25, 100)
        let (found, refused, mended) = try Simulator.run(seed: seed, steps: 1_000_000_000) {
            simulator in
            let machine = simulator.machine("a")
            let store = try await Self.filled(machine, chunks, bytes: 1_500)
            let written = (0..<chunks).map { Samples.chunk(Samples.name(1, $0), bytes: 1_500) }
            var (found, refused, mended) = (0, 0, 0)
            for _ in 0..<rounds {
                for index in 0..<chunks {
                    let row = try await Self.row(Samples.name(1, index), in: store)
                    let length = RecordHeader.byteCount(row.chunk) + row.chunk.storedBytes
                    let (byte, bit) = simulator.draw {
                        ($0.number(in: 0...(length - 1)), $0.number(in: 0...7))
                    }
                    machine.disk.flipBit(
                        bit,
                        ofByte: row.place.offset + UInt64(byte),
                        in: Self.file(row)
                    )
                }
                for index in 0..<chunks {
                    let name = Samples.name(1, index)
                    do throws(ChunkStoreError) {
                        // Only the header was hit: the bytes are right.
                        #expect(try await store.chunk(name) == written[index])
                    } catch {
                        #expect(error == .damaged)
                        refused += 1
                    }
                }
                let damaged = try await Self.scrub(store)
                #expect(damaged == (0..<chunks).map { Samples.name(1, $0) })
                found += damaged.count
                for name in damaged {
                    try await store.write(name, written[Int(name.index)])
                    if try await store.isIntact(name) { mended += 1 }
                }
                #expect(try await Self.scrub(store) == [])
            }
            #expect(store.statistics.chunks == chunks)
            return (found, refused, mended)
        }
        #expect((found, mended) == (rounds * chunks, rounds * chunks))
        #expect(refused > rounds * chunks * 8 / 10, "Most bits are content.")
    }

    @Test("Two records in one another's places, and a volume cut short, are found")
    func swapped() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await Self.filled(machine, 6, bytes: 4_000)
            let (first, second) = (
                try await Self.row(Samples.name(1, 1), in: store),
                try await Self.row(Samples.name(1, 2), in: store)
            )
            #expect(first.recordBytes == second.recordBytes)
            let (count, file) = (Int(first.recordBytes), Self.file(first))
            let one = machine.disk.bytes(of: file, count, at: first.place.offset)
            let other = machine.disk.bytes(of: file, count, at: second.place.offset)
            machine.disk.damage(file, with: other, at: first.place.offset)
            machine.disk.damage(file, with: one, at: second.place.offset)
            let last = try await Self.row(Samples.name(1, 5), in: store)
            machine.disk.truncate(file, to: last.place.offset + 80)
            let damaged = [1, 2, 5].map { Samples.name(1, $0) }
            #expect(try await Self.scrub(store) == damaged)
            for name in damaged {
                await #expect(throws: ChunkStoreError.damaged) { try await store.chunk(name) }
                try await store.write(name, Samples.chunk(name, bytes: 4_000))
            }
            #expect(try await Self.scrub(store) == [])
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            for index in 0..<6 {
                let name = Samples.name(1, index)
                #expect(try await again.chunk(name) == Samples.chunk(name, bytes: 4_000))
            }
        }
    }

    @Test("Identical content under the name of another chunk is not taken for it")
    func otherName() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            let chunk = Samples.chunk(Samples.name(1, 0), bytes: 3_000)
            for index in 0..<2 { try await store.write(Samples.name(1, index), chunk) }
            let (first, second) = (
                try await Self.row(Samples.name(1, 0), in: store),
                try await Self.row(Samples.name(1, 1), in: store)
            )
            let other = RecordHeader(
                nonce: try await Self.nonce(of: first, machine),
                offset: first.place.offset,
                name: Samples.name(1, 1),
                chunk: second.chunk
            )
            machine.disk.damage(
                Self.file(first),
                with: ByteBuffer(bytes: other.encoded),
                at: first.place.offset
            )
            #expect(try await Self.scrub(store) == [Samples.name(1, 0)])
            #expect(try await !store.isIntact(Samples.name(1, 0)))
        }
    }

    private static func nonce(
        of row: IndexRow,
        _ machine: SimulatedMachine
    ) async throws -> UInt64 {
        let bytes = machine.disk.bytes(of: Self.file(row), VolumeHeader.encodedBytes, at: 0)
        return try VolumeHeader(Array(bytes.readableBytesView)).nonce
    }

    @Test("A volume that is gone takes its chunks out of the index at the next opening")
    func lostVolume() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            for index in 0..<3 {
                let name = Samples.name(1, index)
                try await store.write(name, Samples.chunk(name, bytes: 3 << 20))
            }
            let lost = try await Self.row(Samples.name(1, 0), in: store)
            machine.disk.lose(Self.file(lost))
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            let names = (0..<3).map { Samples.name(1, $0) }
            let missing = try await again.missing(names)
            #expect(missing.first == names[0])
            #expect(missing.count < 3)
            for name in missing { try await again.write(name, Samples.chunk(name, bytes: 3 << 20)) }
            #expect(try await again.missing(names) == [])
        }
    }

    @Test("A scrub goes on where it was after a restart, and reads everything once")
    func resumes() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            var store = try await Self.filled(machine, 40, bytes: 4_000)
            let total = store.statistics.recordBytes
            var read: UInt64 = 0
            var steps = 0
            while true {
                let step = try await store.scrub(bytes: total / 8)
                read += step.bytes
                steps += 1
                #expect(step.passBytes == read)
                if step.isLast { break }
                if steps == 3 {
                    try await store.close()
                    store = try await machine.openStore()
                }
            }
            #expect(read == total)
            #expect((8...10).contains(steps))
            let next = try await store.scrub(bytes: 1)
            #expect((next.chunks, next.passBytes, next.isLast) == (1, next.bytes, false))
            let over = try await store.scrub(bytes: .max, startsOver: true)
            #expect((over.bytes, over.isLast) == (total, true))
        }
    }

    @Test("What is dropped or written during a scrub is never called damaged", arguments: 0..<8)
    func undisturbed(seed: Int) throws {
        try Simulator.run(seed: UInt64(seed)) { simulator in
            let machine = simulator.machine("a")
            let store = try await machine.openStore()
            for number in 0..<60 {
                let name = Samples.name(number % 12, number)
                try await store.write(name, Samples.chunk(name, bytes: 5_000))
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<12 { _ = try? await store.drop(Samples.manifest(number)) }
                }
                group.addTask {
                    for number in 60..<90 {
                        let name = Samples.name(20 + number % 3, number)
                        try? await store.write(name, Samples.chunk(name, bytes: 5_000))
                    }
                }
                group.addTask {
                    for _ in 0..<4 {
                        let damaged = try? await Self.scrub(store)
                        #expect(damaged == [])
                    }
                }
            }
            #expect(store.statistics.chunks == 30)
        }
    }

    @Test("Single chunks can be dropped; the others of their manifest stay")
    func dropsNames() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let store = try await Self.filled(machine, 10, bytes: 4_000)
            let gone = [1, 3, 5].map { Samples.name(1, $0) }
            #expect(try await store.drop(gone + [Samples.name(2, 0)]) == 3)
            #expect(try await store.drop(gone) == 0)
            let left = (0..<10).map { Samples.name(1, $0) }.filter { !gone.contains($0) }
            #expect(try await store.names(after: nil, limit: 99) == left)
            #expect(try await store.names(after: left[2], limit: 2) == Array(left[3...4]))
            #expect(try await store.missing((0..<10).map { Samples.name(1, $0) }) == gone)
            machine.crash()
            machine.restart()
            let again = try await machine.openStore()
            #expect(try await again.names(after: nil, limit: 99) == left)
        }
    }
}
