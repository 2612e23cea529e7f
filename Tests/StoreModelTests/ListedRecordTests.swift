import StoreModel
import TestSupport
import Testing

/// What listings carry of a record, cut out of its bytes where that can be.
struct ListedRecordTests {
    /// What they carry by decoding all of it; nil if it is no record.
    private static func decoded(_ body: [UInt8]) -> ListedRecord? {
        guard let record = try? ObjectRecord(decoding: body) else { return nil }
        if record.incoming != nil { return .unsettled }
        return record.current.map { .version($0.withoutContent.encoded) } ?? .absent
    }

    /// A record of one version, as most are, with little that most do not have.
    private static func usual(_ random: inout SplitMix64) -> ObjectRecord {
        var record = random.objectRecord()
        var version = random.version()
        if !version.isMarker, random.number(0...3) > 0 {
            version.content = .inline(random.bytes(5))
        }
        if random.number(0...3) > 0 { version.parts = [] }
        if random.number(0...3) > 0 { version.tags = [] }
        if random.number(0...3) > 0 { version.access = AccessList(owner: "somebody") }
        if random.number(0...3) > 0 { version.metadata = ObjectMetadata() }
        record.versions = [version]
        if random.number(0...3) > 0 { record.uploads = [] }
        if random.number(0...3) > 0 { record.garbage = [] }
        if random.number(0...3) > 0 { (record.fence, record.pending) = (0, nil) }
        return record
    }

    @Test("What is cut out of a record is what decoding it gives", arguments: UInt64(0)..<300)
    func cut(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for body in [random.objectRecord().encoded, Self.usual(&random).encoded] {
            #expect(try ObjectRecord.listed(in: body) == Self.decoded(body))
        }
    }

    @Test("Damaged bytes that are no record are none here", arguments: UInt64(0)..<40)
    func damage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let body = Self.usual(&random).encoded
        for place in body.indices {
            var damaged = body
            damaged[place] ^= UInt8.random(in: 1...255, using: &random)
            #expect((try? ObjectRecord.listed(in: damaged)) == Self.decoded(damaged))
            let short = Array(body[..<place])
            #expect((try? ObjectRecord.listed(in: short)) == Self.decoded(short))
        }
    }
}
