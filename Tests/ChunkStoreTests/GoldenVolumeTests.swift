import NIOCore
import SimulatedRuntime
import StoreModel
import TestSupport
import Testing
import Wire

@testable import ChunkStore

/// The examples of docs/format/volumes.md, read from the page itself.
struct GoldenVolumeTests {
    private static let nonce: UInt64 = 0x1122_3344_5566_7788
    private static let name = ChunkName(
        manifest: ManifestID(
            partition: PartitionID(index: 66),
            birth: Ballot(
                round: 1_700_000_000_000_000,
                node: 2,
                incarnation: 7,
                sequence: 5
            )
        ),
        part: 0,
        attempt: 0,
        index: 1
    )
    private static let chunk = StoredChunk.encode(ByteBuffer(string: "Hello, copy!"))
    private static let place = RecordPlace(volume: 1, offset: 4_096)

    private static var header: RecordHeader {
        RecordHeader(
            nonce: Self.nonce,
            offset: Self.place.offset,
            name: Self.name,
            chunk: Self.chunk.header
        )
    }

    private static func rows() -> [String: [UInt8]] {
        let row = IndexRow(place: Self.place, chunk: Self.chunk.header)
        let volume = VolumeRow(nonce: Self.nonce, checkpoint: 8_192)
        var mark = ScrubMark()
        (mark.passBytes, mark.last) = (12_288, Self.name)
        return [
            "volume-header": VolumeHeader(number: 1, nonce: Self.nonce).encoded,
            "record-header": Self.header.encoded,
            "index-row": row.sealed(under: Self.name.encoded),
            "volume-row": volume.sealed(under: ChunkKey.volume(1)),
            "scrub-mark": mark.sealed(under: ChunkKey.scrubMark),
            "tombstone": Tombstone(bytes: 4_096).sealed(under: ChunkKey.tombstone(Self.place)),
        ]
    }

    @Test("The bytes on the page are those of the code, and the page shows no others")
    func goldenBytes() throws {
        let (examples, rows) = (
            try DocumentedRows.examples(page: "docs/format/volumes.md"), Self.rows()
        )
        #expect(examples.keys.sorted() == rows.keys.sorted())
        for (name, row) in rows.sorted(by: { $0.key < $1.key }) {
            let text = Hexadecimal.text(row)
            #expect(examples[name] == text, "\(name)")
        }
    }

    @Test("A header opens in its volume and at its place only, and with every bit in place")
    func headers() throws {
        let sound = Self.header.encoded
        let page = sound + [UInt8](repeating: 7, count: 100)
        let found = try RecordHeader(page, nonce: Self.nonce, offset: 4_096)
        #expect(found == Self.header)
        #expect(sound.count == RecordHeader.byteCount(Self.chunk.header))
        for (nonce, offset) in [(Self.nonce ^ 1, 4_096), (Self.nonce, 8_192)] as [(UInt64, UInt64)]
        {
            #expect(throws: RecordError.self) {
                try RecordHeader(page, nonce: nonce, offset: offset)
            }
        }
        for bit in 0..<(sound.count * 8) {
            var damaged = page
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: RecordError.self) {
                try RecordHeader(damaged, nonce: Self.nonce, offset: 4_096)
            }
        }
        let volume = VolumeHeader(number: 1, nonce: Self.nonce).encoded
        for bit in 0..<(volume.count * 8) {
            var damaged = volume
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: RecordError.self) { try VolumeHeader(damaged) }
        }
    }

    @Test("Random bytes are no header", arguments: UInt64(0)..<64)
    func hostileBytes(seed: UInt64) {
        var random = SimulatedRuntime.SplitMix64(seed: seed)
        let count = random.number(in: 0...4_096)
        var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        if seed.isMultiple(of: 2) { bytes = Array(Self.header.encoded.prefix(21)) + bytes }
        #expect(throws: RecordError.self) {
            try RecordHeader(bytes, nonce: Self.nonce, offset: 4_096)
        }
        #expect(throws: RecordError.self) { try VolumeHeader(bytes) }
    }

    @Test("A file is a volume only under the one name of its number")
    func fileNames() {
        #expect(VolumeHeader.fileName(1) == "volume-00000001")
        for number in [0, 1, 99_999_999, .max] as [UInt32] {
            #expect(VolumeHeader.number(ofFile: VolumeHeader.fileName(number)) == number)
        }
        for name in ["volume-1", "volume-+0000001", "volume-", "volume-00000001.old", "other"] {
            #expect(VolumeHeader.number(ofFile: name) == nil)
        }
    }
}
