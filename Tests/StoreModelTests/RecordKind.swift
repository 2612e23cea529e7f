import StoreModel
import TestSupport
import Testing

/// A record type with the means to draw one and to take one apart.
struct RecordKind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Draws a record; fails the test unless it survives its binary form.
    let roundTrip: @Sendable (inout SplitMix64) throws -> [UInt8]
    /// Decodes and encodes again.
    let again: @Sendable ([UInt8]) throws(RecordError) -> [UInt8]

    init<Record: BinaryRecord & Hashable>(
        _ name: String,
        _ make: @escaping @Sendable (inout SplitMix64) -> Record
    ) {
        self.testDescription = name
        self.roundTrip = { random in
            let record = make(&random)
            let bytes = record.encoded
            let again = try Record(decoding: bytes)
            #expect(again == record)
            return bytes
        }
        self.again = { bytes throws(RecordError) in try Record(decoding: bytes).encoded }
    }

    static let all: [RecordKind] = [
        RecordKind("Ballot") { $0.ballot() },
        RecordKind("PartitionID") { $0.partition() },
        RecordKind("ManifestID") { $0.manifestID() },
        RecordKind("VersionID") { $0.versionID() },
        RecordKind("NodeID") { $0.nodeID() },
        RecordKind("BucketID") { $0.bucketID() },
        RecordKind("OperationID") { $0.operation() },
        RecordKind("HybridTime") { $0.time() },
        RecordKind("BucketName") { $0.bucketName() },
        RecordKind("ObjectKey") { $0.objectKey() },
        RecordKind("RegisterKey") { $0.registerKey() },
        RecordKind("RegisterValue") { $0.registerValue() },
        RecordKind("BucketRecord") { $0.bucketRecord() },
        RecordKind("AccessKeysRecord") { $0.accessKeysRecord() },
        RecordKind("LifecycleRules") { $0.lifecycleRules() },
        RecordKind("ChunkName") { $0.chunkName() },
        RecordKind("SegmentRun") { $0.segmentRun() },
        RecordKind("Owner") { $0.owner() },
        RecordKind("Hold") { $0.hold() },
        RecordKind("StorageClass") { $0.storageClass() },
        RecordKind("ManifestRecord") { $0.manifestRecord() },
        RecordKind("ObjectMetadata") { $0.metadata() },
        RecordKind("Checksum") { $0.checksum() },
        RecordKind("VersionContent") { $0.content() },
        RecordKind("Version") { $0.version() },
        RecordKind("UploadID") { $0.uploadID() },
        RecordKind("PartNumber") { $0.partNumber() },
        RecordKind("ChecksumKind") { $0.checksumKind() },
        RecordKind("Upload") { $0.upload() },
        RecordKind("PartRun") { $0.partRun() },
        RecordKind("PartRecord") { $0.partRecord() },
        RecordKind("Entry") { $0.entry() },
        RecordKind("Garbage") { $0.garbage() },
        RecordKind("VersionList") { random in
            var record = random.objectRecord()
            record.versions.append(random.version())
            guard let list = VersionList(record) else { preconditionFailure("no version") }
            return list
        },
        RecordKind("ObjectRecord") { $0.objectRecord() },
        RecordKind("PendingRename") { $0.pendingRename() },
        RecordKind("LayoutNode") { $0.layoutNode() },
        RecordKind("ReplicaEntry") {
            ReplicaEntry(
                partition: $0.partition(),
                node: UInt16.random(in: 0...UInt16.max, using: &$0),
                epoch: $0.next()
            )
        },
        RecordKind("LayoutRecord") { $0.layoutRecord() },
    ]
}
