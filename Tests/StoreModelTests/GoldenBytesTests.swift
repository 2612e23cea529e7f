import StoreModel
import TestSupport
import Testing

/// The examples of docs/format/records.md, read from the page itself.
struct GoldenBytesTests {
    private static let birth = Ballot(
        round: 1_700_000_000_000_000,
        node: 2,
        incarnation: 7,
        sequence: 5
    )
    private static let ceiling = Ballot(
        round: 1_700_000_000_000_100,
        node: 1,
        incarnation: 3,
        sequence: 9
    )
    private static let time = HybridTime(microseconds: 1_700_000_000_000_000)
    private static let manifest = ManifestID(partition: PartitionID(index: 66), birth: birth)
    private static let bucket = BucketID(0x0102_0304_0506_0708)
    private static let version = VersionID(
        high: 0x1111_1111_1111_1111,
        low: 0x2222_2222_2222_2222
    )
    private static let entry = ReplicaEntry(partition: .system, node: 3, epoch: 2)
    private static let upload = UploadID(high: 0x3333_3333_3333_3333, low: 0x4444_4444_4444_4444)
    private static let run = SegmentRun(manifest: manifest, length: 5_000_000)

    private static func key() throws -> RegisterKey {
        .object(Self.bucket, try #require(ObjectKey("cat.jpg")))
    }

    private static func hold() throws -> Hold {
        Hold(owner: .version(try Self.key(), Self.version), ceiling: Self.ceiling)
    }

    private static func manifestRecord(
        _ state: ManifestRecord.State,
        _ segments: [SegmentRun],
        _ holds: [Hold]
    ) -> ManifestRecord {
        ManifestRecord(
            state: state,
            storageClass: .standard,
            segments: segments,
            borrows: [],
            holds: holds
        )
    }

    private static var metadata: ObjectMetadata {
        var metadata = ObjectMetadata()
        metadata.contentType = "image/jpeg"
        metadata.user = [ObjectMetadata.NamedValue(name: "colour", value: "blue")]
        return metadata
    }

    private static let checksum = Checksum(
        algorithm: .crc32c,
        value: [0xE3, 0x06, 0x92, 0x83]
    )

    private static let inlineVersion = Version(
        id: version,
        etag: "d41d8cd98f00b204e9800998ecf8427e",
        size: 4,
        storageClass: .standard,
        modified: time,
        metadata: metadata,
        checksums: [checksum],
        content: .inline(Array("miau".utf8)),
        tags: [Tag(key: "kind", value: "cat")]
    )

    private static let garbage = Garbage(
        entry: .version(version),
        manifest: manifest,
        fence: ceiling
    )

    private static func values() throws -> [String: any BinaryRecord & Hashable] {
        [
            "value": RegisterValue(
                changeNumber: 3,
                lineage: [OperationID(0xAA), OperationID(0xBB)],
                body: [0xDE, 0xAD],
                hasGarbage: true
            ),
            "value-named": RegisterValue(
                changeNumber: 3,
                lineage: [OperationID(0xAA)],
                body: [0xDE, 0xAD],
                hasGarbage: true,
                tail: TailName(byteCount: 40, digest: 0x0102_0304_0506_0708)
            ),
            "value-tombstone": RegisterValue(
                changeNumber: 4,
                lineage: [OperationID(0xCC)],
                body: nil,
                hasGarbage: false
            ),
            "bucket": BucketRecord(
                state: .active,
                id: Self.bucket,
                generation: 1,
                created: Self.time
            ),
            "access-keys": AccessKeysRecord([
                AccessKey(
                    id: "TRIO2",
                    secret: HiddenText("secret-2"),
                    user: KeyUser(id: "ab", name: "alice", account: "012345678901"),
                    label: "laptop",
                    created: Self.time
                )
            ]),
            "bucket-settings": BucketSettings(
                versioning: .enabled,
                access: AccessList(owner: "ab", grants: [Grant(.everybody, .read)]),
                documents: [BucketDocument(.cors, Array("<>".utf8))]
            ),
            "lifecycle": LifecycleRules([
                LifecycleRule(
                    id: "a",
                    filter: LifecycleFilter(
                        form: .all,
                        prefix: "p/",
                        tags: [Tag(key: "k", value: "v")],
                        sizeAbove: 9
                    ),
                    expiration: .days(30),
                    noncurrent: .init(days: 2, kept: 5)
                ),
                LifecycleRule(
                    id: "b",
                    isEnabled: false,
                    filter: LifecycleFilter(form: .prefix, prefix: ""),
                    abortDays: 7
                ),
            ]),
            "access-list": AccessList(
                owner: "ab",
                grants: [Grant(.user("cd"), .fullControl), Grant(.authenticated, .readAccess)]
            ),
            "version-marker": Version(
                marker: Self.version,
                isNull: false,
                modified: Self.time,
                access: AccessList(owner: "ab")
            ),
            "checksum": Self.checksum,
            "metadata": Self.metadata,
            "content-manifest": VersionContent.manifest(
                Self.manifest,
                segments: [Self.run],
                digest: ManifestRecord.digest(of: [Self.run]),
                ceiling: Self.ceiling
            ),
            "version": Self.inlineVersion,
            "upload": Upload(
                id: Self.upload,
                manifest: Self.manifest,
                ceiling: Self.ceiling,
                storageClass: .standard,
                initiated: Self.time,
                checksum: ChecksumKind(.crc32c, isComposite: true),
                metadata: Self.metadata
            ),
            "part": PartRecord(
                of: Self.manifest,
                etag: "d41d8cd98f00b204e9800998ecf8427e",
                size: Self.run.length,
                modified: Self.time,
                checksums: [],
                segments: [Self.run],
                source: Self.manifest,
                borrowed: [Self.manifest]
            ),
            "garbage": Self.garbage,
            "object": ObjectRecord(versions: [], garbage: [Self.garbage], modified: Self.time),
            "pending-rename": PendingRename.incoming(
                IncomingVersion(
                    Self.inlineVersion,
                    from: Self.dog,
                    VersionID(high: Self.upload.high, low: Self.upload.low),
                    fence: 1
                )
            ),
            "object-moved": Self.moved,
            "layout-node": LayoutNode(
                id: NodeID(high: 1, low: 0),
                name: "n1",
                zone: "z1",
                capacityBytes: 1 << 40,
                address: "10.0.0.1:7332"
            ),
            "layout-entry": Self.entry,
        ]
    }

    private static var dog: ObjectKey {
        guard let key = ObjectKey("dog.jpg") else { preconditionFailure("no key") }
        return key
    }

    private static var moved: ObjectRecord {
        var record = ObjectRecord(versions: [], garbage: [], modified: Self.time)
        record.pending = .moved(Self.version, to: Self.dog)
        return record
    }

    private static func names() throws -> [String: any BinaryRecord & Hashable] {
        [
            "ballot": Self.birth,
            "partition-system": PartitionID.system,
            "manifest-id": Self.manifest,
            "chunk-name": Self.run.chunk(1),
            "key-object": try Self.key(),
            "key-part": RegisterKey.part(
                Self.bucket,
                try #require(ObjectKey("cat.jpg")),
                Self.upload,
                try #require(PartNumber(258))
            ),
            "key-manifest": RegisterKey.manifest(Self.manifest),
            "key-bucket": RegisterKey.bucket(try #require(BucketName("photos"))),
            "key-layout": RegisterKey.layout,
            "key-access-keys": RegisterKey.accessKeys,
            "segment-run": Self.run,
            "owner-upload": Owner.upload(try Self.key(), Self.upload),
            "owner-manifest": Owner.manifest(Self.manifest),
            "hold": try Self.hold(),
            "manifest": Self.manifestRecord(.sealed, [Self.run], [try Self.hold()]),
            "manifest-dead": Self.manifestRecord(.dead, [], []),
        ]
    }

    private static func examples() throws -> [String: [UInt8]] {
        var examples: [String: [UInt8]] = [:]
        for (name, digits) in try DocumentedRows.examples(page: "docs/format/records.md") {
            let bytes: [UInt8] = try #require(Hexadecimal.bytes(digits), "\(name): no hexadecimal")
            examples[name] = bytes
        }
        return examples
    }

    private static func check<Record: BinaryRecord & Hashable>(
        _ record: Record,
        _ bytes: [UInt8],
        _ name: String
    ) throws {
        #expect(Hexadecimal.text(record.encoded) == Hexadecimal.text(bytes), "\(name)")
        #expect(try Record(decoding: bytes) == record, "\(name)")
    }

    @Test("The bytes on the page are those of the code, and the page shows no others")
    func goldenBytes() throws {
        let records = try Self.values().merging(try Self.names()) { _, _ in
            preconditionFailure("One name, one record.")
        }
        let examples = try Self.examples()
        #expect(examples.keys.sorted() == records.keys.sorted())
        for (name, record) in records {
            try Self.check(record, try #require(examples[name], "\(name)"), name)
        }
    }

    @Test("A joint layout has its latter sets, then the former ones, then the entries")
    func jointLayout() throws {
        let nodes = (0..<4).map { number in
            LayoutNode(
                id: NodeID(high: 0, low: number),
                name: "n",
                zone: "z",
                capacityBytes: 1,
                address: "a:1"
            )
        }
        func ring(_ set: [UInt16]) -> [[UInt16]] { Array(repeating: set, count: 256) }
        let layout = LayoutRecord(
            epoch: 2,
            nodes: nodes,
            replicaSets: ring([0, 1]),
            systemSet: [0, 3],
            former: ReplicaSets(ring: ring([0, 2]), system: [0]),
            entries: [Self.entry]
        )
        func list(_ bytes: [UInt8]) -> [UInt8] {
            [0, 0, 1, 0] + Array(repeating: bytes, count: 256).joined()
        }
        let head: [UInt8] =
            [2] + [0, 0, 0, 0, 0, 0, 0, 2] + [0, 0, 0, 4] + nodes.flatMap(\.encoded)
        let latter = list([2, 0, 0, 0, 1]) + [2, 0, 0, 0, 3]
        let former = [1] + list([2, 0, 0, 0, 2]) + [1, 0, 0]
        try Self.check(
            layout,
            head + latter + former + [0, 0, 0, 1] + Self.entry.encoded,
            "joint layout"
        )
    }
}
