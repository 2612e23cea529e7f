import Content
import Register
import StoreModel
import Testing

struct ManifestChangeTests {
    private static let manifest = manifestID(10)
    private static let alive = RegisterValue.after(
        nil,
        body: sealed(manifest, hold(owner("s", 1), upTo: 20)).encoded
    )
    private static let dead = RegisterValue.after(
        nil,
        body: ManifestRecord.stillborn.encoded,
        hasGarbage: true
    )
    private static let tombstone = RegisterValue.after(nil, body: nil)
    /// What an identity leaves where there is no row.
    private static let void = RegisterValue(
        changeNumber: 0,
        lineage: [],
        body: nil,
        hasGarbage: false
    )

    @Test("Holding what is absent, dead or buried is refused, and nothing is written")
    func holdNothing() throws {
        let change = HoldChange(
            hold(owner("d", 2), upTo: 30),
            .segments(digest: digest(of: Self.manifest))
        )
        for value in [nil, Self.dead, Self.tombstone, Self.void] {
            #expect(kept(try change.apply(to: value, ballot: ballot(50))) == .gone)
        }
    }

    @Test("A hold that is there already, as high, is not written again")
    func holdAgain() throws {
        let wanted = digest(of: Self.manifest)
        let same = HoldChange(hold(owner("s", 1), upTo: 15), .segments(digest: wanted))
        #expect(kept(try same.apply(to: Self.alive, ballot: ballot(50))) == .held)
        let higher = HoldChange(hold(owner("s", 1), upTo: 25), .segments(digest: wanted))
        let write = try #require(written(try higher.apply(to: Self.alive, ballot: ballot(50))))
        #expect(write.outcome == .held)
        let record = try ManifestRecord(decoding: try #require(write.body))
        #expect(record.holds == [hold(owner("s", 1), upTo: 25)])
    }

    @Test("A death is written as work for the sweep")
    func release() throws {
        let early = ReleaseChange(owner("s", 1), fence: ballot(20))
        #expect(
            kept(try early.apply(to: Self.alive, ballot: ballot(50)))
                == .kept(ceiling: ballot(20))
        )
        let change = ReleaseChange(owner("s", 1), fence: ballot(21))
        let write = try #require(written(try change.apply(to: Self.alive, ballot: ballot(50))))
        #expect(write.outcome == .died)
        #expect(write.hasGarbage)
        for value in [nil, Self.dead, Self.tombstone] {
            #expect(kept(try change.apply(to: value, ballot: ballot(50))) == .gone)
        }
    }

    @Test("R7: what is absent is made dead before anybody acts on it; what lives is left alone")
    func kill() throws {
        for value in [nil, Self.void] {
            let write = try #require(written(try KillChange().apply(to: value, ballot: ballot(50))))
            #expect(write.outcome == .dead(borrows: []))
            #expect(write.hasGarbage)
            #expect(try ManifestRecord(decoding: try #require(write.body)).state == .dead)
        }
        #expect(
            kept(try KillChange().apply(to: Self.dead, ballot: ballot(50))) == .dead(borrows: [])
        )
        #expect(kept(try KillChange().apply(to: Self.tombstone, ballot: ballot(50))) == .buried)
        let record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        #expect(kept(try KillChange().apply(to: Self.alive, ballot: ballot(50))) == .alive(record))
    }

    @Test("Only the dead are buried")
    func bury() throws {
        #expect(kept(try BuryChange().apply(to: Self.alive, ballot: ballot(50))) == false)
        #expect(kept(try BuryChange().apply(to: Self.tombstone, ballot: ballot(50))) == true)
        let write = try #require(written(try BuryChange().apply(to: Self.dead, ballot: ballot(50))))
        #expect(write.body == nil)
        #expect(!write.hasGarbage)
    }

    @Test("R8: a manifest that borrows is not buried before all it borrows is released")
    func buryBorrower() throws {
        var record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        record.borrows = [manifestID(11), manifestID(12)]
        #expect(record.release(owner("s", 1), fence: ballot(21)) == .died)
        let value = RegisterValue.after(nil, body: record.encoded, hasGarbage: true)
        let dead = kept(try KillChange().apply(to: value, ballot: ballot(50)))
        #expect(dead == .dead(borrows: record.borrows))
        let some = BuryChange(released: [manifestID(11)])
        #expect(kept(try some.apply(to: value, ballot: ballot(50))) == false)
        let all = BuryChange(released: [manifestID(12), manifestID(11)])
        #expect(try #require(written(try all.apply(to: value, ballot: ballot(50)))).body == nil)
    }

    @Test("Holds are confirmed once, and what is not held is not")
    func confirm() throws {
        let change = ConfirmChange([owner("s", 1), owner("x", 9)])
        let write = try #require(written(try change.apply(to: Self.alive, ballot: ballot(50))))
        let record = try ManifestRecord(decoding: try #require(write.body))
        #expect(record.holds.map(\.confirmed) == [true])
        let again = RegisterValue.after(nil, body: write.body)
        #expect(kept(try change.apply(to: again, ballot: ballot(51))) == false)
        #expect(kept(try change.apply(to: Self.dead, ballot: ballot(51))) == false)
    }

    @Test("A record without holds that is not dead cannot even be read")
    func emptyButAlive() {
        let value = RegisterValue.after(nil, body: sealed(Self.manifest).encoded)
        #expect(throws: RecordError.self) { try KillChange().apply(to: value, ballot: ballot(1)) }
    }
}
