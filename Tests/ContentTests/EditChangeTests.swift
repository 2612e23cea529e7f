import Content
import Register
import StoreModel
import Testing

struct EditChangeTests {
    private static func record(_ versions: [Version]) -> RegisterValue {
        let record = ObjectRecord(
            versions: versions,
            garbage: [],
            modified: HybridTime(microseconds: 9)
        )
        return RegisterValue.after(nil, body: record.encoded)
    }

    private static func version(_ number: UInt64, isNull: Bool) -> Version {
        Version(
            id: VersionID(high: 0, low: number),
            etag: "e",
            size: 1,
            storageClass: .standard,
            modified: HybridTime(microseconds: number),
            metadata: ObjectMetadata(),
            checksums: [],
            content: .inline([1]),
            isNull: isNull
        )
    }

    private static let versions = [
        version(3, isNull: false), version(2, isNull: true), version(1, isNull: false),
    ]

    private static func apply(
        _ name: VersionName?,
        _ edit: VersionEdit,
        to versions: [Version]
    ) throws -> ChangeDecision<EditChange.Outcome> {
        try EditChange(name, edit).apply(to: Self.record(versions), ballot: ballot(1))
    }

    @Test("An edit changes the version that is meant, and nothing but what is edited")
    func edit() throws {
        let tags = [Tag(key: "kind", value: "cat")]
        let names: [VersionName?] = [nil, .null, .id(VersionID(high: 0, low: 1))]
        for (index, name) in names.enumerated() {
            let changed = try #require(
                written(try Self.apply(name, .tags(tags), to: Self.versions))
            )
            var wanted = Self.versions
            wanted[index].tags = tags
            #expect(changed.outcome == .edited(wanted[index]))
            let body = try #require(changed.body)
            let record = try ObjectRecord(decoding: body)
            #expect(record.versions == wanted)
            #expect(record.modified == HybridTime(microseconds: 9))
        }
    }

    @Test("An edit of one version does not reach the one that has taken its place")
    func replaced() throws {
        let edit = VersionEdit.tags([Tag(key: "kind", value: "cat")])
        func apply(_ expected: UInt64) throws -> ChangeDecision<EditChange.Outcome> {
            try EditChange(nil, edit, ifStill: VersionID(high: 0, low: expected))
                .apply(to: Self.record(Self.versions), ballot: ballot(1))
        }
        #expect(kept(try apply(2)) == .replaced)
        #expect(written(try apply(3)) != nil)
    }

    @Test("What is not there, or is a delete marker, or is so already, is not written")
    func nothing() throws {
        let access = AccessList(grants: [Grant(.everybody, .read)])
        // The id of the null version is nobody's business.
        for name in [
            VersionName.id(VersionID(high: 0, low: 2)), .id(VersionID(high: 9, low: 9)),
        ] {
            #expect(kept(try Self.apply(name, .access(access), to: Self.versions)) == .absent)
        }
        #expect(kept(try Self.apply(nil, .access(access), to: [])) == .absent)
        let marker = Version(
            marker: VersionID(high: 0, low: 4),
            isNull: false,
            modified: HybridTime(microseconds: 1),
            access: AccessList()
        )
        let outcome = kept(try Self.apply(nil, .access(access), to: [marker] + Self.versions))
        #expect(outcome == .marker(marker))
        let same = kept(try Self.apply(.null, .tags([]), to: Self.versions))
        #expect(same == .edited(Self.versions[1]))
    }
}
