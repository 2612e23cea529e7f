import StoreModel
import TestSupport

/// Records as they may occur, drawn from a seed.
extension SplitMix64 {
    mutating func ballot() -> Ballot {
        Ballot(
            round: self.number(0...Ballot.highestRound),
            node: UInt16(self.number(0...UInt64(UInt16.max))),
            incarnation: UInt32(self.number(0...UInt64(UInt32.max))),
            sequence: UInt16(self.number(0...UInt64(UInt16.max)))
        )
    }

    mutating func partition() -> PartitionID {
        self.number(0...9) == 0
            ? .system : PartitionID(index: Int(self.number(0...UInt64(Limit.partitions - 1))))
    }

    mutating func manifestID() -> ManifestID {
        ManifestID(partition: self.partition(), birth: self.ballot())
    }

    mutating func versionID() -> VersionID { VersionID(high: self.next(), low: self.next()) }
    mutating func uploadID() -> UploadID { UploadID(high: self.next(), low: self.next()) }

    mutating func partNumber() -> PartNumber {
        guard let number = PartNumber(Int(self.number(1...UInt64(Limit.parts)))) else {
            preconditionFailure("A number in range")
        }
        return number
    }

    mutating func nodeID() -> NodeID { NodeID(high: self.next(), low: self.next()) }
    mutating func bucketID() -> BucketID { BucketID(self.number(0...UInt64.max)) }
    mutating func operation() -> OperationID { OperationID(self.next()) }

    mutating func time() -> HybridTime {
        HybridTime(microseconds: self.number(0...UInt64.max))
    }

    mutating func bucketName() -> BucketName {
        let letters = Array("abcxyz0189")
        let count = Int(self.number(3...UInt64(Limit.bucketNameBytes)))
        let text = String((0..<count).map { _ in letters.randomElement(using: &self) ?? "a" })
        guard let name = BucketName(text) else { preconditionFailure("A bad name: \(text)") }
        return name
    }

    mutating func objectKey() -> ObjectKey {
        while true {
            if let key = ObjectKey(self.text(upTo: 40)) { return key }
        }
    }

    mutating func registerKey() -> RegisterKey {
        switch UInt8.random(in: 0..<6, using: &self) {
        case 0: .object(self.bucketID(), self.objectKey())
        case 4: .part(self.bucketID(), self.objectKey(), self.uploadID(), self.partNumber())
        case 1: .manifest(self.manifestID())
        case 2: .bucket(self.bucketName())
        case 5: .accessKeys
        default: .layout
        }
    }

    mutating func registerValue() -> RegisterValue {
        let body = self.optional { random in
            random.bytes(Int.random(in: 0...200, using: &random))
        }
        return RegisterValue(
            changeNumber: self.number(0...RegisterValue.highestChange),
            lineage: self.list(0...Limit.lineage) { $0.operation() },
            body: body,
            hasGarbage: body != nil && self.flip(),
            tail: body != nil && self.flip() ? self.tailName() : nil
        )
    }

    private mutating func tailName() -> TailName {
        TailName(
            byteCount: Int.random(in: 1...Limit.registerValueBytes, using: &self),
            digest: self.next()
        )
    }

    mutating func accessKeysRecord() -> AccessKeysRecord {
        AccessKeysRecord(
            (0..<Int(self.number(0...3))).map { number in
                AccessKey(
                    id: "KEY\(number)",
                    secret: HiddenText("secret-\(self.number(0...UInt64.max))"),
                    user: KeyUser(id: "id", name: "alice", account: "012345678901"),
                    label: self.flip() ? "laptop" : "",
                    created: self.time()
                )
            }
        )
    }

    mutating func bucketRecord() -> BucketRecord {
        BucketRecord(
            state: self.flip() ? .active : .deleting,
            id: self.bucketID(),
            generation: self.number(0...UInt64.max),
            created: self.time(),
            settings: self.bucketSettings()
        )
    }

    mutating func bucketSettings() -> BucketSettings {
        var settings = BucketSettings(
            versioning: [.never, .enabled, .suspended].randomElement(using: &self) ?? .never,
            access: self.accessList()
        )
        for kind in BucketDocument.Kind.allCases where self.flip() {
            settings[kind] = self.bytes(Int(self.number(0...100)))
        }
        return settings
    }

    mutating func accessList() -> AccessList {
        AccessList(
            owner: self.text(upTo: 16),
            grants: self.list(0...3) { random in
                let grantee: Grantee =
                    switch random.number(0...2) {
                    case 0: .everybody
                    case 1: .authenticated
                    default: .user(random.text(upTo: 16))
                    }
                return Grant(grantee, Permission.allCases.randomElement(using: &random) ?? .read)
            },
            isOwnerLimited: self.flip()
        )
    }

    mutating func lifecycleRules() -> LifecycleRules {
        var ids: Set<String> = []
        let rules = self.list(0...4) { $0.lifecycleRule() }.filter { ids.insert($0.id).inserted }
        return LifecycleRules(rules, variesByStorageClass: self.flip())
    }

    mutating func lifecycleRule() -> LifecycleRule {
        let filter = LifecycleFilter(
            form: [.prefix, .filter, .all].randomElement(using: &self) ?? .filter,
            prefix: self.flip() ? self.text(upTo: 20) : nil,
            tags: self.list(0...3) { $0.tag() },
            sizeAbove: self.flip() ? self.number(0...UInt64.max) : nil,
            sizeBelow: self.flip() ? self.number(0...UInt64.max) : nil
        )
        let days = UInt32(self.number(0...UInt64(UInt32.max)))
        let expirations: [LifecycleRule.Expiration?] = [
            .days(days), .date(self.time()), .markers(self.flip()), nil,
        ]
        return LifecycleRule(
            id: self.text(upTo: 20),
            isEnabled: self.flip(),
            filter: filter,
            expiration: expirations.randomElement(using: &self) ?? nil,
            noncurrent: self.flip() ? .init(days: days, kept: self.flip() ? 7 : nil) : nil,
            abortDays: self.flip() ? days : nil
        )
    }

    mutating func tag() -> Tag { Tag(key: self.text(upTo: 20), value: self.text(upTo: 20)) }

    mutating func chunkName() -> ChunkName {
        ChunkName(
            manifest: self.manifestID(),
            part: UInt16(self.number(0...UInt64(UInt16.max))),
            attempt: UInt32(self.number(0...UInt64(UInt32.max))),
            index: UInt32(self.number(0...UInt64(UInt32.max)))
        )
    }

    mutating func segmentRun() -> SegmentRun {
        SegmentRun(
            manifest: self.manifestID(),
            part: UInt16(self.number(0...10_000)),
            attempt: UInt32(self.number(0...UInt64(UInt32.max))),
            first: UInt32(self.number(0...1_000_000)),
            chunkBytes: Int(self.number(1...UInt64(Limit.chunkBytes))),
            length: self.number(1...4_000_000_000)
        )
    }

    mutating func owner() -> Owner {
        switch UInt8.random(in: 0..<3, using: &self) {
        case 0: .manifest(self.manifestID())
        case 1: .upload(self.registerKey(), self.uploadID())
        default: .version(self.registerKey(), self.versionID())
        }
    }

    mutating func hold() -> Hold {
        Hold(owner: self.owner(), ceiling: self.ballot(), confirmed: self.flip())
    }

    mutating func storageClass() -> StorageClass {
        self.flip() ? .standard : .reducedRedundancy
    }

    mutating func manifestRecord() -> ManifestRecord {
        let state: ManifestRecord.State =
            [.open, .sealed, .dead].randomElement(using: &self) ?? .open
        return ManifestRecord(
            state: state,
            storageClass: self.storageClass(),
            segments: state == .open ? [] : self.list(1...4) { $0.segmentRun() },
            borrows: self.list(0...3) { $0.manifestID() }.sorted(),
            holds: state == .dead
                ? [] : self.list(1...6) { $0.hold() }.sorted { $0.owner < $1.owner }
        )
    }

    mutating func metadata() -> ObjectMetadata {
        var metadata = ObjectMetadata()
        metadata.contentType = self.optional { $0.text(upTo: 20) }
        metadata.cacheControl = self.optional { $0.text(upTo: 20) }
        metadata.contentDisposition = self.optional { $0.text(upTo: 20) }
        metadata.contentEncoding = self.optional { $0.text(upTo: 20) }
        metadata.contentLanguage = self.optional { $0.text(upTo: 20) }
        metadata.expires = self.optional { $0.text(upTo: 20) }
        metadata.websiteRedirect = self.optional { $0.text(upTo: 20) }
        metadata.user = self.list(0...4) {
            ObjectMetadata.NamedValue(name: $0.text(upTo: 12), value: $0.text(upTo: 30))
        }
        return metadata
    }

    mutating func checksum() -> Checksum {
        Checksum(
            algorithm: Checksum.Algorithm.allCases.randomElement(using: &self) ?? .crc32,
            value: self.bytes(Int(self.number(0...64))),
            parts: UInt16(self.number(0...UInt64(UInt16.max)))
        )
    }

    mutating func content() -> VersionContent {
        if self.flip() { return .inline(self.bytes(Int(self.number(0...300)))) }
        let segments = self.list(1...4) { $0.segmentRun() }
        return .manifest(
            self.manifestID(),
            segments: segments,
            digest: ManifestRecord.digest(of: segments),
            ceiling: self.ballot()
        )
    }

    mutating func version() -> Version {
        if self.number(0...5) == 0 {
            return Version(
                marker: self.versionID(),
                isNull: self.flip(),
                modified: self.time(),
                access: self.accessList()
            )
        }
        let parts = self.list(0...3) { $0.partRun() }
        return Version(
            id: self.versionID(),
            etag: Hexadecimal.text(self.bytes(16)),
            size: parts.isEmpty ? self.number(0...UInt64.max) : parts.bytes ?? 0,
            storageClass: self.storageClass(),
            modified: self.time(),
            metadata: self.metadata(),
            checksums: self.list(0...3) { $0.checksum() },
            content: self.content(),
            upload: self.optional { $0.uploadID() },
            parts: parts,
            tags: self.list(0...3) { $0.tag() },
            access: self.accessList(),
            isNull: self.flip()
        )
    }

    mutating func partRun() -> PartRun {
        PartRun(
            size: self.number(0...Limit.partBytesMax),
            count: UInt16(self.number(1...UInt64(Limit.parts)))
        )
    }

    mutating func checksumKind() -> ChecksumKind {
        ChecksumKind(
            Checksum.Algorithm.allCases.randomElement(using: &self) ?? .crc32,
            isComposite: self.flip()
        )
    }

    mutating func upload() -> Upload {
        Upload(
            id: self.uploadID(),
            manifest: self.manifestID(),
            ceiling: self.ballot(),
            storageClass: self.storageClass(),
            initiated: self.time(),
            checksum: self.optional { $0.checksumKind() },
            metadata: self.metadata(),
            tags: self.list(0...3) { $0.tag() },
            access: self.accessList()
        )
    }

    mutating func partRecord() -> PartRecord {
        PartRecord(
            of: self.manifestID(),
            etag: Hexadecimal.text(self.bytes(16)),
            size: self.number(0...UInt64.max),
            modified: self.time(),
            checksums: self.list(0...3) { $0.checksum() },
            segments: self.list(0...4) { $0.segmentRun() },
            source: self.optional { $0.manifestID() },
            borrowed: self.list(0...3) { $0.manifestID() }.sorted()
        )
    }

    mutating func entry() -> Entry {
        self.flip() ? .version(self.versionID()) : .upload(self.uploadID())
    }

    mutating func garbage() -> Garbage {
        Garbage(entry: self.entry(), manifest: self.manifestID(), fence: self.ballot())
    }

    mutating func objectRecord() -> ObjectRecord {
        var versions = self.list(0...2) { $0.version() }
        while versions.count(where: \.isNull) > 1 { versions.removeLast() }
        var record = ObjectRecord(
            versions: versions,
            uploads: self.list(0...2) { $0.upload() },
            garbage: self.list(0...4) { $0.garbage() },
            modified: self.time()
        )
        if self.flip() {
            record.fence = self.number(0...UInt64.max)
            record.pending = self.optional { $0.pendingRename() }
        }
        return record
    }

    mutating func pendingRename() -> PendingRename {
        guard self.flip() else { return .moved(self.versionID(), to: self.objectKey()) }
        var version = self.version()
        version.isNull = true
        version.isMarker = false
        return .incoming(
            IncomingVersion(
                version,
                from: self.objectKey(),
                self.versionID(),
                fence: self.number(0...UInt64.max)
            )
        )
    }

    mutating func layoutNode() -> LayoutNode {
        LayoutNode(
            id: self.nodeID(),
            name: self.text(upTo: 20),
            zone: self.text(upTo: 20),
            capacityBytes: self.number(1...UInt64.max),
            address: self.text(upTo: 20)
        )
    }

    mutating func layoutRecord() -> LayoutRecord {
        let nodes = self.list(1...7) { $0.layoutNode() }
        let sets = self.replicaSets(of: nodes.count)
        let isJoint = Bool.random(using: &self)
        let epoch = self.number(2...UInt64.max)
        let entries = [PartitionID(index: 3), .system].flatMap { partition in
            sets[partition].sorted().map { node in
                ReplicaEntry(partition: partition, node: node, epoch: self.number(2...epoch))
            }
        }
        return LayoutRecord(
            epoch: epoch,
            nodes: nodes,
            replicaSets: sets.ring,
            systemSet: sets.system,
            former: isJoint ? self.replicaSets(of: nodes.count) : nil,
            entries: entries
        )
    }

    private mutating func replicaSets(of nodes: Int) -> ReplicaSets {
        let indices = (0..<nodes).map { UInt16($0) }
        let size = Int.random(in: 1...nodes, using: &self)
        return ReplicaSets(
            ring: (0..<Limit.partitions).map { _ in
                Array(indices.shuffled(using: &self).prefix(size))
            },
            system: Array(indices.shuffled(using: &self).prefix(size))
        )
    }
}
