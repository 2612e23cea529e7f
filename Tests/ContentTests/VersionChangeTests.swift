import Content
import Register
import StoreModel
import Testing

/// Changes of keys that may have many versions.
struct VersionChangeTests {
    private static func record(_ versions: [Version], garbage: [Garbage] = []) -> ObjectRecord {
        ObjectRecord(
            versions: versions,
            garbage: garbage,
            modified: HybridTime(microseconds: 5_000)
        )
    }

    /// A version of a bucket that keeps them, with content in a manifest held up to `round`.
    private static func lasting(_ number: UInt64, upTo round: UInt64 = 500) -> Version {
        var lasting = version(number, of: manifestID(number), upTo: round)
        lasting.isNull = false
        return lasting
    }

    private static func marker(_ number: UInt64, isNull: Bool = false) -> Version {
        Version(
            marker: entry(number),
            isNull: isNull,
            modified: HybridTime(microseconds: 1),
            access: AccessList()
        )
    }

    private static func put(
        _ version: Version,
        _ condition: WriteCondition = .none,
        on record: ObjectRecord,
        at round: UInt64 = 2_000_000
    ) throws -> ChangeDecision<PutChange.Outcome> {
        try PutChange(version, condition: condition).apply(to: record.value, ballot: ballot(round))
    }

    private static func delete(
        _ deletion: Deletion,
        _ condition: WriteCondition = .none,
        on record: ObjectRecord,
        at round: UInt64 = 2_000_000
    ) throws -> ChangeDecision<DeleteChange.Outcome> {
        let now = HybridTime(microseconds: 9_000)
        return try DeleteChange(deletion, condition: condition, now: now).apply(
            to: record.value,
            ballot: ballot(round)
        )
    }

    private static func after<Outcome>(
        _ decision: ChangeDecision<Outcome>
    ) throws -> ObjectRecord {
        let write = try #require(written(decision))
        return try ObjectRecord(decoding: try #require(write.body))
    }

    @Test("Where versions are kept, a put drops none, at whatever ballot")
    func putKeeps() throws {
        let before = Self.record([Self.lasting(2), version(1, of: manifestID(1), upTo: 500)])
        let after = try Self.after(Self.put(Self.lasting(3), on: before, at: 1))
        #expect(after.versions.map(\.id) == [entry(3), entry(2), entry(1)])
        #expect(after.garbage == [])
        #expect(after.modified > before.modified)
        #expect(after.current?.id == entry(3))
    }

    @Test("Where they are not kept any more, a put drops the null version and no other")
    func putDropsNull() throws {
        let null = version(2, of: manifestID(2), upTo: 500)
        let before = Self.record([Self.lasting(3, upTo: 900), null, Self.lasting(1, upTo: 900)])
        guard case .retry(let above) = try Self.put(version(4), on: before, at: 500) else {
            Issue.record("A fence of 500 would not release a hold up to 500.")
            return
        }
        #expect(above == ballot(500), "What stays does not matter.")
        let after = try Self.after(Self.put(version(4), on: before, at: 501))
        #expect(after.versions.map(\.id) == [entry(4), entry(3), entry(1)])
        #expect(
            after.garbage == [
                Garbage(entry: .version(entry(2)), manifest: manifestID(2), fence: ballot(501))
            ]
        )
    }

    @Test("A key takes its thousandth version, and no other until one is gone")
    func tooMany() throws {
        let versions = (1...UInt64(Limit.versions)).map { number in
            var lasting = version(number)
            lasting.isNull = false
            return lasting
        }
        let full = Self.record(versions)
        let more = Self.lasting(9_999)
        #expect(kept(try Self.put(more, on: full)) == .refused(.tooManyVersions))
        #expect(
            kept(try Self.delete(.hide(Self.marker(9_999)), on: full))
                == .refused(.tooManyVersions)
        )
        let room = try Self.after(Self.delete(.version(entry(7)), on: full))
        #expect(try Self.after(Self.put(more, on: room)).versions.count == Limit.versions)
        var withNull = full
        withNull.versions[3].isNull = true
        let replaced = try Self.after(Self.put(version(9_999), on: withNull))
        #expect(replaced.versions.count == Limit.versions, "One takes the place of another.")
    }

    @Test("A record that would not fit into a register stays as it was")
    func tooLong() throws {
        let bytes = [UInt8](repeating: 1, count: Limit.inlineBytes)
        var record = Self.record([])
        let empty = record.encoded.count
        var long = version(1, .inline(bytes))
        long.isNull = false
        record.versions = [long]
        let size = record.encoded.count - empty
        for number in 2...UInt64((Limit.objectRecordBytes - empty) / size - 1) {
            var next = version(number, .inline(bytes))
            next.isNull = false
            record.versions.append(next)
        }
        var fits = version(9_998, .inline(bytes))
        fits.isNull = false
        let full = try Self.after(Self.put(fits, on: record))
        #expect(full.encoded.count <= Limit.objectRecordBytes)
        var last = version(9_999, .inline(bytes))
        last.isNull = false
        #expect(kept(try Self.put(last, on: full)) == .refused(.tooManyVersions))
        #expect(written(try Self.delete(.version(entry(1)), on: full)) != nil)
    }

    @Test("A delete marker hides what there is, and conditions take it for absence")
    func hide() throws {
        let before = Self.record([Self.lasting(1)])
        let decision = try Self.delete(.hide(Self.marker(2)), on: before, at: 1)
        #expect(written(decision)?.outcome == .hidden(isNull: false))
        let hidden = try Self.after(decision)
        #expect(hidden.versions.map(\.id) == [entry(2), entry(1)])
        #expect(hidden.current == nil && hidden.newest?.isMarker == true)
        let put = try Self.put(Self.lasting(3), .absent, on: hidden)
        #expect(written(put) != nil)
        let other = try Self.put(
            Self.lasting(3),
            .matches(etag: hidden.versions[1].etag),
            on: hidden
        )
        #expect(kept(other) == .refused(.targetMissing))
        let absent = try Self.delete(.hide(Self.marker(1)), on: Self.record([]))
        #expect(try Self.after(absent).versions.map(\.isMarker) == [true])
    }

    @Test("A null marker takes the place of the null version, which goes to the garbage")
    func hideAsNull() throws {
        let null = version(2, of: manifestID(2), upTo: 500)
        let before = Self.record([null, Self.lasting(1, upTo: 900)])
        let marker = Deletion.hide(Self.marker(3, isNull: true))
        guard case .retry(let above) = try Self.delete(marker, on: before, at: 7) else {
            Issue.record("The fence has to lie above the ceiling.")
            return
        }
        #expect(above == ballot(500))
        let decision = try Self.delete(marker, on: before, at: 501)
        #expect(written(decision)?.outcome == .hidden(isNull: true))
        let hidden = try Self.after(decision)
        #expect(hidden.versions.map(\.id) == [entry(3), entry(1)])
        #expect(hidden.garbage.map(\.entry) == [.version(entry(2))])
        let again = try Self.after(
            Self.delete(.hide(Self.marker(4, isNull: true)), on: hidden, at: 502)
        )
        #expect(again.versions.map(\.id) == [entry(4), entry(1)], "A key has one null version.")
    }

    @Test("Deleting a version removes exactly that one, behind a fence above its own ceiling")
    func remove() throws {
        let before = Self.record([
            Self.marker(4), Self.lasting(3, upTo: 900), Self.lasting(2, upTo: 100),
            version(1, of: manifestID(1), upTo: 50),
        ])
        guard case .retry = try Self.delete(.version(entry(2)), on: before, at: 100) else {
            Issue.record("A fence of 100 would not release a hold up to 100.")
            return
        }
        let one = try Self.after(Self.delete(.version(entry(2)), on: before, at: 101))
        #expect(one.versions.map(\.id) == [entry(4), entry(3), entry(1)])
        #expect(
            one.garbage == [
                Garbage(entry: .version(entry(2)), manifest: manifestID(2), fence: ballot(101))
            ]
        )
        let marker = try Self.delete(.version(entry(4)), on: before, at: 1)
        #expect(written(marker)?.outcome == .markerDeleted)
        #expect(try Self.after(marker).current?.id == entry(3), "What was hidden is back.")
        let null = try Self.delete(.null, on: before, at: 51)
        #expect(written(null)?.outcome == .deleted)
        #expect(try Self.after(null).versions.map(\.id) == [entry(4), entry(3), entry(2)])
        #expect(kept(try Self.delete(.version(entry(1)), on: before)) == .absent, "It is null.")
        #expect(kept(try Self.delete(.version(entry(9)), on: before)) == .absent)
    }

    @Test("A condition is one on the version that is deleted")
    func condition() throws {
        var (old, new) = (Self.lasting(1), Self.lasting(2))
        (old.etag, new.etag) = ("old", "new")
        let before = Self.record([new, old])
        let first = Deletion.version(entry(1))
        #expect(
            kept(try Self.delete(first, .matches(etag: "new"), on: before))
                == .refused(.preconditionFailed)
        )
        #expect(written(try Self.delete(first, .matches(etag: "old"), on: before)) != nil)
        let hide = Deletion.hide(Self.marker(3))
        #expect(
            kept(try Self.delete(hide, .matches(etag: "old"), on: before))
                == .refused(.preconditionFailed)
        )
        #expect(written(try Self.delete(hide, .matches(etag: "new"), on: before)) != nil)
    }

    @Test("A key with too much garbage keeps its version until the sweep has caught up")
    func garbageFull() throws {
        let waiting = (0..<UInt64(Limit.garbage)).map {
            Garbage(entry: .version(entry(100 + $0)), manifest: manifestID($0), fence: ballot(3))
        }
        let full = Self.record([Self.lasting(2), Self.lasting(1)], garbage: waiting)
        #expect(
            kept(try Self.delete(.version(entry(1)), on: full)) == .refused(.garbageFull)
        )
        #expect(written(try Self.put(Self.lasting(3), on: full)) != nil, "It drops nothing.")
        #expect(written(try Self.delete(.hide(Self.marker(3)), on: full)) != nil)
    }

    @Test("Deletions and their outcomes have one binary form each")
    func forms() throws {
        let deletions: [Deletion] = [.null, .version(entry(7)), .hide(Self.marker(8))]
        for deletion in deletions {
            let change = DeleteChange(
                deletion,
                condition: .matches(etag: "e"),
                now: HybridTime(microseconds: 3)
            )
            let again = try DeleteChange(decoding: change.encoded)
            #expect(again.deletion == deletion && again.condition == change.condition)
            #expect(again.encoded == change.encoded)
        }
        let outcomes: [DeleteChange.Outcome] = [
            .deleted, .absent, .markerDeleted, .hidden(isNull: true), .hidden(isNull: false),
            .refused(.tooManyVersions),
        ]
        for outcome in outcomes {
            #expect(try DeleteChange.Outcome(decoding: outcome.encoded) == outcome)
        }
        let forged = Deletion.hide(version(1)).encoded
        #expect(throws: RecordError.self) { try Deletion(decoding: forged) }
    }

    @Test("An upload is completed as a put is, whatever the bucket keeps")
    func complete() throws {
        let upload = Upload(
            id: UploadID(high: 0, low: 1),
            manifest: manifestID(9),
            ceiling: ballot(100),
            storageClass: .standard,
            initiated: HybridTime(microseconds: 1),
            checksum: nil,
            metadata: ObjectMetadata()
        )
        var before = Self.record([Self.lasting(2, upTo: 900), version(1)])
        before.uploads = [upload]
        for isNull in [false, true] {
            var made = version(3, of: manifestID(9), upTo: 100)
            made.upload = upload.id
            made.isNull = isNull
            let change = try #require(CompleteUploadChange(made, condition: .none))
            let after = try Self.after(change.apply(to: before.value, ballot: ballot(200)))
            let left = isNull ? [entry(3), entry(2)] : [entry(3), entry(2), entry(1)]
            #expect(after.versions.map(\.id) == left)
            #expect(after.garbage.map(\.entry) == [.upload(upload.id)])
        }
    }
}
