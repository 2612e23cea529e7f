import Content
import Register
import StoreModel
import Testing

/// What lifecycle rules say of one key, and what is done about it.
struct LifecycleTests {
    private static let key = "logs/a"
    /// Days of 100 µs.
    private static let day = LifecycleDay(microseconds: 100)

    private static func objectKey() throws -> ObjectKey { try #require(ObjectKey(Self.key)) }

    private static func clock(_ now: UInt64) -> LifecycleClock {
        LifecycleClock(now: HybridTime(microseconds: now), day: Self.day)
    }

    private static func made(_ number: UInt64, at time: UInt64, tags: [StoreModel.Tag] = [])
        -> Version
    {
        var made = version(number)
        made.isNull = false
        made.size = 10
        made.modified = HybridTime(microseconds: time)
        made.tags = tags
        return made
    }

    private static func marker(_ number: UInt64, at time: UInt64) -> Version {
        Version(
            marker: entry(number),
            isNull: false,
            modified: HybridTime(microseconds: time),
            access: AccessList()
        )
    }

    private static func upload(_ number: UInt64, at time: UInt64) -> Upload {
        Upload(
            id: UploadID(high: 0, low: number),
            manifest: manifestID(number),
            ceiling: ballot(500),
            storageClass: .standard,
            initiated: HybridTime(microseconds: time),
            checksum: nil,
            metadata: ObjectMetadata()
        )
    }

    private static func record(_ versions: [Version], uploads: [Upload] = []) -> ObjectRecord {
        ObjectRecord(
            versions: versions,
            uploads: uploads,
            garbage: [],
            modified: HybridTime(microseconds: 5_000)
        )
    }

    private static func verdict(
        _ rule: LifecycleRule,
        _ record: ObjectRecord,
        now: UInt64
    ) throws -> LifecycleVerdict {
        LifecycleRules([rule]).verdict(
            on: record,
            of: try Self.objectKey(),
            at: Self.clock(now)
        )
    }

    @Test("A day ends at the next midnight, and days beyond all time never do")
    func days() {
        func end(_ days: UInt32, _ start: UInt64) -> UInt64 {
            Self.day.end(of: days, after: HybridTime(microseconds: start)).microseconds
        }
        #expect(end(1, 1_000) == 1_100 && end(1, 1_001) == 1_200 && end(3, 1_099) == 1_400)
        #expect(end(.max, .max - 10) == .max && end(1, .max - 50) == .max)
        let long = LifecycleDay(microseconds: .max)
        #expect(long.end(of: 2, after: HybridTime(microseconds: 1)).microseconds == .max)
    }

    @Test("A current version goes when it is old, not before, and only if the filter is about it")
    func current() throws {
        let tag = StoreModel.Tag(key: "k", value: "v")
        let record = Self.record([Self.made(1, at: 1_050, tags: [tag])])
        func goes(_ filter: LifecycleFilter, now: UInt64, isEnabled: Bool = true) throws -> Bool {
            let rule = LifecycleRule(
                id: "r",
                isEnabled: isEnabled,
                filter: filter,
                expiration: .days(1)
            )
            let verdict = try Self.verdict(rule, record, now: now)
            #expect(verdict.isEmpty == (verdict.current == nil))
            return verdict.current == entry(1)
        }
        #expect(try goes(LifecycleFilter(), now: 1_200))
        #expect(try !goes(LifecycleFilter(), now: 1_199))
        #expect(try !goes(LifecycleFilter(), now: 1_200, isEnabled: false))
        for right in [
            LifecycleFilter(prefix: "logs/"), LifecycleFilter(tags: [tag]),
            LifecycleFilter(sizeAbove: 9), LifecycleFilter(sizeBelow: 11),
            LifecycleFilter(form: .all, prefix: "logs/", tags: [tag], sizeAbove: 9, sizeBelow: 11),
        ] {
            #expect(try goes(right, now: 1_200), "\(right)")
        }
        for wrong in [
            LifecycleFilter(prefix: "log/"),
            LifecycleFilter(tags: [StoreModel.Tag(key: "k", value: "w")]),
            LifecycleFilter(sizeAbove: 10), LifecycleFilter(sizeBelow: 10),
            LifecycleFilter(form: .all, prefix: "x", tags: [tag]),
        ] {
            #expect(try !goes(wrong, now: 1_200), "\(wrong)")
        }
        let dated = LifecycleRule(
            id: "d",
            expiration: .date(HybridTime(microseconds: 2_000))
        )
        #expect(try Self.verdict(dated, record, now: 1_999).isEmpty)
        #expect(try Self.verdict(dated, record, now: 2_000).current == entry(1))
    }

    @Test("Old versions go by the time at which they were replaced, but for the newest of them")
    func noncurrent() throws {
        let record = Self.record([
            Self.made(4, at: 1_350), Self.made(3, at: 1_250), Self.marker(2, at: 1_050),
            Self.made(1, at: 1_000),
        ])
        func gone(kept: UInt32?, now: UInt64) throws -> [VersionID] {
            let rule = LifecycleRule(id: "r", noncurrent: .init(days: 1, kept: kept))
            return try Self.verdict(rule, record, now: now).versions
        }
        #expect(try gone(kept: nil, now: 1_199) == [])
        #expect(try gone(kept: nil, now: 1_200) == [entry(1)])
        #expect(try gone(kept: nil, now: 1_400) == [entry(2), entry(1)])
        #expect(try gone(kept: nil, now: 1_500) == [entry(3), entry(2), entry(1)])
        #expect(try gone(kept: 2, now: 1_500) == [entry(1)])
        #expect(try gone(kept: 3, now: 9_000) == [])
    }

    @Test("A delete marker goes if it hides nothing and a rule about markers or ages says so")
    func markers() throws {
        let alone = Self.record([Self.marker(2, at: 1_050)])
        let hiding = Self.record([Self.marker(2, at: 1_050), Self.made(1, at: 1_000)])
        let always = LifecycleRule(id: "r", expiration: .markers(true))
        let never = LifecycleRule(id: "r", expiration: .markers(false))
        let aged = LifecycleRule(id: "r", expiration: .days(1))
        let tagged = LifecycleRule(
            id: "r",
            filter: LifecycleFilter(tags: [StoreModel.Tag(key: "k", value: "v")]),
            expiration: .days(1)
        )
        #expect(try Self.verdict(always, alone, now: 1_060).versions == [entry(2)])
        #expect(try Self.verdict(always, hiding, now: 9_000).isEmpty)
        #expect(try Self.verdict(never, alone, now: 9_000).isEmpty)
        #expect(try Self.verdict(aged, alone, now: 1_199).isEmpty)
        #expect(try Self.verdict(aged, alone, now: 1_200).versions == [entry(2)])
        #expect(try Self.verdict(aged, hiding, now: 9_000).isEmpty)
        #expect(try Self.verdict(tagged, alone, now: 9_000).isEmpty)
    }

    @Test("What goes is judged by the record that is found, whatever was there before")
    func found() throws {
        let rules = LifecycleRules([
            LifecycleRule(id: "r", expiration: .days(1), noncurrent: .init(days: 1), abortDays: 1)
        ])
        let key = try Self.objectKey()
        let old = Self.record([Self.made(1, at: 1_050)], uploads: [Self.upload(7, at: 1_050)])
        let now = Self.clock(1_250)
        #expect(!rules.verdict(on: old, of: key, at: now).isEmpty)
        let young = Self.record([Self.made(2, at: 1_240)], uploads: [Self.upload(8, at: 1_240)])
        let change = ExpireChange(key, by: rules, at: now, behind: nil)
        for value in [young.value, nil] as [RegisterValue?] {
            let decision = try change.apply(to: value, ballot: ballot(9_000))
            #expect(kept(decision) == ExpireChange.Outcome())
        }
        let gone = try #require(written(try change.apply(to: old.value, ballot: ballot(9_000))))
        #expect(gone.outcome.objects == 1 && gone.outcome.uploads == 1)
        let after = try ObjectRecord(decoding: try #require(gone.body))
        #expect(after.versions.isEmpty && after.uploads.isEmpty)
        #expect(after.garbage.map(\.entry) == [.upload(UploadID(high: 0, low: 7))])
        let again = try change.apply(to: after.value, ballot: ballot(9_001))
        #expect(kept(again) == ExpireChange.Outcome())
    }

    @Test("Where versions are kept a marker hides what has expired")
    func hide() throws {
        let key = try Self.objectKey()
        let rules = LifecycleRules([LifecycleRule(id: "r", expiration: .days(1))])
        let change = ExpireChange(
            key,
            by: rules,
            at: Self.clock(1_250),
            behind: Self.marker(9, at: 1_250)
        )
        let record = Self.record([Self.made(1, at: 1_050)])
        let hidden = try #require(
            written(try change.apply(to: record.value, ballot: ballot(9_000)))
        )
        let after = try ObjectRecord(decoding: try #require(hidden.body))
        #expect(after.versions.map(\.id) == [entry(9), entry(1)] && after.current == nil)
        #expect(after.versions[0].modified > record.modified)
        let again = try change.apply(to: after.value, ballot: ballot(9_001))
        #expect(kept(again) == ExpireChange.Outcome())
    }

    @Test("One change removes so many, above all their ceilings, and leaves what has no room")
    func bounds() throws {
        let key = try Self.objectKey()
        let rules = LifecycleRules([
            LifecycleRule(id: "r", expiration: .days(1), noncurrent: .init(days: 1))
        ])
        let many = (0..<Limit.versions).map { number -> Version in
            var old = version(UInt64(number), of: manifestID(UInt64(number)), upTo: 700)
            old.isNull = false
            old.modified = HybridTime(microseconds: 5_000 - UInt64(number))
            return old
        }
        let change = ExpireChange(
            key,
            by: rules,
            at: Self.clock(9_000),
            behind: Self.marker(9_999, at: 9_000)
        )
        var record = Self.record(many)
        guard case .retry(let ceiling) = try change.apply(to: record.value, ballot: ballot(600))
        else {
            Issue.record("It is not above the ceilings.")
            return
        }
        #expect(ceiling == ballot(700))
        var changes = 0
        while changes < 10 {
            let decision = try change.apply(to: record.value, ballot: ballot(9_000))
            guard let write = written(decision) else { break }
            changes += 1
            #expect(write.outcome.versions + write.outcome.objects <= ExpireChange.entriesMax)
            record = try ObjectRecord(decoding: try #require(write.body))
            record.garbage = []
        }
        #expect(changes == 5 && record.versions.count == 2 && record.current == nil)
        var full = Self.record(Array(many.prefix(3)))
        full.garbage = (0..<Limit.garbage).map {
            Garbage(
                entry: .version(entry(UInt64($0))),
                manifest: manifestID(1),
                fence: ballot(1)
            )
        }
        let hidden = try #require(written(try change.apply(to: full.value, ballot: ballot(9_000))))
        #expect(hidden.outcome.objects == 1 && hidden.outcome.versions == 0)
        #expect(hidden.outcome.refusal == .garbageFull)
    }
}
