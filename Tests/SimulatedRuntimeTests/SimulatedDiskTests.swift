import NIOCore
import Runtime
import SimulatedRuntime
import Testing

struct SimulatedDiskTests {
    private static func bytes(_ value: UInt8, _ count: Int) -> ByteBuffer {
        ByteBuffer(repeating: value, count: count)
    }

    @Test(
        "A file reads like an array of bytes, whatever is written where",
        arguments: UInt64(0)..<30
    )
    func likeAnArray(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            var random = SplitMix64(seed: seed)
            let file = try await simulator.machine("a").disk.open("f")
            var model: [UInt8] = []
            for step in 0..<30 {
                let offset = random.number(in: 0...20_000)
                let count = random.number(in: 1...9_000)
                switch random.number(in: 0...3) {
                case 0, 1:
                    let data = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    let cut = random.number(in: 0...count)
                    let buffers = [
                        ByteBuffer(bytes: data[..<cut]), ByteBuffer(bytes: data[cut...]),
                    ]
                    try await file.write(buffers, at: UInt64(offset))
                    while model.count < offset + count { model.append(0) }
                    model.replaceSubrange(offset..<(offset + count), with: data)
                case 2:
                    try await file.punchHole(at: UInt64(offset), count: UInt64(count))
                    for index in offset..<(offset + count) where index < model.count {
                        model[index] = 0
                    }
                default:
                    if step % 3 == 0 { try await file.sync() }
                    try await file.preallocate(to: UInt64(offset))
                    while model.count < offset { model.append(0) }
                }
                #expect(try await file.size() == UInt64(model.count))
                #expect(try await file.read(model.count, at: 0) == ByteBuffer(bytes: model))
            }
            try await file.sync()
            await file.close()
        }
    }

    @Test(
        "Synced bytes survive every crash; of the others, any sectors do",
        arguments: UInt64(0)..<40
    )
    func crash(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            let file = try await machine.disk.open("f")
            try await file.write([Self.bytes(1, 40_960)], at: 0)
            try await file.sync()
            try await file.write([Self.bytes(2, 20_480)], at: 8_192)
            #expect(machine.disk.unsyncedSectors == 5)
            machine.crash()
            machine.restart()
            #expect(machine.disk.unsyncedSectors == 0)
            let again = try await machine.disk.open("f")
            let read = try await again.read(40_960, at: 0)
            let bytes = Array(read.readableBytesView)
            #expect(bytes[..<8_192].allSatisfy { $0 == 1 })
            #expect(bytes[8_192..<28_672].allSatisfy { $0 == 1 || $0 == 2 })
            #expect(bytes[28_672...].allSatisfy { $0 == 1 })
        }
    }

    @Test("Over many crashes an unsynced sector is kept, lost, and torn")
    func allOutcomes() throws {
        var outcomes: Set<String> = []
        for seed in UInt64(0)..<200 {
            let outcome = try Simulator.run(seed: seed) { simulator in
                let machine = simulator.machine("a")
                let file = try await machine.disk.open("f")
                try await file.write([Self.bytes(1, 4_096)], at: 0)
                try await file.sync()
                try await file.write([Self.bytes(2, 4_096)], at: 0)
                machine.crash()
                machine.restart()
                let read = try await machine.disk.open("f").read(4_096, at: 0)
                let values = Set(read.readableBytesView)
                return values == [1] ? "lost" : values == [2] ? "kept" : "torn"
            }
            outcomes.insert(outcome)
        }
        #expect(outcomes == ["lost", "kept", "torn"])
    }

    @Test("A sync covers what was written before it, not what is written meanwhile")
    func syncCoversThePast() throws {
        var lost = 0
        for seed in UInt64(0)..<60 {
            lost += try Simulator.run(seed: seed) { simulator in
                let machine = simulator.machine("a")
                machine.disk.adjust { $0.syncMicroseconds = 5_000...5_000 }
                let file = try await machine.disk.open("f")
                try await file.write([Self.bytes(1, 4_096)], at: 0)
                machine.doors.background.run {
                    await simulator.doors().time.sleep(for: .milliseconds(1))
                    try? await file.write([Self.bytes(2, 4_096)], at: 4_096)
                }
                try await file.sync()
                machine.crash()
                machine.restart()
                let again = try await machine.disk.open("f")
                #expect(try await again.read(4_096, at: 0) == Self.bytes(1, 4_096))
                let size = try await again.size()
                guard size >= 8_192 else { return 1 }
                return try await again.read(4_096, at: 4_096) == Self.bytes(2, 4_096) ? 0 : 1
            }
        }
        #expect(lost > 0)
    }

    @Test("A full disk refuses, and holes make room again")
    func full() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            machine.disk.adjust { $0.sizeBytes = 65_536 }
            let file = try await machine.disk.open("f")
            try await file.preallocate(to: 61_440)
            #expect(try await machine.disk.space().freeBytes == 4_096)
            await #expect(throws: DiskError.full) {
                try await file.write([Self.bytes(1, 8_192)], at: 61_440)
            }
            try await file.write([Self.bytes(1, 8_192)], at: 0)
            try await file.punchHole(at: 0, count: 8_192)
            try await file.write([Self.bytes(1, 8_192)], at: 61_440)
            #expect(machine.disk.usedBytes == 61_440)
        }
    }

    @Test("After a failed sync all syncs fail until the machine comes back")
    func failedSync() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let file = try await machine.disk.open("f")
            machine.disk.failNextSync()
            await #expect(throws: DiskError.syncFailed("f")) { try await file.sync() }
            await #expect(throws: DiskError.syncFailed("f")) { try await file.sync() }
            machine.crash()
            machine.restart()
            try await machine.disk.open("f").sync()
        }
    }

    @Test("A flipped bit changes one byte", arguments: UInt64(0)..<10)
    func flip(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let machine = simulator.machine("a")
            #expect(machine.disk.flipBit() == nil)
            let file = try await machine.disk.open("f")
            try await file.write([Self.bytes(7, 8_192)], at: 0)
            try await file.sync()
            #expect(machine.disk.flipBit() == "f")
            let read = try await file.read(8_192, at: 0)
            #expect(read.readableBytesView.count { $0 != 7 } == 1)
        }
    }

    @Test("Files are listed in order, and gone once removed")
    func listing() throws {
        try Simulator.run { simulator in
            let disk = simulator.machine("a").disk
            for name in ["b", "c", "a"] { _ = try await disk.open(name) }
            #expect(try await disk.list() == ["a", "b", "c"])
            try await disk.remove("b")
            #expect(try await disk.list() == ["a", "c"])
            await #expect(throws: DiskError.notFound("b")) { try await disk.remove("b") }
            let file = try await disk.open("a")
            await #expect(throws: DiskError.shortRead(wanted: 5, got: 0)) {
                try await file.read(5, at: 0)
            }
        }
    }
}
