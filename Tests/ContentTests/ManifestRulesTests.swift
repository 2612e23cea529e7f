import Content
import StoreModel
import Testing

struct ManifestRulesTests {
    private static let manifest = manifestID(10)

    @Test("A hold is added once for each owner, in order, and its ceiling only grows")
    func holds() throws {
        var record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        let wanted = digest(of: Self.manifest)
        #expect(record.hold(hold(owner("d", 2), upTo: 30), digest: wanted) == .held)
        #expect(record.hold(hold(owner("d", 2), upTo: 50), digest: wanted) == .held)
        #expect(record.hold(hold(owner("d", 2), upTo: 40), digest: wanted) == .held)
        #expect(record.holds.map(\.owner) == [owner("d", 2), owner("s", 1)])
        #expect(record.holds.map(\.ceiling) == [ballot(50), ballot(20)])
        #expect(try ManifestRecord(decoding: record.encoded) == record)
    }

    @Test("R6: a dead manifest cannot be held, sealed or released any more")
    func dead() {
        var record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        #expect(record.release(owner("s", 1), fence: ballot(21)) == .died)
        let dead = record
        #expect(dead.state == .dead)
        let again = hold(owner("d", 2), upTo: 99)
        #expect(record.hold(again, digest: digest(of: Self.manifest)) == .gone)
        #expect(record.seal(segments(of: Self.manifest), for: again) == .gone)
        #expect(record.release(owner("s", 1), fence: ballot(99)) == .gone)
        #expect(record == dead)
        #expect(record.segments == segments(of: Self.manifest), "Its chunks can still be found.")
    }

    @Test("R6: the release that removes the last hold is the death, in one change")
    func death() {
        var record = sealed(
            Self.manifest,
            hold(owner("d", 2), upTo: 20),
            hold(owner("s", 1), upTo: 20)
        )
        #expect(record.release(owner("s", 1), fence: ballot(21)) == .removed)
        #expect(record.state == .sealed)
        #expect(record.release(owner("d", 2), fence: ballot(21)) == .died)
    }

    @Test("R5: a release removes a hold only if its ceiling lies below the fence")
    func ceiling() {
        let before = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        for fence in [UInt64(19), 20] {
            var record = before
            let outcome = record.release(owner("s", 1), fence: ballot(fence))
            #expect(outcome == .kept(ceiling: ballot(20)))
            #expect(record == before)
        }
        var record = before
        #expect(record.release(owner("s", 1), fence: ballot(21)) == .died)
    }

    @Test("Releasing what is not held changes nothing, however often")
    func absent() {
        var record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        let before = record
        #expect(record.release(owner("s", 2), fence: ballot(99)) == .absent)
        #expect(record.release(owner("x", 1), fence: ballot(99)) == .absent)
        #expect(record == before)
    }

    @Test("A hold names the segments that its version will name, or is refused")
    func otherSegments() {
        var record = sealed(Self.manifest, hold(owner("s", 1), upTo: 20))
        let before = record
        let other = hold(owner("d", 2), upTo: 30)
        #expect(record.hold(other, digest: 1) == .otherSegments)
        #expect(
            record.hold(hold(owner("s", 1), upTo: 99), digest: 1) == .otherSegments
        )
        #expect(record == before)
    }

    @Test("Sealing gives segments once, adds a hold, and keeps the one that was there")
    func seal() {
        var record = ManifestRecord(
            state: .open,
            storageClass: .standard,
            segments: [],
            borrows: [],
            holds: [hold(owner("s", 1), upTo: 20)]
        )
        let version = hold(owner("s", 2), upTo: 30)
        let runs = segments(of: Self.manifest)
        let wanted = digest(of: Self.manifest)
        #expect(record.hold(version, digest: wanted) == .otherSegments, "Nothing to name yet.")
        let higher = hold(owner("s", 1), upTo: 25)
        #expect(record.hold(higher, digest: wanted) == .held)
        #expect(record.seal(runs, for: version) == .held)
        #expect(record.state == .sealed)
        #expect(record.holds == [higher, version])
        #expect(record.seal(runs, for: version) == .held, "The same once more is a hold.")
        let others = segments(of: manifestID(11))
        #expect(record.seal(others, for: version) == .otherSegments, "The first seal wins.")
        #expect(record.segments == runs)
    }

    @Test("Versions may hold 224 times; the rest of 256 is kept for manifests")
    func full() {
        var record = sealed(Self.manifest, hold(owner("s", 0), upTo: 20))
        let wanted = digest(of: Self.manifest)
        for number in 1..<UInt64(Limit.versionHolders) {
            let next = hold(owner("s", number), upTo: 20)
            #expect(record.hold(next, digest: wanted) == .held)
        }
        let onceMore = hold(owner("t", 1), upTo: 20)
        #expect(record.hold(onceMore, digest: wanted) == .full([]))
        #expect(
            record.hold(hold(owner("s", 5), upTo: 90), digest: wanted) == .held,
            "Who holds already may always hold again."
        )
        for number in 0..<UInt64(Limit.holders - Limit.versionHolders) {
            let child = Hold(owner: .manifest(manifestID(100 + number)), ceiling: .zero)
            #expect(record.hold(child, digest: wanted) == .held)
        }
        let child = Hold(owner: .manifest(manifestID(999)), ceiling: .zero)
        let children = (UInt64(100)..<132).reversed().map { manifestID($0) }
        #expect(record.hold(child, digest: wanted) == .full(children), "The newest comes first.")
        #expect(record.hold(onceMore, digest: wanted) == .full(children))
        #expect(record.holds.count == Limit.holders)
        #expect(throws: Never.self) { try ManifestRecord(decoding: record.encoded) }
    }

    @Test("Long keys fill a manifest by their bytes before they do so by their number")
    func holderBytes() {
        var record = sealed(Self.manifest, hold(owner("s", 0), upTo: 20))
        let long = String(repeating: "k", count: Limit.keyBytes)
        var outcome = ManifestRecord.HoldOutcome.held
        var number: UInt64 = 0
        while outcome == .held, number < 300 {
            number += 1
            outcome = record.hold(
                hold(owner(long, number), upTo: 20),
                digest: digest(of: Self.manifest)
            )
        }
        #expect(outcome == .full([]))
        #expect(record.holds.count < 64)
        for number in 0..<UInt64(Limit.holders - Limit.versionHolders) {
            let child = Hold(owner: .manifest(manifestID(100 + number)), ceiling: .zero)
            #expect(
                record.hold(child, digest: digest(of: Self.manifest)) == .held,
                "There is room for children whatever the versions are called."
            )
        }
        let bytes = record.holds.reduce(0) { $0 + $1.owner.encoded.count }
        #expect(bytes <= Limit.holderBytes)
    }

    @Test("A ceiling lies one second of rounds above its ballot, and never above the highest")
    func ceilings() {
        #expect(ballot(5).ceiling.round == 1_000_005)
        #expect(ballot(Ballot.highestRound).ceiling.round == Ballot.highestRound)
        let held = ballot(5).ceiling
        #expect(ballot(1_000_000).ceiling(holding: held) == held, "Below it nothing new is needed.")
        #expect(ballot(2_000_000).ceiling(holding: held) == ballot(2_000_000).ceiling)
    }
}
