import Content
import Register
import StoreModel
import Testing

struct UploadChangeTests {
    private static let manifest = manifestID(10)
    private static let id = UploadID(high: 7, low: 1)

    private static func upload(_ id: UploadID = Self.id, upTo round: UInt64 = 500) -> Upload {
        Upload(
            id: id,
            manifest: Self.manifest,
            ceiling: ballot(round),
            storageClass: .standard,
            initiated: HybridTime(microseconds: 4_000),
            checksum: nil,
            metadata: ObjectMetadata()
        )
    }

    private static func record(
        _ uploads: [Upload],
        _ versions: [Version] = [],
        garbage: [Garbage] = []
    ) -> ObjectRecord {
        ObjectRecord(
            versions: versions,
            uploads: uploads,
            garbage: garbage,
            modified: HybridTime(microseconds: 5_000)
        )
    }

    /// The version that the upload is to become.
    private static func made(_ number: UInt64 = 9, etag: String = "etag-2") -> Version {
        var made = version(number, of: Self.manifest, upTo: 600)
        made.etag = etag
        made.upload = Self.id
        return made
    }

    private static func complete(
        _ version: Version,
        _ condition: WriteCondition = .none,
        on record: ObjectRecord,
        at round: UInt64 = 2_000_000
    ) throws -> ChangeDecision<CompleteUploadChange.Outcome> {
        let change = try #require(CompleteUploadChange(version, condition: condition))
        return try change.apply(to: record.value, ballot: ballot(round))
    }

    private static func recordWritten<Outcome>(
        by decision: ChangeDecision<Outcome>
    ) throws -> ObjectRecord {
        let write = try #require(written(decision))
        let record = try ObjectRecord(decoding: try #require(write.body))
        #expect(write.hasGarbage == !record.garbage.isEmpty)
        return record
    }

    private static let closed = Garbage(
        entry: .upload(id),
        manifest: manifest,
        fence: ballot(2_000_000)
    )

    @Test("Opening adds an upload with a ceiling above its ballot, in order, and hides no version")
    func open() throws {
        var record = Self.record([], [version(1)])
        for low: UInt64 in [3, 1, 2] {
            let change = OpenUploadChange(Self.upload(UploadID(high: 7, low: low)))
            record = try Self.recordWritten(
                by: change.apply(to: record.value, ballot: ballot(1_000))
            )
        }
        #expect(record.uploads.map(\.id.low) == [1, 2, 3])
        #expect(record.uploads.allSatisfy { $0.ceiling == ballot(1_000).ceiling })
        #expect(record.current?.id == entry(1))
    }

    @Test("No more uploads of a key are open than may be")
    func full() throws {
        let many = (0..<UInt64(Limit.uploads)).map { Self.upload(UploadID(high: 1, low: $0)) }
        let change = OpenUploadChange(Self.upload())
        let decision = try change.apply(
            to: Self.record(many).value,
            ballot: ballot(1_000)
        )
        #expect(kept(decision) == .full)
    }

    @Test("Completing closes the upload, drops what was there and adds the version, in one change")
    func complete() throws {
        let old = manifestID(3)
        let before = Self.record([Self.upload()], [version(1, of: old, upTo: 700)])
        let after = try Self.recordWritten(by: Self.complete(Self.made(), on: before))
        #expect(after.versions.map(\.id) == [entry(9)])
        #expect(after.uploads == [])
        #expect(
            after.garbage == [
                Self.closed,
                Garbage(entry: .version(entry(1)), manifest: old, fence: ballot(2_000_000)),
            ]
        )
        #expect(after.names(Self.manifest, entry: .version(entry(9))))
        #expect(!after.names(Self.manifest, entry: .upload(Self.id)))
        #expect(before.names(Self.manifest, entry: .upload(Self.id)))
        #expect(!before.names(old, entry: .upload(Self.id)))
    }

    @Test("Another upload of the key stays open")
    func others() throws {
        let other = Self.upload(UploadID(high: 7, low: 2))
        let before = Self.record([Self.upload(), other])
        #expect(
            try Self.recordWritten(by: Self.complete(Self.made(), on: before)).uploads == [other]
        )
    }

    @Test("Completing again gives the same version; another list of parts finds the upload closed")
    func again() throws {
        let after = try Self.recordWritten(
            by: Self.complete(Self.made(), on: Self.record([Self.upload()]))
        )
        guard case .completed(let found)? = kept(try Self.complete(Self.made(11), on: after)) else {
            Issue.record("A repeated completion has another outcome.")
            return
        }
        #expect(found == after.current)
        #expect(kept(try Self.complete(Self.made(11, etag: "etag-3"), on: after)) == .notOpen)
        // Once replaced it is as if it had never been.
        let replaced = Self.record([], [version(2)])
        #expect(kept(try Self.complete(Self.made(11), on: replaced)) == .notOpen)
    }

    @Test("A false condition leaves the upload open")
    func conditions() throws {
        let before = Self.record([Self.upload()], [version(1)])
        #expect(
            kept(try Self.complete(Self.made(), .absent, on: before))
                == .refused(.preconditionFailed)
        )
        let matching = WriteCondition.matches(etag: "etag1")
        #expect(written(try Self.complete(Self.made(), matching, on: before)) != nil)
        let empty = Self.record([Self.upload()])
        #expect(
            kept(try Self.complete(Self.made(), matching, on: empty)) == .refused(.targetMissing)
        )
        #expect(written(try Self.complete(Self.made(), .absent, on: empty)) != nil)
    }

    @Test("R9: an upload is closed at a ballot above its ceiling, and that is the fence")
    func fence() throws {
        let before = Self.record([Self.upload(upTo: 500)])
        let abort = AbortUploadChange(Self.id, now: HybridTime(microseconds: 9_000))
        for round: UInt64 in [499, 500] {
            for above in [
                try Self.complete(Self.made(), on: before, at: round).retryAbove,
                try abort.apply(to: before.value, ballot: ballot(round)).retryAbove,
            ] { #expect(above == ballot(500)) }
        }
        let after = try Self.recordWritten(
            by: abort.apply(to: before.value, ballot: ballot(2_000_000))
        )
        #expect(after.garbage == [Self.closed])
        var content = ManifestRecord(
            state: .open,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: [Hold(owner: .upload(key("k"), Self.id), ceiling: ballot(500))]
        )
        #expect(content.release(.upload(key("k"), Self.id), fence: Self.closed.fence) == .died)
    }

    @Test("What is not open is not aborted, and an aborted upload leaves a tombstone when released")
    func abort() throws {
        let abort = AbortUploadChange(Self.id, now: HybridTime(microseconds: 9_000))
        #expect(kept(try abort.apply(to: nil, ballot: ballot(9))) == .notOpen)
        let aborted = Self.record([], garbage: [Self.closed])
        #expect(kept(try abort.apply(to: aborted.value, ballot: ballot(9))) == .notOpen)
        let forgotten = try #require(
            written(try ForgetChange([Self.closed]).apply(to: aborted.value, ballot: ballot(9)))
        )
        #expect(forgotten.body == nil)
    }

    @Test("A key with an open upload is not empty")
    func notEmpty() throws {
        let before = Self.record([Self.upload()], [version(1)])
        let delete = DeleteChange(condition: .none, now: HybridTime(microseconds: 9_000))
        let after = try Self.recordWritten(
            by: delete.apply(to: before.value, ballot: ballot(2_000_000))
        )
        #expect(after.uploads == before.uploads)
        let put = PutChange(version(2), condition: .none)
        let replaced = try Self.recordWritten(
            by: put.apply(to: before.value, ballot: ballot(2_000_000))
        )
        #expect(replaced.uploads == before.uploads)
    }

    @Test("With too much garbage nothing is closed")
    func garbageFull() throws {
        let waiting = (0..<UInt64(Limit.garbage)).map {
            Garbage(entry: .version(entry(100 + $0)), manifest: manifestID($0), fence: ballot(3))
        }
        let before = Self.record([Self.upload()], garbage: waiting)
        #expect(kept(try Self.complete(Self.made(), on: before)) == .refused(.garbageFull))
        let abort = AbortUploadChange(Self.id, now: HybridTime(microseconds: 9_000))
        #expect(
            kept(try abort.apply(to: before.value, ballot: ballot(2_000_000)))
                == .refused(.garbageFull)
        )
    }
}

/// Manifests of uploads: traps H3, H4 and H5.
struct UploadManifestTests {
    private static let manifest = manifestID(10)
    private static let upload = Owner.upload(key("k"), UploadID(high: 7, low: 1))

    private static func open() -> ManifestRecord {
        ManifestRecord(
            state: .open,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: [Hold(owner: Self.upload, ceiling: ballot(20))]
        )
    }

    @Test("H3: sealing adds the version's hold, and the upload's stays")
    func sealAdds() {
        var record = Self.open()
        let hold = hold(owner("k", 1), upTo: 30)
        let lender = manifestID(3)
        #expect(record.seal(segments(of: Self.manifest), borrows: [lender], for: hold) == .held)
        #expect(record.holds.map(\.owner) == [owner("k", 1), Self.upload])
        #expect(record.borrows == [lender])
        #expect(record.release(owner("k", 1), fence: ballot(99)) == .removed)
        #expect(record.state == .sealed, "A completion that failed leaves the parts alive.")
    }

    @Test("The first seal wins: the same list is a hold, another is refused")
    func firstSeal() {
        var record = Self.open()
        let list = segments(of: Self.manifest)
        #expect(record.seal(list, for: hold(owner("k", 1), upTo: 30)) == .held)
        let before = record
        let other = [SegmentRun(manifest: Self.manifest, part: 2, length: 9)]
        #expect(record.seal(other, for: hold(owner("k", 2), upTo: 30)) == .otherSegments)
        #expect(record == before)
        #expect(record.seal(list, for: hold(owner("k", 2), upTo: 30)) == .held)
        // H4: a hold that is raised names the list, too.
        let digest = ManifestRecord.digest(of: other)
        #expect(record.hold(hold(owner("k", 1), upTo: 90), digest: digest) == .otherSegments)
    }

    @Test("H5: a manifest is final when it is sealed and no upload holds it any more")
    func final() {
        var record = Self.open()
        #expect(!record.isFinal)
        let hold = hold(owner("k", 1), upTo: 30)
        #expect(record.seal(segments(of: Self.manifest), for: hold) == .held)
        #expect(!record.isFinal)
        #expect(record.release(Self.upload, fence: ballot(20)) != .removed)
        #expect(!record.isFinal)
        #expect(record.release(Self.upload, fence: ballot(21)) == .removed)
        #expect(record.isFinal)
        #expect(record.release(owner("k", 1), fence: ballot(31)) == .died)
        #expect(!record.isFinal)
    }

    @Test("An aborted upload takes its manifest with it, and nothing is sealed afterwards")
    func aborted() {
        var record = Self.open()
        #expect(record.release(Self.upload, fence: ballot(21)) == .died)
        let hold = hold(owner("k", 1), upTo: 30)
        #expect(record.seal(segments(of: Self.manifest), for: hold) == .gone)
    }

    @Test("An open manifest lends nothing, and only the upload's hold on it is raised")
    func openHolds() {
        var record = Self.open()
        let borrower = Hold(owner: .manifest(manifestID(11)), ceiling: .zero)
        #expect(record.hold(borrower, digest: ManifestRecord.digest(of: [])) == .otherSegments)
        #expect(record.hold(Hold(owner: Self.upload, ceiling: ballot(90)), digest: 0) == .held)
        #expect(record.holds.map(\.ceiling) == [ballot(90)])
    }
}

struct PartChangeTests {
    private static func part(_ etag: String, _ source: ManifestID? = nil, at time: UInt64 = 9)
        -> PartRecord
    {
        PartRecord(
            of: manifestID(10),
            etag: etag,
            size: 1,
            modified: HybridTime(microseconds: time),
            checksums: [],
            segments: [SegmentRun(manifest: source ?? manifestID(10), length: 1)],
            source: source
        )
    }

    private static func put(
        _ part: PartRecord,
        on before: PartRecord? = nil
    ) throws -> ChangeDecision<PartChange.Outcome> {
        let value = before.map { RegisterValue.after(nil, body: $0.encoded) }
        return try PartChange(part).apply(to: value, ballot: ballot(5))
    }

    private static func stored(_ decision: ChangeDecision<PartChange.Outcome>) throws -> PartRecord
    {
        let write = try #require(written(decision))
        #expect(!write.hasGarbage)
        return try PartRecord(decoding: try #require(write.body))
    }

    @Test("A part takes the place of the one before, and remembers what that has borrowed")
    func replace() throws {
        let first = try Self.stored(Self.put(Self.part("a", manifestID(3))))
        #expect(first.borrowed == [manifestID(3)])
        let second = try Self.stored(Self.put(Self.part("b", at: 2), on: first))
        #expect(second.etag == "b")
        #expect(second.source == nil)
        #expect(second.borrowed == [manifestID(3)], "Whoever completes the upload may need it.")
        #expect(second.modified.microseconds == 10)
        let third = try Self.stored(Self.put(Self.part("c", manifestID(2)), on: second))
        #expect(third.borrowed == [manifestID(2), manifestID(3)])
    }

    @Test("A part borrows from so many manifests at most, over all its uploads")
    func full() throws {
        var part = Self.part("a")
        part.borrowed = (0..<UInt64(Limit.partBorrows)).map { manifestID($0) }
        #expect(kept(try Self.put(Self.part("b", manifestID(999)), on: part)) == .full)
        #expect(written(try Self.put(Self.part("b", manifestID(1)), on: part)) != nil)
    }

    @Test("Removing leaves a tombstone; there is nothing to remove twice")
    func remove() throws {
        let value = RegisterValue.after(nil, body: Self.part("a").encoded)
        let write = try #require(
            written(try RemovePartChange().apply(to: value, ballot: ballot(5)))
        )
        #expect(write.body == nil)
        let tombstone = RegisterValue.after(value, body: nil)
        #expect(kept(try RemovePartChange().apply(to: tombstone, ballot: ballot(6))) == false)
        #expect(kept(try RemovePartChange().apply(to: nil, ballot: ballot(6))) == false)
    }
}

extension ChangeDecision {
    fileprivate var retryAbove: Ballot? {
        guard case .retry(let above) = self else { return nil }
        return above
    }
}
