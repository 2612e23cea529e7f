import StoreModel
import TestSupport
import Testing

struct NameTests {
    @Test(
        "Names that S3 allows for buckets are taken",
        arguments: [
            "abc", "a-b", "a.b", "0.0", "my-bucket.with.dots", "123", "1.2.3", "1.2.3.4.5",
            "1.2.3.256", "a--b", "a-.b", String(repeating: "a", count: 63),
        ]
    )
    func goodBuckets(text: String) throws {
        let name = try #require(BucketName(text))
        #expect(name.text == text)
        #expect(name.description == text)
    }

    @Test(
        "All other names are refused",
        arguments: [
            "", "a", "ab", String(repeating: "a", count: 64), "Abc", "ab_c", "ab c", "-abc", "abc-",
            ".abc", "abc.", "a..b", "192.168.5.4", "1.2.3.4", "äbc", "ab/c", "abc\u{0}", "ab%63",
        ]
    )
    func badBuckets(text: String) {
        #expect(BucketName(text) == nil)
        var writer = ByteWriter()
        writer.writeString(text)
        #expect(throws: RecordError.self) { try BucketName(decoding: writer.bytes) }
    }

    @Test("An object's key has 1 to 1,024 bytes of UTF-8")
    func keyLengths() {
        #expect(ObjectKey("") == nil)
        #expect(ObjectKey("a") != nil)
        #expect(ObjectKey(String(repeating: "a", count: 1_024)) != nil)
        #expect(ObjectKey(String(repeating: "a", count: 1_025)) == nil)
        #expect(ObjectKey(String(repeating: "ä", count: 512)) != nil)
        #expect(ObjectKey(String(repeating: "ä", count: 513)) == nil)
        #expect(throws: RecordError.invalid("empty key")) {
            try ObjectKey(decoding: [0, 0, 0, 0])
        }
    }

    @Test("Keys that look alike but differ in bytes are two keys")
    func canonicalEquivalence() throws {
        let composed = try #require(ObjectKey("caf\u{E9}"))
        let decomposed = try #require(ObjectKey("cafe\u{301}"))
        #expect("\(composed)" == "\(decomposed)", "Swift holds the two texts for equal.")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test("Keys are ordered by their bytes, as S3 lists them", arguments: UInt64(0)..<20)
    func keyOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let (left, right) = (random.objectKey(), random.objectKey())
        #expect((left < right) == left.bytes.lexicographicallyPrecedes(right.bytes))
    }

    @Test("Registers are ordered as their rows are on disk", arguments: UInt64(0)..<100)
    func rowOrder(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let (left, right) = (random.registerKey(), random.registerKey())
        #expect((left < right) == left.row.lexicographicallyPrecedes(right.row))
        #expect(try RegisterKey(row: left.row) == left)
        #expect(left.row.count <= RegisterKey.longestRow)
    }

    @Test("The objects of a bucket are one range of rows")
    func bucketRange() throws {
        let key = try #require(ObjectKey("k"))
        let name = try #require(BucketName("zzz"))
        let rows: [RegisterKey] = [
            .object(BucketID(1), key), .object(BucketID(2), key), .object(BucketID(.max), key),
            .manifest(ManifestID(partition: PartitionID(index: 0), birth: .zero)),
            .bucket(name), .layout,
        ]
        #expect(rows == rows.sorted())
        let first = try #require(ObjectKey("\u{0}"))
        let last = try #require(ObjectKey("\u{10FFFF}"))
        #expect(RegisterKey.object(BucketID(1), last) < .object(BucketID(2), first))
    }

    @Test(
        "Bytes that are no row's key are refused",
        arguments: [
            [], [0x10], [0x11], [0x10, 0, 0, 0, 0, 0, 0, 0, 1],
            [0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF], [0x40, 0x41], [0x50, 0], [0x20, 0, 0],
        ] as [[UInt8]]
    )
    func badRows(row: [UInt8]) {
        #expect(throws: RecordError.self) { try RegisterKey(row: row) }
    }

    private static func part(of key: ObjectKey) throws -> RegisterKey {
        .part(
            BucketID(0),
            key,
            UploadID(high: 1, low: 2),
            try #require(PartNumber(Limit.parts))
        )
    }

    @Test("Parts of one upload are next to one another, in order, and not among objects")
    func partRows() throws {
        let key = try #require(ObjectKey("k"))
        let upload = UploadID(high: 1, low: 2)
        let rows = try [1, 2, 255, 256, Limit.parts].map { number in
            RegisterKey.part(BucketID(9), key, upload, try #require(PartNumber(number)))
        }
        #expect(rows == rows.sorted())
        let object = RegisterKey.object(BucketID(9), key)
        let others = [
            object, .object(BucketID(.max), key),
            .part(BucketID(9), key, UploadID(high: 1, low: 1), try #require(PartNumber(9))),
            .part(BucketID(9), key, UploadID(high: 1, low: 3), try #require(PartNumber(1))),
        ]
        for other in others {
            #expect(rows.allSatisfy { other < $0 } || rows.allSatisfy { $0 < other })
        }
        #expect(rows.allSatisfy { $0.partition == object.partition })
        #expect(try rows.map { try RegisterKey(row: $0.row) } == rows)
    }

    @Test("An upload's id is read as it is written, and no other text is")
    func uploadText() throws {
        let id = UploadID(high: 0xABC, low: .max)
        #expect(UploadID("\(id)") == id)
        for text in [
            "", "\(id)0", "\(id)".uppercased(), String("\(id)".dropLast()),
            "x" + "\(id)".dropFirst(),
        ] {
            #expect(UploadID(text) == nil, "\(text)")
        }
        #expect([0, -1, Limit.parts + 1].allSatisfy { PartNumber($0) == nil })
    }

    @Test("A row's key is at most one tag, one bucket, one part and one key long")
    func longestRow() throws {
        let key = try #require(ObjectKey(String(repeating: "k", count: Limit.keyBytes)))
        #expect(try Self.part(of: key).row.count == RegisterKey.longestRow)
        let long = [UInt8](repeating: 0x10, count: RegisterKey.longestRow + 1)
        #expect(
            throws: RecordError.tooLong(
                bytes: RegisterKey.longestRow + 1,
                limit: RegisterKey.longestRow
            )
        ) { try RegisterKey(row: long) }
    }

    @Test(
        "Buckets, the layout and access keys live in the system partition, the others on the ring"
    )
    func partitions() throws {
        let key = try #require(ObjectKey("k"))
        let name = try #require(BucketName("abc"))
        #expect(RegisterKey.bucket(name).partition == .system)
        #expect(RegisterKey.layout.partition == .system)
        #expect(RegisterKey.accessKeys.partition == .system)
        #expect(RegisterKey.object(BucketID(1), key).partition != .system)
        let manifest = ManifestID(partition: PartitionID(index: 77), birth: .zero)
        #expect(RegisterKey.manifest(manifest).partition == PartitionID(index: 77))
    }

    @Test("A node's id is read back from what it shows")
    func nodeIDs() {
        let id = NodeID(high: 0x0123_4567_89ab_cdef, low: 1)
        #expect(id.description == "0123456789abcdef0000000000000001")
        #expect(NodeID(id.description) == id)
        #expect(id.short == "01234567")
        for text in ["", "0123", "+123456789abcdef0000000000000001", id.description + "0"] {
            #expect(NodeID(text) == nil)
        }
    }

    @Test("Hexadecimal text is read in either case and refused when it is odd or foreign")
    func hexadecimal() {
        #expect(Hexadecimal.text([0, 1, 0xAB, 0xFF]) == "0001abff")
        #expect(Hexadecimal.text(UInt64(0xBEEF)) == "000000000000beef")
        #expect(Hexadecimal.bytes("0001aBfF") == [0, 1, 0xAB, 0xFF])
        #expect(Hexadecimal.bytes("") == [])
        for text in ["0", "0g", " 0", "+1", "0x10"] { #expect(Hexadecimal.bytes(text) == nil) }
    }
}
