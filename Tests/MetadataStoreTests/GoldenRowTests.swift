import Register
import StoreModel
import TestSupport
import Testing
import Wire

@testable import MetadataStore

/// The examples of docs/format/metadata.md, read from the page itself.
struct GoldenRowTests {
    private static func rows() throws -> [String: [UInt8]] {
        let bucket = BucketID(0x0102_0304_0506_0708)
        let key = RegisterKey.object(bucket, try #require(ObjectKey("cat.jpg"))).row
        let ballot = Ballot(round: 5, node: 2, incarnation: 7, sequence: 0)
        var promised = AcceptorRow()
        _ = promised.prepare(ballot, floor: .zero)
        var accepted = promised
        let value = RegisterValue(
            changeNumber: 1,
            lineage: [OperationID(0xAA)],
            body: [0xDE, 0xAD],
            hasGarbage: true
        )
        _ = accepted.accept(ballot, value, generation: 0, rules: AcceptorRules())
        let manifest = ManifestID(partition: PartitionID(index: 17), birth: ballot)
        let split = try #require(Self.sealed(manifest).split(.manifest(manifest), from: 1))
        var sealed = AcceptorRow()
        _ = sealed.accept(ballot, split.head, generation: 0, rules: AcceptorRules())
        let name = try #require(split.head.tail)
        let manifestKey = RegisterKey.manifest(manifest).row
        let fence = NodeRow.fence(bucket)
        let index = PartitionRow.key(
            of: key,
            in: RegisterKey.object(bucket, try #require(ObjectKey("cat.jpg"))).partition
        )
        let domain = FloorDomain(
            .manifest(ManifestID(partition: PartitionID(index: 17), birth: ballot))
        )
        let start = NodeStart(incarnation: 3, number: 0xAB)
        let identity = Identity(node: NodeID(high: 1, low: 2), incarnation: 3)
        return [
            "row-key": key,
            "row-promised": promised.sealed(under: key),
            "row-accepted": accepted.sealed(under: key),
            "row-manifest": sealed.sealed(under: manifestKey),
            "tail": TailRow(name, split.tail).sealed(under: manifestKey),
            "mark": GarbageRow.key(of: key),
            "mark-tombstone": TombstoneRow.key(of: key, round: ballot.round),
            "index-key": index,
            "index-entry": ballot.sealed(under: index),
            "floor-key": NodeRow.floor(domain),
            "floor": ballot.sealed(under: NodeRow.floor(domain)),
            "ceiling": PromiseCeiling(above: ballot.round).sealed(under: NodeRow.ceiling),
            "start": start.sealed(under: NodeRow.start(NodeID(high: 1, low: 2))),
            "own-start-key": NodeRow.ownStart(start.incarnation),
            "identity": identity.sealed(under: NodeRow.identity),
            "fence": Fence(generation: 4).sealed(under: fence),
        ]
    }

    private static func sealed(_ manifest: ManifestID) -> RegisterValue {
        let holder = ManifestID(partition: PartitionID(index: 3), birth: manifest.birth)
        let record = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: [SegmentRun(manifest: manifest, length: 100)],
            borrows: [],
            holds: [Hold(owner: .manifest(holder), ceiling: .zero)]
        )
        return RegisterValue(changeNumber: 1, lineage: [], body: record.encoded, hasGarbage: false)
    }

    @Test("The bytes on the page are those of the code, and the page shows no others")
    func goldenBytes() throws {
        let (examples, rows) = (
            try DocumentedRows.examples(page: "docs/format/metadata.md"), try Self.rows()
        )
        #expect(examples.keys.sorted() == rows.keys.sorted())
        for (name, row) in rows.sorted(by: { $0.key < $1.key }) {
            let text = Hexadecimal.text(row)
            #expect(examples[name] == text, "\(name)")
        }
    }

    @Test("A sealed row opens under its key only, and with every bit in place")
    func sealed() throws {
        for (content, key) in [([1, 2, 3], [9]), ([], [9]), ([7], [])] as [([UInt8], [UInt8])] {
            let sealed = SealedRow.seal(content, under: key)
            var reader = try SealedRow.open(sealed, under: key)
            #expect(try reader.readRaw(reader.left) == content)
            #expect(throws: RecordError.self) { try SealedRow.open(sealed, under: key + [0]) }
            for bit in 0..<(sealed.count * 8) {
                var damaged = sealed
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: RecordError.self) { try SealedRow.open(damaged, under: key) }
            }
            for count in 0..<sealed.count {
                #expect(throws: RecordError.self) {
                    try SealedRow.open(Array(sealed.prefix(count)), under: key)
                }
            }
        }
    }
}
