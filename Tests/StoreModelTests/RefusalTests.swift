import StoreModel
import TestSupport
import Testing

/// What a record's reader refuses although every field by itself can be read.
struct RefusalTests {
    private static func expectRefusal<Record: BinaryRecord>(
        of _: Record.Type,
        _ bytes: [UInt8],
        _ error: RecordError
    ) {
        #expect(throws: error) { try Record(decoding: bytes) }
    }

    private static func writing(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        write(&writer)
        return writer.bytes
    }

    @Test("A round above the highest is refused: nobody can use up the numbers")
    func ballotRound() {
        let bytes = Self.writing {
            $0.write(Ballot.highestRound + 1)
            $0.writeRaw([UInt8](repeating: 0, count: 8))
        }
        Self.expectRefusal(of: Ballot.self, bytes, .invalid("ballot round"))
    }

    @Test("A change number that could overflow is refused")
    func changeNumber() {
        let bytes = Self.writing {
            $0.write(UInt8(1))
            $0.write(UInt8(1))
            $0.write(RegisterValue.highestChange + 1)
            $0.write(UInt32(0))
            $0.write(UInt32(0))
        }
        Self.expectRefusal(of: RegisterValue.self, bytes, .invalid("change number"))
    }

    @Test("A tombstone has neither a body nor work for the sweep")
    func tombstones() {
        func value(flags: UInt8, body: [UInt8]) -> [UInt8] {
            Self.writing {
                $0.write(UInt8(1))
                $0.write(flags)
                $0.write(UInt64(1))
                $0.write(UInt32(0))
                $0.writeBytes(body)
            }
        }
        Self.expectRefusal(
            of: RegisterValue.self,
            value(flags: 1, body: [7]),
            .invalid("tombstone with a body")
        )
        for flags in [3, 5, 7, 8] as [UInt8] {
            Self.expectRefusal(
                of: RegisterValue.self,
                value(flags: flags, body: []),
                .unknownTag(flags)
            )
        }
        #expect(throws: Never.self) { try RegisterValue(decoding: value(flags: 2, body: [7])) }
    }

    @Test("The name of a tail has a length, and that is bounded")
    func tails() {
        for bytes in [0, UInt32(Limit.registerValueBytes) + 1] {
            let name = Self.writing {
                $0.write(bytes)
                $0.write(UInt64(7))
            }
            Self.expectRefusal(
                of: TailName.self,
                name,
                .tooLong(bytes: Int(bytes), limit: Limit.registerValueBytes)
            )
        }
    }

    @Test("Partitions beyond the ring are refused, but for the system partition")
    func partitions() {
        Self.expectRefusal(of: PartitionID.self, [1, 0], .invalid("partition"))
        Self.expectRefusal(of: PartitionID.self, [0xFF, 0xFE], .invalid("partition"))
        #expect(throws: Never.self) { try PartitionID(decoding: [0, 255]) }
        #expect((try? PartitionID(decoding: [0xFF, 0xFF])) == .system)
    }

    @Test("Every versioned record refuses a version it does not know")
    func versions() {
        var random = SplitMix64(seed: 5)
        func expectRefusal<Record: BinaryRecord>(_ record: Record) {
            var bytes = record.encoded
            bytes[0] = 9
            Self.expectRefusal(of: Record.self, bytes, .unsupportedVersion(9))
        }
        expectRefusal(random.registerValue())
        expectRefusal(random.bucketRecord())
        expectRefusal(random.manifestRecord())
        expectRefusal(random.objectRecord())
        expectRefusal(random.layoutRecord())
    }

    @Test("A manifest has holds until it is dead, and none afterwards")
    func holdsAndState() {
        let owner = Owner.manifest(
            ManifestID(partition: PartitionID(index: 1), birth: .zero)
        )
        let alive = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: []
        )
        let dead = ManifestRecord(
            state: .dead,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: [Hold(owner: owner, ceiling: .zero)]
        )
        for record in [alive, dead] {
            Self.expectRefusal(
                of: ManifestRecord.self,
                record.encoded,
                .invalid("holds and state")
            )
        }
    }

    @Test("An open manifest has no segments: who went on with one would end its process")
    func openWithSegments() {
        let id = ManifestID(partition: PartitionID(index: 1), birth: .zero)
        let record = ManifestRecord(
            state: .open,
            storageClass: .standard,
            segments: [SegmentRun(manifest: id, length: 1)],
            borrows: [],
            holds: [Hold(owner: .manifest(id), ceiling: .zero)]
        )
        Self.expectRefusal(
            of: ManifestRecord.self,
            record.encoded,
            .invalid("open with segments")
        )
    }

    @Test("A key has one null version at most: a put that drops it would meet the other")
    func nullVersions() {
        let versions = (0..<2).map { number in
            Version(
                marker: VersionID(high: 0, low: number),
                isNull: true,
                modified: HybridTime(microseconds: 1),
                access: AccessList()
            )
        }
        let time = HybridTime(microseconds: 1)
        let record = ObjectRecord(versions: versions, garbage: [], modified: time)
        Self.expectRefusal(of: ObjectRecord.self, record.encoded, .invalid("null versions"))
    }

    @Test("A run of chunks is neither empty nor longer than its indices reach")
    func segmentRuns() {
        func run(first: UInt32, chunkBytes: UInt32, length: UInt64) -> [UInt8] {
            Self.writing {
                ManifestID(partition: PartitionID(index: 0), birth: .zero).encode(into: &$0)
                $0.write(UInt16(0))
                $0.write(UInt32(0))
                $0.write(first)
                $0.write(chunkBytes)
                $0.write(length)
            }
        }
        let bad = RecordError.invalid("segment run")
        Self.expectRefusal(of: SegmentRun.self, run(first: 0, chunkBytes: 0, length: 1), bad)
        Self.expectRefusal(of: SegmentRun.self, run(first: 0, chunkBytes: 1, length: 0), bad)
        let large = UInt32(Limit.chunkBytes) + 1
        Self.expectRefusal(of: SegmentRun.self, run(first: 0, chunkBytes: large, length: 1), bad)
        let last = UInt32.max
        #expect(throws: Never.self) {
            try SegmentRun(decoding: run(first: last, chunkBytes: 1, length: 1))
        }
        Self.expectRefusal(
            of: SegmentRun.self,
            run(first: last, chunkBytes: 1, length: 2),
            .invalid("segment run length")
        )
        Self.expectRefusal(
            of: SegmentRun.self,
            run(first: 0, chunkBytes: 1, length: .max),
            .invalid("segment run length")
        )
    }

    @Test("A layout's replica sets name nodes of the layout, each once")
    func replicaSets() {
        var random = SplitMix64(seed: 3)
        let nodes = [random.layoutNode(), random.layoutNode()]
        func layout(_ set: [UInt16], system: [UInt16] = [0], count: Int = 256) -> [UInt8] {
            LayoutRecord(
                epoch: 1,
                nodes: nodes,
                replicaSets: Array(repeating: set, count: count),
                systemSet: system
            ).encoded
        }
        #expect(throws: Never.self) { try LayoutRecord(decoding: layout([1, 0])) }
        Self.expectRefusal(of: LayoutRecord.self, layout([1, 1]), .invalid("replica set"))
        Self.expectRefusal(of: LayoutRecord.self, layout([2]), .invalid("replica set"))
        Self.expectRefusal(of: LayoutRecord.self, layout([]), .invalid("replica set size"))
        Self.expectRefusal(
            of: LayoutRecord.self,
            layout([0, 1], system: []),
            .invalid("replica set size")
        )
        Self.expectRefusal(of: LayoutRecord.self, layout([0], count: 255), .invalid("partitions"))
    }

    @Test("Entries of a layout are in order, each of a replica, and none from the future")
    func entries() {
        var random = SplitMix64(seed: 4)
        let nodes = [random.layoutNode(), random.layoutNode()]
        func layout(_ entries: ReplicaEntry..., epoch: UInt64 = 3, isJoint: Bool = true) -> [UInt8]
        {
            let ring = Array(repeating: [UInt16(0)], count: Limit.partitions)
            return LayoutRecord(
                epoch: epoch,
                nodes: nodes,
                replicaSets: ring,
                systemSet: [0],
                former: isJoint ? ReplicaSets(ring: ring, system: [1]) : nil,
                entries: entries
            ).encoded
        }
        func entry(_ partition: PartitionID, _ node: UInt16, _ epoch: UInt64) -> ReplicaEntry {
            ReplicaEntry(partition: partition, node: node, epoch: epoch)
        }
        let one = entry(PartitionID(index: 1), 0, 2)
        let two = entry(.system, 1, 3)
        let kind = LayoutRecord.self
        #expect(throws: Never.self) { try LayoutRecord(decoding: layout(one, two)) }
        Self.expectRefusal(of: kind, layout(two, one), .invalid("order of entries"))
        Self.expectRefusal(of: kind, layout(one, one), .invalid("order of entries"))
        let absent = layout(one, two, isJoint: false)
        Self.expectRefusal(of: kind, absent, .invalid("entry of no replica"))
        for epoch: UInt64 in [0, 1, 4] {
            let wrong = layout(entry(.system, 0, epoch))
            Self.expectRefusal(of: kind, wrong, .invalid("epoch of an entry"))
        }
        Self.expectRefusal(of: kind, layout(epoch: 1), .invalid("joint layout without former"))
    }

    @Test("A record without a rename has one form, and no other is read")
    func noRename() throws {
        var random = SplitMix64(seed: 9)
        var record = ObjectRecord(
            versions: [],
            garbage: [random.garbage()],
            modified: random.time()
        )
        #expect(record.encoded.first == 1)
        #expect(try ObjectRecord.pending(in: record.encoded) == nil)
        let idle = [2] + record.encoded.dropFirst() + [UInt8](repeating: 0, count: 9)
        Self.expectRefusal(of: ObjectRecord.self, idle, .invalid("no rename"))
        record.pending = random.pendingRename()
        #expect(record.encoded.first == 2)
        #expect(try ObjectRecord.pending(in: record.encoded) == record.pending)
        var marker = random.version()
        marker.isMarker = true
        marker.content = .inline([])
        let incoming = IncomingVersion(marker, from: random.objectKey(), marker.id, fence: 0)
        Self.expectRefusal(of: IncomingVersion.self, incoming.encoded, .invalid("incoming version"))
    }

    @Test("Lists longer than their limit are refused")
    func limits() {
        var random = SplitMix64(seed: 8)
        let garbage = random.garbage()
        let record = ObjectRecord(
            versions: [],
            garbage: Array(repeating: garbage, count: Limit.garbage + 1),
            modified: random.time()
        )
        Self.expectRefusal(
            of: ObjectRecord.self,
            record.encoded,
            .tooMany(count: Limit.garbage + 1, limit: Limit.garbage)
        )
        let inline = VersionContent.inline([UInt8](repeating: 0, count: Limit.inlineBytes + 1))
        Self.expectRefusal(
            of: VersionContent.self,
            inline.encoded,
            .tooLong(bytes: Limit.inlineBytes + 1, limit: Limit.inlineBytes)
        )
        let holds = (0...Limit.holders).map { _ in random.hold() }
        let manifest = ManifestRecord(
            state: .open,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: holds
        )
        Self.expectRefusal(
            of: ManifestRecord.self,
            manifest.encoded,
            .tooMany(count: Limit.holders + 1, limit: Limit.holders)
        )
    }

    @Test("A node that has left, and so has no capacity, is in no replica set")
    func capacity() throws {
        func layout(system: [UInt16], former: ReplicaSets? = nil) -> LayoutRecord {
            let nodes = [UInt64(1), 0].enumerated().map { number, capacity in
                LayoutNode(
                    id: NodeID(high: 0, low: UInt64(number)),
                    name: "n",
                    zone: "z",
                    capacityBytes: capacity,
                    address: ""
                )
            }
            return LayoutRecord(
                epoch: 2,
                nodes: nodes,
                replicaSets: Array(repeating: [0], count: Limit.partitions),
                systemSet: system,
                former: former
            )
        }
        let ring = Array(repeating: [UInt16(1)], count: Limit.partitions)
        let leaving = layout(system: [0], former: ReplicaSets(ring: ring, system: [0, 1]))
        #expect(try LayoutRecord(decoding: leaving.encoded) == leaving)
        let sound = layout(system: [0])
        #expect(try LayoutRecord(decoding: sound.encoded) == sound)
        Self.expectRefusal(
            of: LayoutRecord.self,
            layout(system: [0, 1]).encoded,
            .invalid("capacity")
        )
    }
}
