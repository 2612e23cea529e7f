import Content
import Register
import StoreModel

/// A ballot of some round.
func ballot(_ round: UInt64, _ node: UInt16 = 1) -> Ballot {
    Ballot(round: round, node: node, incarnation: 1, sequence: 1)
}

func manifestID(_ round: UInt64) -> ManifestID {
    ManifestID(partition: PartitionID(index: 7), birth: ballot(round))
}

func entry(_ number: UInt64) -> VersionID { VersionID(high: 0, low: number) }

func key(_ text: String) -> RegisterKey {
    guard let key = ObjectKey(text) else { preconditionFailure("No key: \(text)") }
    return .object(BucketID(1), key)
}

func owner(_ text: String, _ number: UInt64) -> Owner { .version(key(text), entry(number)) }

func hold(_ owner: Owner, upTo round: UInt64) -> Hold {
    Hold(owner: owner, ceiling: ballot(round))
}

func segments(of manifest: ManifestID) -> [SegmentRun] {
    [SegmentRun(manifest: manifest, length: 5_000_000)]
}

func sealed(_ manifest: ManifestID, _ holds: Hold...) -> ManifestRecord {
    ManifestRecord(
        state: .sealed,
        storageClass: .standard,
        segments: segments(of: manifest),
        borrows: [],
        holds: holds
    )
}

func digest(of manifest: ManifestID) -> UInt64 {
    ManifestRecord.digest(of: segments(of: manifest))
}

/// A version whose content is a manifest, held up to a round.
func version(_ number: UInt64, of manifest: ManifestID, upTo round: UInt64) -> Version {
    version(
        number,
        .manifest(
            manifest,
            segments: segments(of: manifest),
            digest: digest(of: manifest),
            ceiling: ballot(round)
        )
    )
}

func version(_ number: UInt64, _ content: VersionContent = .inline([1])) -> Version {
    Version(
        id: entry(number),
        etag: "etag\(number)",
        size: 1,
        storageClass: .standard,
        modified: HybridTime(microseconds: 1_000),
        metadata: ObjectMetadata(),
        checksums: [],
        content: content
    )
}

extension RegisterValue {
    /// The value after one more change.
    static func after(
        _ base: RegisterValue?,
        _ operation: OperationID = OperationID(1),
        body: [UInt8]?,
        hasGarbage: Bool = false
    ) -> RegisterValue {
        RegisterValue(
            changeNumber: (base?.changeNumber ?? 0) + 1,
            lineage: ((base?.lineage ?? []) + [operation]).suffix(Limit.lineage),
            body: body,
            hasGarbage: hasGarbage
        )
    }
}

extension ObjectRecord {
    var value: RegisterValue {
        .after(nil, body: self.encoded, hasGarbage: !self.garbage.isEmpty)
    }
}

/// What a change wants written, with its outcome; nil if it wants nothing written.
func written<Outcome>(
    _ decision: ChangeDecision<Outcome>
) -> (body: [UInt8]?, hasGarbage: Bool, outcome: Outcome)? {
    guard case .write(let body, let hasGarbage, _, let outcome) = decision else { return nil }
    return (body, hasGarbage, outcome)
}

func kept<Outcome>(_ decision: ChangeDecision<Outcome>) -> Outcome? {
    guard case .keep(let outcome) = decision else { return nil }
    return outcome
}
