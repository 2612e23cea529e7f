import MetadataStore
import PeerProtocol
import Register
import Runtime
import StoreModel

/// Reads one page of rows, as ``ScanRequest`` describes it.
///
/// Bounded in every direction: rows reported, bytes of the page, and rows looked at. What was
/// looked at last is where the next page starts, reported or not.
struct RowScan: Sendable {
    /// Most bytes of a page but for its last row: far below what a message takes.
    static let pageBytes = 2 << 20
    /// Rows looked at for one page; dead rows of a group are, and are not reported.
    private static let lookedAtMax = 10 * Limit.scanRows
    /// Rows found by their marks that are read at once.
    private static let garbageRows = 8
    private static let tombstoneRows = 256
    /// Rows of a group that are passed over one by one.
    private static let passedOverMax = 2
    /// Bytes of a row on the wire besides its content: length and longest key, ballot, tag, length.
    private static let envelopeBytes = 4 + RegisterKey.longestRow + Ballot.byteCount + 1 + 4

    private let rows: MetadataStore
    private let kept: KeptPartitions
    private let request: ScanRequest

    private var page: [ScannedRow] = []
    private var bytes = 0
    private var lookedAt = 0
    private var last: [UInt8]?
    /// Where names begin in the keys of rows.
    private var nameStart = 0
    /// Whether there are rows behind the page.
    private var isCut = false
    /// The group of which a live key has been reported: the others are passed over.
    private var doneGroup: [UInt8]?
    /// How many of them have been.
    private var passedOver = 0

    init(_ rows: MetadataStore, kept: KeptPartitions, _ request: ScanRequest) {
        self.rows = rows
        self.kept = kept
        self.request = request
    }

    mutating func run() async throws(MetadataError) -> ScanPage {
        switch self.request.subject {
        case .objects(let bucket, let prefix, let delimiter),
            .uploads(let bucket, let prefix, let delimiter),
            .versions(let bucket, let prefix, let delimiter):
            return try await self.objects(of: bucket, prefix, delimiter)
        case .judged(let bucket, let prefix):
            return try await self.objects(of: bucket, prefix, nil)
        case .parts(let bucket, let upload):
            let rowPrefix = RowRange.parts(of: upload, in: bucket)
            return try await self.range(
                from: rowPrefix + (self.request.after.map { $0 + [0] } ?? []),
                to: CommonPrefix.end(of: rowPrefix),
                nameStart: rowPrefix.count
            )
        case .buckets:
            let first = self.request.after.map { $0 + [0] } ?? []
            return try await self.range(
                from: RowRange.buckets + first,
                to: CommonPrefix.end(of: RowRange.buckets),
                nameStart: RowRange.buckets.count
            )
        case .garbage: return try await self.garbage()
        case .tombstones(let round): return try await self.tombstones(before: round)
        case .damaged(let all): return try await self.damaged(all: all)
        case .unconfirmed, .manifests: return try await self.rows(of: RowRange.manifests)
        case .contents: return try await self.rows(of: RowRange.objects)
        case .partRows: return try await self.rows(of: RowRange.parts)
        // Those are no rows.
        case .chunkManifests: return ScanPage(rows: [], next: nil)
        }
    }

    private mutating func objects(
        of bucket: BucketID,
        _ prefix: [UInt8],
        _ delimiter: [UInt8]?
    ) async throws(MetadataError) -> ScanPage {
        let rowPrefix = RowRange.objects(of: bucket)
        guard let first = self.first(prefix, delimiter) else {
            return ScanPage(rows: [], next: nil)
        }
        return try await self.range(
            from: rowPrefix + first,
            to: CommonPrefix.end(of: rowPrefix + prefix),
            nameStart: rowPrefix.count
        )
    }

    /// The first key that is asked for; nil if there can be none.
    private func first(_ prefix: [UInt8], _ delimiter: [UInt8]?) -> [UInt8]? {
        guard let after = self.request.after else { return prefix }
        let isGroup = delimiter.map { delimiter in
            CommonPrefix.of(after, prefix: prefix, delimiter: delimiter) == after
        }
        guard let behind = isGroup == true ? CommonPrefix.end(of: after) : after + [0] else {
            return nil
        }
        return behind.lexicographicallyPrecedes(prefix) ? prefix : behind
    }

    /// Looks at the rows of a range until the page is full, in one walk over them.
    ///
    /// Pages are continued by names, which begin at `nameStart` in a row's key.
    private mutating func range(
        from start: [UInt8],
        to end: [UInt8]?,
        nameStart: Int
    ) async throws(MetadataError) -> ScanPage {
        self.nameStart = nameStart
        self = try await self.rows.walk(from: start, to: end, self) { scan, key in
            scan.pass(key)
        } visit: { scan, row in
            scan.look(at: row)
        }
        return ScanPage(rows: self.page, next: self.isCut ? self.last : nil)
    }

    private var isFull: Bool {
        self.page.count >= self.request.limit || self.bytes >= Self.pageBytes
            || self.lookedAt >= Self.lookedAtMax
    }

    /// Where to go on without reading the row of that key; nil if it is to be read.
    ///
    /// A group whose first live key has been found is left behind: row by row at first, since most
    /// groups of which there are many are small, and then in one leap.
    private mutating func pass(_ key: RawSpan) -> WalkStep? {
        if self.isFull {
            self.isCut = true
            return .stop
        }
        guard let group = self.doneGroup else { return nil }
        guard key.starts(with: group, at: self.nameStart) else {
            self.doneGroup = nil
            return nil
        }
        self.lookedAt += 1
        self.passedOver += 1
        let row = [UInt8](key)
        self.last = Array(row[self.nameStart...])
        guard self.passedOver >= Self.passedOverMax else { return .next }
        return CommonPrefix.end(of: row[..<self.nameStart] + group).map { .seek($0) } ?? .stop
    }

    private mutating func look(at row: StoredRow) -> WalkStep {
        self.lookedAt += 1
        let name = Array(row.key[self.nameStart...])
        self.last = name
        guard let scanned = self.scanned(row) else { return .next }
        if let (prefix, delimiter) = self.request.grouping,
            let group = CommonPrefix.of(name, prefix: prefix, delimiter: delimiter)
        {
            switch scanned.content {
            case .dead: return .next
            case .live:
                self.doneGroup = group
                self.passedOver = 0
            case .corrupt, .unsettled: break
            }
        }
        self.report(scanned)
        return .next
    }

    private mutating func report(_ row: ScannedRow) {
        self.page.append(row)
        self.bytes += Self.envelopeBytes
        if case .live(let record) = row.content { self.bytes += record.count }
    }

    /// What a row says; nil if it is no evidence of this replica.
    private func scanned(_ row: StoredRow) -> ScannedRow? {
        // A key that cannot be read belongs to no register: nobody will ever ask for it.
        guard let key = try? RegisterKey(row: row.key), self.kept.contains(key.partition) else {
            return nil
        }
        switch row.content {
        case .corrupt: return ScannedRow(key: key, accepted: .zero, content: .corrupt)
        case .row(let content):
            guard !self.isForDamaged, let value = content.value else { return nil }
            let reported: ScannedRow.Content
            switch self.request.subject {
            case .unconfirmed:
                guard let record = Self.unconfirmed(value) else { return nil }
                reported = .live(record)
            case .contents:
                guard Self.namesManifest(value) else { return nil }
                reported = .live([])
            case .manifests: reported = value.body.map { .live($0) } ?? .dead
            default: reported = self.content(of: key, value)
            }
            return ScannedRow(key: key, accepted: content.accepted, content: reported)
        }
    }

    private func content(of key: RegisterKey, _ value: RegisterValue) -> ScannedRow.Content {
        guard let body = value.body else { return .dead }
        switch key {
        case .bucket, .part: return .live(body)
        case .manifest, .layout, .accessKeys: return .live([])
        case .object:
            if case .objects = self.request.subject { return Self.listed(body) }
            guard let record = try? ObjectRecord(decoding: body) else { return .corrupt }
            switch self.request.subject {
            case .uploads: return UploadList(record).map { .live($0.encoded) } ?? .dead
            case .versions where record.incoming != nil: return .unsettled
            case .versions: return VersionList(record).map { .live($0.encoded) } ?? .dead
            case .judged:
                let isEmpty = record.versions.isEmpty && record.uploads.isEmpty
                return isEmpty ? .dead : .live(record.asJudged.encoded)
            default: return record.current.map { .live($0.withoutContent.encoded) } ?? .dead
            }
        }
    }

    private static func listed(_ body: [UInt8]) -> ScannedRow.Content {
        switch try? ObjectRecord.listed(in: body) {
        case .version(let version)?: .live(version)
        case .unsettled?: .unsettled
        case .absent?: .dead
        case nil: .corrupt
        }
    }

    private mutating func garbage() async throws(MetadataError) -> ScanPage {
        self.last = self.request.after
        while true {
            let left = self.request.limit - self.page.count
            let batch = try await self.rows.garbage(
                after: self.last,
                limit: min(left, Self.garbageRows)
            )
            guard !batch.isEmpty else { return ScanPage(rows: self.page, next: nil) }
            for row in batch {
                self.lookedAt += 1
                self.last = row.key
                if let scanned = self.scanned(row) { self.report(scanned) }
            }
            if self.isFull { return ScanPage(rows: self.page, next: self.last) }
        }
    }
}

extension RowScan {
    private var isForDamaged: Bool {
        if case .damaged = self.request.subject { return true }
        return false
    }

    private mutating func tombstones(before round: UInt64) async throws(MetadataError) -> ScanPage {
        var after: (round: UInt64, row: [UInt8])?
        if let marker = self.request.after {
            var reader = ByteReader(marker)
            guard let round = try? reader.read(UInt64.self),
                let row = try? reader.readRaw(reader.left)
            else { return ScanPage(rows: [], next: nil) }
            after = (round, Array(row))
        }
        while true {
            let batch = try await self.rows.tombstones(
                before: round,
                after: after,
                limit: min(self.request.limit - self.page.count, Self.tombstoneRows)
            )
            guard !batch.isEmpty else { return ScanPage(rows: self.page, next: nil) }
            for row in batch {
                self.lookedAt += 1
                guard case .row(let content) = row.content else { continue }
                after = (content.accepted.round, row.key)
                if let scanned = self.scanned(row) { self.report(scanned) }
            }
            guard let last = after else { return ScanPage(rows: self.page, next: nil) }
            if self.isFull {
                var writer = ByteWriter()
                writer.write(last.round)
                writer.writeRaw(last.row)
                return ScanPage(rows: self.page, next: writer.bytes)
            }
        }
    }

    private mutating func damaged(all: Bool) async throws(MetadataError) -> ScanPage {
        guard !all else {
            return try await self.range(
                from: self.request.after.map { $0 + [0] } ?? [],
                to: nil,
                nameStart: 0
            )
        }
        for row in self.rows.damagedRows {
            if let after = self.request.after, !after.lexicographicallyPrecedes(row) { continue }
            if self.isFull { return ScanPage(rows: self.page, next: self.last) }
            self.last = row
            if let scanned = self.scanned(StoredRow(key: row, content: .corrupt)) {
                self.report(scanned)
            }
        }
        return ScanPage(rows: self.page, next: nil)
    }
}

/// What audits look for.
extension RowScan {
    /// All rows that begin like this, those that are not reported looked at as well.
    private mutating func rows(of prefix: [UInt8]) async throws(MetadataError) -> ScanPage {
        try await self.range(
            from: self.request.after.map { $0 + [0] } ?? prefix,
            to: CommonPrefix.end(of: prefix),
            nameStart: 0
        )
    }

    /// The record of a manifest with holds that are not confirmed; nil for any other.
    private static func unconfirmed(_ value: RegisterValue) -> [UInt8]? {
        guard let body = value.body, let record = try? ManifestRecord(decoding: body) else {
            return nil
        }
        return record.holds.contains { !$0.confirmed } ? body : nil
    }

    private static func namesManifest(_ value: RegisterValue) -> Bool {
        guard let body = value.body, let record = try? ObjectRecord(decoding: body) else {
            return false
        }
        return record.holders.contains { version in
            if case .manifest = version.content { true } else { false }
        }
    }
}

/// Where rows of one sort begin.
enum RowRange {
    /// The tag of an object's key (``RegisterKey``).
    static let objects: [UInt8] = [0x10]
    /// The tag of a part of an upload.
    static let parts: [UInt8] = [0x18]
    /// The tag of a manifest.
    static let manifests: [UInt8] = [0x20]
    /// The tag of a bucket's name (``RegisterKey``).
    static let buckets: [UInt8] = [0x40]

    static func objects(of bucket: BucketID) -> [UInt8] { Self.objects + bucket.encoded }

    static func parts(of upload: UploadID, in bucket: BucketID) -> [UInt8] {
        Self.parts + bucket.encoded + upload.encoded
    }
}
