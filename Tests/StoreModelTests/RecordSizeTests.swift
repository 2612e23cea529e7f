import StoreModel
import Testing

/// The largest objects of S3, on paper: their records have to fit into a register's value.
struct RecordSizeTests {
    private static let manifest = ManifestID(
        partition: PartitionID(index: 1),
        birth: Ballot(round: 1, node: 1, incarnation: 1, sequence: 1)
    )

    private static func runs(_ count: Int, length: UInt64) -> [SegmentRun] {
        (0..<count).map {
            SegmentRun(manifest: Self.manifest, part: UInt16($0 % Limit.parts + 1), length: length)
        }
    }

    private static var longestKey: RegisterKey {
        get throws {
            let key = try #require(ObjectKey(String(repeating: "k", count: Limit.keyBytes)))
            return .object(BucketID(1), key)
        }
    }

    /// As many holds by versions of the longest key as may be.
    private static func holds() throws -> [Hold] {
        let key = try Self.longestKey
        let one = Owner.version(key, VersionID(high: 0, low: 0)).encoded.count
        return (0..<UInt64(min(Limit.holders, Limit.holderBytes / one))).map {
            Hold(owner: .version(key, VersionID(high: 0, low: $0)), ceiling: .zero)
        }
    }

    @Test("10,000 parts of 5 GiB, 48.8 TiB, fit into a manifest, with all holders")
    func largestObject() throws {
        let segments = Self.runs(Limit.parts, length: Limit.partBytesMax)
        let bytes = segments.reduce(0) { $0 + $1.length }
        #expect(bytes == 10_000 * 5 << 30)
        #expect(Double(bytes) / Double(1 << 40) > 48.8)
        let record = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: segments,
            borrows: [],
            holds: try Self.holds()
        )
        #expect(segments[0].encoded.count == 40)
        #expect(record.encoded.count < 480_000)
        #expect(record.encoded.count < Limit.registerValueBytes)
    }

    @Test("The most fragmented object fits, too: 30,000 runs and 10,000 sources")
    func mostFragmented() throws {
        let record = ManifestRecord(
            state: .sealed,
            storageClass: .standard,
            segments: Self.runs(Limit.segmentRuns, length: 1),
            borrows: [ManifestID](repeating: Self.manifest, count: Limit.borrows),
            holds: try Self.holds()
        )
        #expect(record.encoded.count < Limit.registerValueBytes / 2)
        #expect(try ManifestRecord(decoding: record.encoded) == record)
    }

    @Test("A key with all the uploads and all the garbage that it may have fits")
    func fullestKey() throws {
        var metadata = ObjectMetadata()
        let header = String(repeating: "h", count: ObjectMetadata.headerBytes)
        metadata.contentType = header
        metadata.cacheControl = header
        metadata.contentDisposition = header
        metadata.contentEncoding = header
        metadata.contentLanguage = header
        metadata.expires = header
        metadata.websiteRedirect = header
        metadata.user = [
            .init(name: "n", value: String(repeating: "v", count: Limit.userMetadataBytes - 1))
        ]
        let upload = Upload(
            id: UploadID(high: 1, low: 1),
            manifest: Self.manifest,
            ceiling: .zero,
            storageClass: .standard,
            initiated: HybridTime(microseconds: 1),
            checksum: ChecksumKind(.sha256, isComposite: true),
            metadata: metadata
        )
        let runs = Self.runs(Limit.inlineRuns, length: 1)
        let version = Version(
            id: VersionID(high: 1, low: 1),
            etag: String(repeating: "e", count: Version.etagBytes),
            size: 1,
            storageClass: .standard,
            modified: HybridTime(microseconds: 1),
            metadata: metadata,
            checksums: [],
            content: .manifest(Self.manifest, segments: runs, digest: 1, ceiling: .zero)
        )
        let garbage = Garbage(entry: .upload(upload.id), manifest: Self.manifest, fence: .zero)
        let record = ObjectRecord(
            versions: [version],
            uploads: [Upload](repeating: upload, count: Limit.uploads),
            garbage: [Garbage](repeating: garbage, count: Limit.garbage),
            modified: HybridTime(microseconds: 1)
        )
        #expect(upload.encoded.count < 31 << 10)
        #expect(record.encoded.count < Limit.registerValueBytes)
    }

    @Test("The largest part's record is small beside a page of them")
    func largestPart() {
        let record = PartRecord(
            of: Self.manifest,
            etag: String(repeating: "e", count: Version.etagBytes),
            size: Limit.partBytesMax,
            modified: HybridTime(microseconds: 1),
            checksums: [],
            segments: Self.runs(Limit.partRuns, length: Limit.partBytesMin),
            source: Self.manifest,
            borrowed: [ManifestID](repeating: Self.manifest, count: Limit.partBorrows)
        )
        #expect(record.encoded.count < 42_000)
    }
}
