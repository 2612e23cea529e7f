import Content
import PeerProtocol
import Register
import StoreModel
import Wire

@testable import ChunkStore
@testable import MetadataStore
@testable import S3Gateway

/// Rows and records as disks keep and peers send them: a byte for the sort, then the bytes.
///
/// * A record that is taken has one form: it is written as it was read.
/// * A sealed row opens under its key, and with no other bit in it.
/// * What was taken can be worked with: nothing in it is so large that computing with it fails.
enum RowTarget {
    private struct Sort: Sendable {
        let check: @Sendable ([UInt8]) throws -> Void

        init<Record: BinaryRecord>(
            _ record: Record.Type,
            _ use: @escaping @Sendable (Record) throws -> Void = { _ in }
        ) {
            self.check = { bytes in
                guard let record = try? Record(decoding: bytes) else { return }
                try demand(record.encoded == bytes, "another form: \(record)")
                try use(record)
            }
        }
    }

    /// In the order of their numbers in inputs that are kept: new ones come last.
    private static let sorts: [Sort] = [
        Sort(AcceptorRow.self) { $0.checkInvariants() },
        Sort(RegisterValue.self),
        Sort(RegisterRequest.self),
        Sort(RegisterReply.self),
        Sort(RegisterKey.self, Self.checkKey),
        Sort(ObjectRecord.self, Self.checkObject),
        Sort(BucketRecord.self),
        Sort(PartRecord.self),
        Sort(LayoutRecord.self),
        Sort(AccessKeysRecord.self),
        Sort(VersionList.self) { try $0.versions.forEach(Self.checkVersion) },
        Sort(UploadList.self),
        Sort(LifecycleRules.self) { _ = LifecycleDocument.document($0) },
        Sort(HeldRow.self),
        Sort(PartitionFloors.self),
        Sort(RowDigest.self),
        Sort(PutChange.self),
        Sort(PutChange.Outcome.self),
        Sort(DeleteChange.self),
        Sort(DeleteChange.Outcome.self),
        Sort(IndexRow.self) { try demand($0.recordBytes > 0, "an empty record") },
        Sort(VolumeRow.self),
        Sort(Tombstone.self),
        Sort(ScrubMark.self),
        Sort(TailRow.self),
        Sort(Identity.self),
        Sort(FloorDomain.self),
        Sort(PromiseCeiling.self),
    ]

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let number = Int(input.byte())
        if number < Self.sorts.count {
            try Self.sorts[number].check(input.bytes)
        } else {
            try Self.checkSeal(input.bytes)
        }
    }

    private static func checkKey(_ key: RegisterKey) throws {
        try demand(try RegisterKey(row: key.row) == key, "another key: \(key)")
        try demand((0..<RowDigest.ranges).contains(RowDigest.range(of: key.row)), "no range")
        _ = key.partition
    }

    private static func checkObject(_ record: ObjectRecord) throws {
        try record.versions.forEach(Self.checkVersion)
        let ballot = Ballot(round: 1 << 60, node: 1, incarnation: 1, sequence: 1)
        let value = RegisterValue(
            changeNumber: 1,
            lineage: [],
            body: record.encoded,
            hasGarbage: !record.garbage.isEmpty
        )
        let id = record.versions.last?.id ?? VersionID(high: 1, low: 1)
        let now = HybridTime(microseconds: 7)
        for isNull in [true, false] {
            let marker = Version(
                marker: VersionID(high: 7, low: 7),
                isNull: isNull,
                modified: now,
                access: AccessList()
            )
            for deletion in [Deletion.hide(marker), .null, .version(id)] {
                let change = DeleteChange(deletion, condition: .none, now: now)
                let decision = try change.apply(to: value, ballot: ballot)
                guard case .write(let body?, _, _, _) = decision else { continue }
                let written = try ObjectRecord(decoding: body)
                try demand(written.modified >= record.modified, "time goes back: \(record)")
            }
        }
    }

    private static func checkVersion(_ version: Version) throws {
        var start: UInt64 = 0
        for place in 1...max(1, min(version.parts.parts, 100)) {
            guard let range = version.parts.range(of: place) else { break }
            try demand(range.lowerBound == start, "a gap between parts: \(version.parts)")
            start = range.upperBound
        }
        try demand(version.parts.isEmpty || start <= version.size, "parts beyond the end")
        try demand(version.parts.range(of: version.parts.parts + 1) == nil, "one part more")
    }

    private static func checkSeal(_ bytes: [UInt8]) throws {
        let key = Array(bytes.prefix(3))
        _ = try? SealedRow.open(bytes, under: key)
        var sealed = SealedRow.seal(bytes, under: key)
        let opened = try SealedRow.open(sealed, under: key)
        try demand(opened.left == bytes.count, "another length")
        let index = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % sealed.count
        sealed[index] ^= 1 << (UInt8(truncatingIfNeeded: bytes.count) & 7)
        try demand((try? SealedRow.open(sealed, under: key)) == nil, "a turned bit: \(index)")
    }
}
