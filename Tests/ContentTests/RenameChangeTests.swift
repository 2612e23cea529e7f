import Content
import Register
import StoreModel
import Testing

struct RenameChangeTests {
    private static let source = objectKey("old")
    private static let target = objectKey("new")
    private static let now = HybridTime(microseconds: 5_000)

    private static func objectKey(_ text: String) -> ObjectKey {
        guard let key = ObjectKey(text) else { preconditionFailure("No key: \(text)") }
        return key
    }

    private static func value(
        _ versions: [Version],
        pending: PendingRename? = nil,
        fence: UInt64 = 0
    ) -> RegisterValue {
        var record = ObjectRecord(
            versions: versions,
            garbage: [],
            modified: HybridTime(microseconds: 9)
        )
        record.pending = pending
        record.fence = fence
        return RegisterValue.after(nil, body: record.encoded)
    }

    private static func incoming(_ number: UInt64, _ manifest: UInt64 = 1) -> IncomingVersion {
        IncomingVersion(
            version(number, of: manifestID(manifest), upTo: 10),
            from: Self.source,
            entry(1),
            fence: 0
        )
    }

    private static func offer(
        _ value: RegisterValue?,
        isAllowed: Bool = true,
        _ refusal: WriteRefusal? = nil
    ) throws -> ChangeDecision<OfferChange.Outcome> {
        try OfferChange(
            Self.incoming(7),
            isAllowed: isAllowed,
            now: Self.now
        ) { _ in refusal }.apply(to: value, ballot: ballot(20))
    }

    private static func record<Outcome>(_ decision: ChangeDecision<Outcome>) throws -> ObjectRecord
    {
        let change = try #require(written(decision))
        return try ObjectRecord(decoding: try #require(change.body))
    }

    @Test("An offer leaves what is there alone, holds what it brings, and can be found again")
    func offer() throws {
        let decision = try Self.offer(Self.value([version(2)]))
        #expect(written(decision)?.hasGarbage == true, "The sweep is to find it.")
        let record = try Self.record(decision)
        #expect(record.versions == [version(2)])
        #expect(record.current?.id == entry(2))
        #expect(record.names(manifestID(1), entry: .version(entry(7))))
        #expect(record.modified == Self.now)
        let offered = try #require(record.incoming)
        guard case .manifest(_, _, _, let ceiling) = offered.version.content else {
            Issue.record("\(offered)")
            return
        }
        #expect(ceiling == ballot(20).ceiling)
        #expect(offered.version.modified == HybridTime(microseconds: 1_000))
    }

    @Test("An offer is refused by what is there, and where versions are kept")
    func refusedOffer() throws {
        let refused = try Self.offer(Self.value([version(2)]), .preconditionFailed)
        #expect(kept(refused) == .refused(.preconditionFailed))
        #expect(kept(try Self.offer(nil, isAllowed: false)) == .versioned)
        let first = try Self.record(try Self.offer(nil))
        #expect(first.current == nil && first.incoming != nil)
    }

    private static func move(
        _ read: Version,
        fence: UInt64 = 0,
        at value: RegisterValue?,
        _ round: UInt64 = 20
    ) throws -> ChangeDecision<MoveChange.Outcome> {
        try MoveChange(read, fence: fence, to: Self.target, as: entry(7), now: Self.now)
            .apply(to: value, ballot: ballot(round))
    }

    @Test("A move drops the version as any deletion does, and leaves a mark")
    func move() throws {
        let old = version(1, of: manifestID(1), upTo: 30)
        guard case .retry(ballot(30)) = try Self.move(old, at: Self.value([old])) else {
            Issue.record("A fence lies above the ceiling.")
            return
        }
        let record = try Self.record(try Self.move(old, at: Self.value([old]), 40))
        #expect(record.versions.isEmpty)
        #expect(record.pending == .moved(entry(7), to: Self.target))
        #expect(record.garbage.map(\.fence) == [ballot(40)])
    }

    @Test("Nothing moves that is not as it was read")
    func changedSource() throws {
        let read = version(1)
        var edited = read
        edited.tags = [Tag(key: "k", value: "v")]
        for found in [
            Self.value([edited]), Self.value([version(2)]), Self.value([]),
            Self.value([read], fence: 1),
        ] {
            #expect(kept(try Self.move(read, at: found)) == .changed)
        }
        #expect(kept(try Self.move(read, at: nil)) == .changed)
    }

    @Test("A decision against a rename makes sure of it, once, also below newer versions")
    func decide() throws {
        let incoming = Self.incoming(7)
        func decide(_ value: RegisterValue?) throws -> ChangeDecision<Bool> {
            try DecideChange(incoming).apply(to: value, ballot: ballot(20))
        }
        let moved = Self.value([], pending: .moved(entry(7), to: Self.target))
        #expect(kept(try decide(moved)) == true)
        let other = Self.value([], pending: .moved(entry(8), to: Self.target))
        #expect(kept(try decide(other)) == false)
        var newer = version(3)
        newer.isNull = false
        for versions in [[version(1)], [newer, version(1)]] {
            let record = try Self.record(try decide(Self.value(versions)))
            #expect(record.fence == 1 && record.versions == versions)
        }
        #expect(kept(try decide(Self.value([version(1)], fence: 1))) == false)
        #expect(kept(try decide(Self.value([version(2)]))) == false)
        #expect(kept(try decide(nil)) == false)
    }

    @Test("What was to come takes the place of what is there, or goes with what it holds")
    func arrive() throws {
        let old = version(2, of: manifestID(2), upTo: 15)
        let value = Self.value([old], pending: .incoming(Self.incoming(7)))
        for isMade in [true, false] {
            let change = ArriveChange(entry(7), isMade: isMade)
            let record = try Self.record(try change.apply(to: value, ballot: ballot(20)))
            #expect(record.versions == [isMade ? Self.incoming(7).version : old])
            #expect(record.garbage.map(\.entry) == [.version(entry(isMade ? 2 : 7))])
            #expect(record.garbage.map(\.fence) == [ballot(20)])
            #expect(record.pending == nil)
        }
        let other = ArriveChange(entry(8), isMade: true)
        #expect(kept(try other.apply(to: value, ballot: ballot(20))) == .done)
    }

    @Test("The mark of a move goes by its own name, and a key with nothing else is gone")
    func forget() throws {
        let value = Self.value([], pending: .moved(entry(7), to: Self.target))
        let decision = try ForgetMoveChange(entry(7)).apply(to: value, ballot: ballot(20))
        let change = try #require(written(decision))
        #expect(change.body == nil && !change.hasGarbage)
        guard case .keep = try ForgetMoveChange(entry(8)).apply(to: value, ballot: ballot(20))
        else {
            Issue.record("Another rename is forgotten.")
            return
        }
    }

    @Test("Every other change waits for the end of a rename, and is sent with that answer")
    func pending() throws {
        let put = SettledChange(PutChange(version(9), condition: .none))
        for pending in [
            PendingRename.incoming(Self.incoming(7)), .moved(entry(7), to: Self.target),
        ] {
            let decision = try put.apply(
                to: Self.value([version(2)], pending: pending),
                ballot: ballot(20)
            )
            let outcome = try #require(kept(decision))
            guard case .pending(pending) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            let again = try SettledChange<PutChange>.Outcome(decoding: outcome.encoded)
            #expect(again.encoded == outcome.encoded)
        }
        #expect(try SettledChange<PutChange>(decoding: put.encoded).base.version == version(9))
        let made = try #require(written(try put.apply(to: nil, ballot: ballot(20))))
        guard case .settled(.stored) = made.outcome else {
            Issue.record("\(made.outcome)")
            return
        }
        #expect(
            try SettledChange<PutChange>.Outcome(decoding: made.outcome.encoded).encoded
                == made.outcome.encoded
        )
    }
}
