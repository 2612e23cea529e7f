import Content
import Register
import StoreModel
import TestSupport

/// A rule of docs/protocol/content.md broken on purpose.
enum BrokenRule: CaseIterable, Sendable {
    case none
    /// R1: the accept leaves first, the hold is taken out later.
    case holdAfterAccept
    /// R2: a higher ballot is proposed under the old hold.
    case noSecondHold
    /// R3: a retry does not look for itself.
    case noLineage
    /// R4: the audit believes a plain read.
    case auditWithoutFence
    /// R5: a release removes whatever hold it finds.
    case releaseIgnoresCeiling
    /// R6: a dead manifest is held.
    case holdOnDead
    /// R6: whoever sees that the last hold goes makes the manifest dead in a later change.
    case emptyThenDead
    /// R7: chunks of an absent manifest are deleted without making it dead first.
    case absentMeansDead
}

/// A register as one unit: ballots, without replicas.
///
/// Replicas are the matter of RegisterTests.
struct UnitRegister {
    private(set) var promised = Ballot.zero
    private(set) var accepted = Ballot.zero
    private(set) var value: RegisterValue?

    mutating func prepare(_ ballot: Ballot) -> Bool {
        guard ballot > self.promised, ballot > self.accepted else { return false }
        self.promised = ballot
        return true
    }

    mutating func accept(_ ballot: Ballot, _ value: RegisterValue) -> Bool {
        guard ballot >= self.promised, ballot > self.accepted else { return false }
        (self.promised, self.accepted, self.value) = (ballot, ballot, value)
        return true
    }
}

/// Coordinators, sweeps and audits at work on two keys, one step at a time in an order drawn from a
/// seed.
///
/// After each step all that must always hold is checked; at the end a clean-up must leave what is
/// needed and nothing else. The decisions are those of the module; only rules named in
/// ``BrokenRule`` and the audits, which the store has not got yet, are the model's own.
final class HoldModel: @unchecked Sendable {
    // Unchecked: all access happens on the one thread of the stepper.
    struct Crashed: Error {}

    let stepper: Stepper
    let broken: BrokenRule
    /// Actors stop for good now and then.
    let crashes: Bool
    /// Puts and deletions are those of buckets that keep versions, and of buckets that did.
    let keepsVersions: Bool
    private(set) var violations: [String] = []
    private(set) var objects: [RegisterKey: UnitRegister]
    private(set) var manifests: [ManifestID: UnitRegister] = [:]
    private(set) var chunks: Set<ManifestID> = []
    private var dropped: Set<VersionID> = []
    private var nextNumber: UInt64 = 0
    private var isQuiet = false
    /// Operations that got an answer of success.
    private(set) var successes = 0

    static let keys = [key("s"), key("d")]

    init(seed: UInt64, broken: BrokenRule, crashes: Bool, keepsVersions: Bool = false) {
        self.stepper = Stepper(seed: seed)
        self.broken = broken
        self.crashes = crashes
        self.keepsVersions = keepsVersions
        self.objects = Dictionary(uniqueKeysWithValues: Self.keys.map { ($0, UnitRegister()) })
    }

    func run() -> [String] {
        self.start { try await self.put(Self.keys[0]) }
        self.stepper.run()
        for _ in 0..<7 {
            let source = Self.keys[Int(self.stepper.random.next() % 2)]
            let target = Self.keys[Int(self.stepper.random.next() % 2)]
            switch self.stepper.random.next() % 10 {
            case 0, 1: self.start { try await self.put(target) }
            case 2, 3, 4: self.start { try await self.copy(source, to: target) }
            case 5, 6: self.start { try await self.delete(target) }
            case 7: self.start { try await self.sweep() }
            default: self.start { try await self.audit() }
            }
        }
        self.stepper.run()
        self.cleanUp()
        return self.violations
    }

    private func start(_ work: @escaping @Sendable () async throws -> Void) {
        self.stepper.start { try? await work() }
    }

    /// Lets the others go on; an actor may stop here for good.
    private func step() async throws {
        if self.isQuiet { return }
        for _ in 0..<(self.stepper.random.next() % 3 + 1) { await Task.yield() }
        if self.crashes, self.stepper.random.chance(2) { throw Crashed() }
    }

    private func draw(above other: Ballot) -> Ballot {
        self.nextNumber += 1
        let jump = self.stepper.random.chance(30) ? 2_000_000 : self.stepper.random.next() % 9 + 1
        return Ballot(
            round: other.round + jump,
            node: UInt16(self.nextNumber),
            incarnation: 1,
            sequence: 1
        )
    }

    private func newEntry() -> VersionID {
        self.nextNumber += 1
        return entry(self.nextNumber)
    }

    // MARK: - Operations

    private func put(_ target: RegisterKey) async throws {
        let ballot = self.draw(above: self.objects[target]?.promised ?? .zero)
        let manifest = ManifestID(
            partition: PartitionID(index: 7),
            birth: self.draw(above: .zero)
        )
        let hold = Hold(owner: .version(target, self.newEntry()), ceiling: ballot.ceiling)
        self.chunks.insert(manifest)
        try await self.step()
        let record = sealed(manifest, hold)
        var register = self.manifests[manifest] ?? UnitRegister()
        guard register.accept(manifest.birth, .after(nil, body: record.encoded)) else { return }
        self.manifests[manifest] = register
        self.check()
        try await self.step()
        try await self.commit(hold, manifest, to: target, from: ballot)
    }

    private func copy(_ source: RegisterKey, to target: RegisterKey) async throws {
        let ballot = self.draw(above: self.objects[target]?.promised ?? .zero)
        guard case .manifest(let manifest, _, _, _)? = self.record(source).current?.content else {
            return
        }
        let hold = Hold(owner: .version(target, self.newEntry()), ceiling: ballot.ceiling)
        try await self.step()
        if self.broken != .holdAfterAccept {
            guard self.hold(hold, manifest) else { return }
        }
        try await self.step()
        try await self.commit(hold, manifest, to: target, from: ballot)
        if self.broken == .holdAfterAccept { _ = self.hold(hold, manifest) }
    }

    private func hold(_ hold: Hold, _ manifest: ManifestID) -> Bool {
        if self.broken == .holdOnDead, var record = self.manifest(manifest), record.state == .dead {
            record.state = .sealed
            record.holds = [hold]
            let value = RegisterValue.after(self.manifests[manifest]?.value, body: record.encoded)
            self.write(value, manifest)
            return true
        }
        let wanted = HoldChange.Want.segments(digest: digest(of: manifest))
        return self.change(manifest, HoldChange(hold, wanted)) == .held
    }

    /// Makes a version current, as often refused and as long as it takes, like a coordinator.
    private func commit(
        _ hold: Hold,
        _ manifest: ManifestID,
        to target: RegisterKey,
        from first: Ballot
    ) async throws {
        guard case .version(_, let entry) = hold.owner else { return }
        var version = Version(
            id: entry,
            etag: "",
            size: 1,
            storageClass: .standard,
            modified: HybridTime(microseconds: 1),
            metadata: ObjectMetadata(),
            checksums: [],
            content: .manifest(
                manifest,
                segments: segments(of: manifest),
                digest: digest(of: manifest),
                ceiling: hold.ceiling
            )
        )
        if self.keepsVersions { version.isNull = self.stepper.random.chance(40) }
        let isDone = try await self.propose(
            PutChange(version, condition: .none),
            to: target,
            from: first,
            named: OperationID(entry.low)
        ) { ballot in
            guard ballot > hold.ceiling, self.broken != .noSecondHold else { return true }
            return self.hold(Hold(owner: hold.owner, ceiling: ballot.ceiling), manifest)
        }
        if isDone { return }
        // It certainly had no effect: the hold goes back, with evidence.
        try await self.release(hold, manifest)
    }

    /// Proposes a change at one ballot after another.
    ///
    /// - Returns: false if it certainly had no effect.
    private func propose<Change: RegisterChange>(
        _ change: Change,
        to target: RegisterKey,
        from first: Ballot?,
        named operation: OperationID,
        beforeAccept: (Ballot) -> Bool
    ) async throws -> Bool {
        var ballot = first ?? self.draw(above: self.objects[target]?.promised ?? .zero)
        for _ in 0..<8 {
            try await self.step()
            guard self.objects[target]?.prepare(ballot) == true else {
                ballot = self.draw(above: self.objects[target]?.promised ?? .zero)
                continue
            }
            let base = self.objects[target]?.value
            if base?.lineage.contains(operation) == true, self.broken != .noLineage { return true }
            try await self.step()
            switch try change.apply(to: base, ballot: ballot) {
            case .keep: return true
            case .retry(let above): ballot = self.draw(above: max(above, ballot))
            case .write(let body, let hasGarbage, _, _):
                guard beforeAccept(ballot) else { return false }
                try await self.step()
                let value = RegisterValue.after(base, operation, body: body, hasGarbage: hasGarbage)
                let isLost = self.stepper.random.chance(25)
                if self.accept(target, ballot, value), !isLost {
                    self.successes += 1
                    return true
                }
                ballot = self.draw(above: ballot)
            }
        }
        // Out of patience, outcome unknown: like a crash, except that nobody gets an answer.
        throw Crashed()
    }

    private func delete(_ target: RegisterKey) async throws {
        _ = try await self.propose(
            DeleteChange(
                self.deletion(of: target),
                condition: .none,
                now: HybridTime(microseconds: 1)
            ),
            to: target,
            from: nil,
            named: OperationID(self.newEntry().low)
        ) { _ in true }
    }

    private func deletion(of target: RegisterKey) -> Deletion {
        guard self.keepsVersions else { return .null }
        let versions = self.record(target).versions
        if !versions.isEmpty, self.stepper.random.chance(60) {
            let place = Int(self.stepper.random.next() % UInt64(versions.count))
            let version = versions[place]
            return version.isNull ? .null : .version(version.id)
        }
        return .hide(
            Version(
                marker: self.newEntry(),
                isNull: self.stepper.random.chance(40),
                modified: HybridTime(microseconds: 1),
                access: AccessList()
            )
        )
    }

    // MARK: - Sweep and audit

    private func sweep() async throws {
        for target in Self.keys {
            let garbage = self.record(target).garbage
            for item in garbage {
                try await self.step()
                let owner = item.entry.owner(in: target)
                try await self.release(owner, item.manifest, fence: item.fence)
            }
            if garbage.isEmpty { continue }
            _ = try await self.propose(
                ForgetChange(garbage),
                to: target,
                from: nil,
                named: OperationID(self.newEntry().low)
            ) { _ in true }
        }
        for (manifest, _) in self.manifests where self.manifest(manifest)?.state == .dead {
            self.chunks.remove(manifest)
        }
        self.check()
    }

    private func release(_ owner: Owner, _ manifest: ManifestID, fence: Ballot) async throws {
        let highest = Ballot(
            round: Ballot.highestRound,
            node: .max,
            incarnation: .max,
            sequence: .max
        )
        if self.broken == .emptyThenDead, var record = self.manifest(manifest),
            record.release(owner, fence: fence) == .died
        {
            try await self.step()
            self.write(
                .after(self.manifests[manifest]?.value, body: record.encoded, hasGarbage: true),
                manifest
            )
            self.chunks.remove(manifest)
            self.check()
            return
        }
        let ignores = self.broken == .releaseIgnoresCeiling
        let outcome = self.change(
            manifest,
            ReleaseChange(owner, fence: ignores ? highest : fence)
        )
        try await self.step()
        if outcome == .died { self.chunks.remove(manifest) }
        self.check()
    }

    /// Releases a hold whose owner does not name the manifest, after making sure of that.
    private func release(_ hold: Hold, _ manifest: ManifestID) async throws {
        guard case .version(let target, let entry) = hold.owner else { return }
        guard !self.record(target).names(manifest, entry: .version(entry)) else { return }
        if self.broken == .auditWithoutFence {
            try await self.step()
            try await self.release(hold.owner, manifest, fence: self.draw(above: hold.ceiling))
            return
        }
        let seen = max(hold.ceiling, self.objects[target]?.promised ?? .zero)
        // An audit cannot know what everybody has seen: often its ballot is only above the ceiling.
        let fence = self.draw(above: self.stepper.random.chance(50) ? hold.ceiling : seen)
        try await self.step()
        guard self.objects[target]?.prepare(fence) == true else { return }
        let base = self.objects[target]?.value
        try await self.step()
        let identity =
            base
            ?? RegisterValue(changeNumber: 0, lineage: [], body: nil, hasGarbage: false)
        guard self.accept(target, fence, identity) else { return }
        guard try !ObjectRecord(base).names(manifest, entry: .version(entry)) else { return }
        try await self.step()
        try await self.release(hold.owner, manifest, fence: fence)
    }

    private func audit() async throws {
        for manifest in self.chunks.sorted() {
            try await self.step()
            guard let value = self.manifests[manifest]?.value else {
                if self.broken != .absentMeansDead {
                    guard case .dead? = self.change(manifest, KillChange()) else { continue }
                }
                try await self.step()
                self.chunks.remove(manifest)
                self.check()
                continue
            }
            let record = try value.body.map { try ManifestRecord(decoding: $0) }
            for hold in record?.holds ?? [] { try await self.release(hold, manifest) }
        }
    }

    // MARK: - Registers

    private func record(_ target: RegisterKey) -> ObjectRecord {
        (try? ObjectRecord(self.objects[target]?.value))
            ?? ObjectRecord(versions: [], garbage: [], modified: HybridTime(microseconds: 0))
    }

    private func manifest(_ manifest: ManifestID) -> ManifestRecord? {
        self.manifests[manifest]?.value?.body.flatMap { try? ManifestRecord(decoding: $0) }
    }

    private func accept(_ target: RegisterKey, _ ballot: Ballot, _ value: RegisterValue) -> Bool {
        let before = Set(self.record(target).versions.map(\.id))
        guard self.objects[target]?.accept(ballot, value) == true else { return false }
        let after = Set(self.record(target).versions.map(\.id))
        self.dropped.formUnion(before.subtracting(after))
        if !self.dropped.isDisjoint(with: after) {
            self.violations.append("I5: a dropped version has come back")
        }
        self.check()
        return true
    }

    /// One change of a manifest's register, which happens at once.
    private func change<Change: RegisterChange>(
        _ manifest: ManifestID,
        _ change: Change
    ) -> Change.Outcome? {
        let base = self.manifests[manifest]?.value
        let promised = self.manifests[manifest]?.promised ?? .zero
        let ballot = self.draw(above: max(promised, manifest.birth))
        switch try? change.apply(to: base, ballot: ballot) {
        case .keep(let outcome)?: return outcome
        case .write(let body, let hasGarbage, _, let outcome)?:
            self.write(.after(base, body: body, hasGarbage: hasGarbage), manifest)
            return outcome
        case .retry?, nil: return nil
        }
    }

    private func write(_ value: RegisterValue, _ manifest: ManifestID) {
        var register = self.manifests[manifest] ?? UnitRegister()
        let ballot = self.draw(above: max(register.promised, manifest.birth))
        _ = register.accept(ballot, value)
        self.manifests[manifest] = register
    }

    // MARK: - What must hold

    /// I1: what a live version names is sealed with those segments, held for it, and there.
    private func check() {
        for target in Self.keys {
            for version in self.record(target).versions {
                guard case .manifest(let manifest, _, let digest, _) = version.content else {
                    continue
                }
                let record = self.manifest(manifest)
                if record?.state != .sealed
                    || record.map({ ManifestRecord.digest(of: $0.segments) }) != digest
                {
                    self.violations.append("I1: a live version names a manifest that is not sealed")
                } else if record?.holds.contains(where: {
                    $0.owner == .version(target, version.id)
                }) != true {
                    self.violations.append("I1s: a live version has no hold")
                } else if !self.chunks.contains(manifest) {
                    self.violations.append("I1: the content of a live version is gone")
                }
            }
        }
    }

    /// I3: sweeps, and audits if anybody has crashed, end with what is needed and nothing else.
    private func cleanUp() {
        self.isQuiet = true
        for _ in 0..<12 {
            self.start { try await self.sweep() }
            self.stepper.run()
            if self.crashes { self.start { try await self.audit() } }
            self.stepper.run()
        }
        self.check()
        var needed: Set<ManifestID> = []
        for target in Self.keys {
            if !self.record(target).garbage.isEmpty {
                self.violations.append("I3: garbage is left")
            }
            for version in self.record(target).versions {
                if case .manifest(let manifest, _, _, _) = version.content {
                    needed.insert(manifest)
                }
            }
        }
        if self.chunks != needed {
            self.violations.append("I3: \(self.chunks.count) of \(needed.count) contents are left")
        }
    }
}
