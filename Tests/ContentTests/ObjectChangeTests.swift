import Content
import Register
import StoreModel
import TestSupport
import Testing

struct ObjectChangeTests {
    private static let manifest = manifestID(10)

    private static func record(_ versions: Version..., garbage: [Garbage] = []) -> ObjectRecord {
        ObjectRecord(
            versions: versions,
            garbage: garbage,
            modified: HybridTime(microseconds: 5_000)
        )
    }

    private static func put(
        _ version: Version,
        _ condition: WriteCondition = .none,
        on value: RegisterValue?,
        at round: UInt64 = 2_000_000
    ) throws -> ChangeDecision<PutChange.Outcome> {
        try PutChange(version, condition: condition).apply(to: value, ballot: ballot(round))
    }

    private static func recordWritten<Outcome>(
        by decision: ChangeDecision<Outcome>
    ) throws -> ObjectRecord {
        let write = try #require(written(decision))
        let record = try ObjectRecord(decoding: try #require(write.body))
        #expect(write.hasGarbage == !record.garbage.isEmpty)
        return record
    }

    @Test("A put makes its version the only one")
    func put() throws {
        let first = try Self.recordWritten(by: Self.put(version(1), on: nil))
        #expect(first.versions.map(\.id) == [entry(1)])
        #expect(first.garbage == [])
        let second = try Self.recordWritten(by: Self.put(version(2), on: first.value))
        #expect(second.versions.map(\.id) == [entry(2)])
        #expect(second.garbage == [], "Inline content needs no release.")
    }

    @Test("R9: what a change drops goes to the garbage with the change's own ballot as fence")
    func garbage() throws {
        let before = Self.record(version(1, of: Self.manifest, upTo: 500))
        let put = try Self.recordWritten(by: Self.put(version(2), on: before.value))
        let dropped = Garbage(
            entry: .version(entry(1)),
            manifest: Self.manifest,
            fence: ballot(2_000_000)
        )
        #expect(put.garbage == [dropped])
        let delete = DeleteChange(condition: .none, now: HybridTime(microseconds: 9))
        let gone = try Self.recordWritten(
            by: delete.apply(to: before.value, ballot: ballot(2_000_000))
        )
        #expect(gone.versions == [])
        #expect(gone.garbage == [dropped])
    }

    @Test("R9: a change takes a ballot above the ceilings of what it drops")
    func fenceAboveCeilings() throws {
        let before = Self.record(version(1, of: Self.manifest, upTo: 500))
        for round in [UInt64(499), 500] {
            guard case .retry(let above) = try Self.put(version(2), on: before.value, at: round)
            else {
                Issue.record("A fence of \(round) would not release a hold up to 500.")
                continue
            }
            #expect(above == ballot(500))
        }
        #expect(written(try Self.put(version(2), on: before.value, at: 501)) != nil)
    }

    @Test("The fence that a change records releases the hold of what it dropped", arguments: 0..<40)
    func fenceReleases(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let round = UInt64.random(in: 100..<3_000_000, using: &random)
        let first = version(1, of: Self.manifest, upTo: UInt64.random(in: 1..<9, using: &random))
        // Whatever ballot the version was proposed at, its ceiling is in its record.
        let before = try Self.recordWritten(by: Self.put(first, on: nil, at: round))
        guard case .manifest(_, _, _, let ceiling)? = before.current?.content else {
            Issue.record("The content has changed its kind.")
            return
        }
        #expect(ceiling >= ballot(round))
        var content = sealed(Self.manifest, Hold(owner: owner("s", 1), ceiling: ceiling))
        var next = UInt64.random(in: 1..<6_000_000, using: &random)
        var decision = try Self.put(version(2), on: before.value, at: next)
        if case .retry(let above) = decision {
            next = above.round + 1
            decision = try Self.put(version(2), on: before.value, at: next)
        }
        let garbage = try #require(try Self.recordWritten(by: decision).garbage.first)
        #expect(content.release(owner("s", 1), fence: garbage.fence) == .died)
    }

    @Test("Conditions are evaluated on the value that the change replaces")
    func conditions() throws {
        let before = Self.record(version(1)).value
        #expect(
            kept(try Self.put(version(2), .absent, on: before)) == .refused(.preconditionFailed)
        )
        #expect(written(try Self.put(version(2), .absent, on: nil)) != nil)
        let matching = WriteCondition.matches(etag: "etag1")
        #expect(written(try Self.put(version(2), matching, on: before)) != nil)
        let other = WriteCondition.matches(etag: "etag9")
        #expect(kept(try Self.put(version(2), other, on: before)) == .refused(.preconditionFailed))
        #expect(kept(try Self.put(version(2), other, on: nil)) == .refused(.targetMissing))
        let delete = DeleteChange(condition: other, now: HybridTime(microseconds: 9))
        #expect(
            kept(try delete.apply(to: before, ballot: ballot(9))) == .refused(.preconditionFailed)
        )
        #expect(kept(try delete.apply(to: nil, ballot: ballot(9))) == .refused(.targetMissing))
    }

    @Test("Deleting nothing writes nothing; deleting the last trace leaves a tombstone")
    func delete() throws {
        let delete = DeleteChange(condition: .none, now: HybridTime(microseconds: 9))
        #expect(kept(try delete.apply(to: nil, ballot: ballot(9))) == .absent)
        let empty = Self.record(
            garbage: [Garbage(entry: .version(entry(1)), manifest: Self.manifest, fence: ballot(3))]
        )
        #expect(kept(try delete.apply(to: empty.value, ballot: ballot(9))) == .absent)
        let write = try #require(
            written(try delete.apply(to: Self.record(version(1)).value, ballot: ballot(9)))
        )
        #expect(write.outcome == .deleted)
        #expect(write.body == nil)
    }

    @Test("The time of a key only goes forward, whatever the clocks say")
    func time() throws {
        var old = version(2)
        old.modified = HybridTime(microseconds: 3)
        let after = try Self.recordWritten(by: Self.put(old, on: Self.record(version(1)).value))
        #expect(after.modified.microseconds == 5_001)
        #expect(after.current?.modified == after.modified)
        var late = Self.record(version(1))
        late.modified = HybridTime(microseconds: .max)
        #expect(throws: Never.self) { try Self.put(old, on: late.value) }
    }

    @Test("A key with too much garbage takes no more until the sweep has caught up")
    func garbageFull() throws {
        let waiting = (0..<UInt64(Limit.garbage)).map {
            Garbage(entry: .version(entry(100 + $0)), manifest: manifestID($0), fence: ballot(3))
        }
        let full = Self.record(version(1, of: Self.manifest, upTo: 5), garbage: waiting)
        #expect(kept(try Self.put(version(2), on: full.value)) == .refused(.garbageFull))
        let room = Self.record(version(1), garbage: waiting)
        #expect(written(try Self.put(version(2), on: room.value)) != nil)
    }

    @Test("Forgetting removes exactly what was released")
    func forget() throws {
        let garbage = (1...3).map {
            Garbage(entry: .version(entry($0)), manifest: Self.manifest, fence: ballot(3))
        }
        let before = Self.record(garbage: garbage)
        let some = ForgetChange([garbage[0], garbage[2]])
        let after = try Self.recordWritten(by: some.apply(to: before.value, ballot: ballot(9)))
        #expect(after.garbage == [garbage[1]])
        #expect(kept(try some.apply(to: after.value, ballot: ballot(9))) != nil)
        let rest = try #require(
            written(try ForgetChange(garbage).apply(to: after.value, ballot: ballot(9)))
        )
        #expect(rest.body == nil, "Nothing is left of the key.")
        #expect(!rest.hasGarbage)
    }

    @Test("R10: an entry names a manifest only if the very pair is there")
    func names() {
        let record = Self.record(version(1, of: Self.manifest, upTo: 5))
        #expect(record.names(Self.manifest, entry: .version(entry(1))))
        #expect(!record.names(Self.manifest, entry: .version(entry(2))))
        #expect(!record.names(manifestID(11), entry: .version(entry(1))))
        #expect(!Self.record(version(1)).names(Self.manifest, entry: .version(entry(1))))
    }

    @Test("A record that cannot be read is refused, not replaced")
    func damaged() {
        let value = RegisterValue.after(nil, body: [9, 9])
        #expect(throws: RecordError.self) { try Self.put(version(1), on: value) }
    }
}
