import StoreModel
import TestSupport
import Testing

struct BinaryRecordTests {
    @Test("Any record survives its binary form", arguments: RecordKind.all)
    func roundTrip(kind: RecordKind) throws {
        for seed in UInt64(0)..<40 {
            var random = SplitMix64(seed: seed)
            _ = try kind.roundTrip(&random)
        }
    }

    @Test("A record that is cut short is refused, wherever the cut", arguments: RecordKind.all)
    func truncation(kind: RecordKind) throws {
        for seed in UInt64(0)..<4 {
            var random = SplitMix64(seed: seed)
            let bytes = try kind.roundTrip(&random)
            for cut in Self.places(in: bytes.count, using: &random) {
                #expect(throws: RecordError.self, "\(cut) of \(bytes.count) bytes") {
                    try kind.again(Array(bytes.prefix(cut)))
                }
            }
        }
    }

    @Test("Bytes after the end of a record are refused", arguments: RecordKind.all)
    func trailingBytes(kind: RecordKind) throws {
        var random = SplitMix64(seed: 1)
        let bytes = try kind.roundTrip(&random)
        #expect(throws: RecordError.trailingBytes(1)) { try kind.again(bytes + [0]) }
    }

    @Test(
        "Damaged bytes are refused, or are the one form of another record",
        arguments: RecordKind.all
    )
    func damage(kind: RecordKind) throws {
        for seed in UInt64(0)..<6 {
            var random = SplitMix64(seed: seed)
            let bytes = try kind.roundTrip(&random)
            for place in Self.places(in: bytes.count, using: &random) {
                var damaged = bytes
                damaged[place] ^= UInt8.random(in: 1...255, using: &random)
                do throws(RecordError) {
                    let again = try kind.again(damaged)
                    #expect(again == damaged, "Two byte strings stand for one record.")
                } catch { continue }
            }
        }
    }

    @Test("Hostile bytes cause an error at most", arguments: RecordKind.all)
    func hostileBytes(kind: RecordKind) throws {
        for seed in UInt64(0)..<300 {
            var random = SplitMix64(seed: seed)
            var bytes = random.bytes(Int.random(in: 0...120, using: &random))
            // Plausible beginnings get further than noise does.
            for index in bytes.indices.prefix(12) where random.flip() {
                bytes[index] = UInt8.random(in: 0...2, using: &random)
            }
            do throws(RecordError) {
                let again = try kind.again(bytes)
                #expect(again == bytes)
            } catch { continue }
        }
    }

    @Test("A count or a length is checked before memory is taken for it")
    func lyingCounts() throws {
        var writer = ByteWriter()
        writer.write(UInt32.max)
        let lie = writer.bytes
        var reader = ByteReader(lie)
        #expect(throws: RecordError.tooLong(bytes: Int(UInt32.max), limit: 10)) {
            try reader.readBytes(limit: 10)
        }
        reader = ByteReader(lie)
        #expect(throws: RecordError.truncated(needed: Int(UInt32.max), left: 0)) {
            try reader.readBytes(limit: Int.max)
        }
        reader = ByteReader(lie)
        #expect(throws: RecordError.tooMany(count: Int(UInt32.max), limit: 7)) {
            try reader.readList(limit: 7) { reader throws(RecordError) in
                try reader.read(UInt8.self)
            }
        }
        reader = ByteReader(lie)
        #expect(throws: RecordError.truncated(needed: Int(UInt32.max), left: 0)) {
            try reader.readList(limit: Int.max) { reader throws(RecordError) in
                try reader.read(UInt8.self)
            }
        }
    }

    @Test("A reader of a slice reads that slice and nothing else")
    func slices() throws {
        let bytes: [UInt8] = [9, 9, 1, 2, 3, 4, 9]
        var reader = ByteReader(bytes[2..<6])
        #expect(try reader.read(UInt16.self) == 0x0102)
        #expect(reader.left == 2)
        #expect(throws: RecordError.truncated(needed: 4, left: 2)) {
            try reader.read(UInt32.self)
        }
        #expect(try reader.readRaw(2) == [3, 4])
        try reader.finish()
    }

    @Test("A flag is 0 or 1, and text is UTF-8")
    func scalars() {
        var reader = ByteReader([2])
        #expect(throws: RecordError.unknownTag(2)) { try reader.readBool() }
        reader = ByteReader([0, 0, 0, 2, 0xC3, 0x28])
        #expect(throws: RecordError.notUTF8) { try reader.readString(limit: 9) }
    }

    /// All places in short byte strings, some of long ones.
    private static func places(in count: Int, using random: inout SplitMix64) -> [Int] {
        if count <= 200 { return Array(0..<count) }
        return Array(0..<60) + (0..<140).map { _ in Int.random(in: 0..<count, using: &random) }
    }
}
