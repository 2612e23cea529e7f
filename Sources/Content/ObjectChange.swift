package import Register
package import StoreModel

/// Makes a version the newest one of a key, if its condition holds.
///
/// The null version, and no other, is dropped for one that is to be the null version; so a bucket
/// that does not keep versions goes on with one, and what was kept before stays. Source:
/// docs/protocol/versions.md.
package struct PutChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case stored(Version)
        case refused(WriteRefusal)
    }

    /// The version, with the least time and, if it names a manifest, the least ceiling it may get.
    ///
    /// It is null exactly if the bucket, in the generation that the change carries, does not keep
    /// versions.
    package var version: Version
    package let condition: WriteCondition

    package init(_ version: Version, condition: WriteCondition) {
        self.version = version
        self.condition = condition
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        if let refusal = self.condition.refusal(on: record.current) {
            return .keep(.refused(refusal))
        }
        switch record.makeRoom(for: self.version, at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .refused(let refusal): return .keep(.refused(refusal))
        }
        let version = record.add(self.version, at: ballot)
        return record.decision(.stored(version), orIfTooLong: .refused(.tooManyVersions))
    }
}

/// Forgets dropped entries whose holds have been released.
package struct ForgetChange: RegisterChange {
    package let released: [Garbage]

    package init(_ released: [Garbage]) { self.released = released }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Void> {
        var record = try ObjectRecord(value)
        let before = record.garbage.count
        record.garbage.removeAll { self.released.contains($0) }
        guard record.garbage.count < before else { return .keep(()) }
        return record.decision(())
    }
}

extension ObjectRecord {
    /// The record in a register's value; an empty one where there is none.
    package init(_ value: RegisterValue?) throws(RecordError) {
        if let body = value?.body {
            try self.init(decoding: body)
        } else {
            self.init(versions: [], garbage: [], modified: HybridTime(microseconds: 0))
        }
    }

    enum Dropping {
        case dropped
        /// The ballot does not lie above the ceiling of something that is dropped.
        case above(Ballot)
        case refused(WriteRefusal)
    }

    /// Makes room for a version that is to be the newest: drops the null version if the new one
    /// takes its place.
    mutating func makeRoom(for version: Version, at ballot: Ballot) -> Dropping {
        if version.isNull, let old = self[.null] {
            let dropping = self.drop(old, at: ballot)
            guard case .dropped = dropping else { return dropping }
        }
        return self.versions.count < Limit.versions ? .dropped : .refused(.tooManyVersions)
    }

    /// Removes a version, with what it names into the garbage and the ballot of the change as
    /// fence.
    ///
    /// The fence must lie above the ceiling of what is dropped, or the release would not remove the
    /// hold; other versions, which stay, do not matter.
    mutating func drop(_ version: Version, at ballot: Ballot) -> Dropping {
        if case .manifest(let manifest, _, _, let ceiling) = version.content {
            guard self.garbage.count < Limit.garbage else { return .refused(.garbageFull) }
            guard ballot > ceiling else { return .above(ceiling) }
            self.garbage.append(
                Garbage(entry: .version(version.id), manifest: manifest, fence: ballot)
            )
        }
        self.versions.removeAll { $0.id == version.id }
        return .dropped
    }

    /// Makes a version the newest one, at the ballot at which it is proposed.
    ///
    /// - Precondition: there is room for it.
    /// - Returns: the version with its time and its ceiling.
    mutating func add(_ version: Version, at ballot: Ballot) -> Version {
        precondition(
            !version.isNull || self[.null] == nil,
            "The null version that was there is in the garbage."
        )
        var version = version
        self.advance(to: version.modified)
        version.modified = self.modified
        version.content = version.content.held(at: ballot)
        self.versions.insert(version, at: 0)
        return version
    }

    /// The ceiling of the null version, or of the one that is to take its place: the next write, if
    /// it drops anything, drops one of them and must lie above.
    private var likelyCeiling: Ballot {
        [self[.null], self.incoming?.version].reduce(.zero) { highest, version in
            guard case .manifest(_, _, _, let ceiling)? = version?.content else { return highest }
            return max(highest, ceiling)
        }
    }

    /// Moves the time of the last change on, beyond its last value at least.
    mutating func advance(to now: HybridTime) {
        let next = min(self.modified.microseconds, .max - 1) + 1
        self.modified = max(now, HybridTime(microseconds: next))
    }

    /// The record as it is to be written: a tombstone if nothing is left of it.
    func decision<Outcome>(_ outcome: Outcome) -> ChangeDecision<Outcome> {
        self.decision(self.body, outcome)
    }

    /// The same for a change that adds to the record: it stays as it was, with the outcome
    /// `refusal`, if it would get longer than ``Limit/objectRecordBytes``.
    func decision<Outcome>(
        _ outcome: Outcome,
        orIfTooLong refusal: Outcome
    ) -> ChangeDecision<Outcome> {
        let body = self.body
        guard (body?.count ?? 0) <= Limit.objectRecordBytes else { return .keep(refusal) }
        return self.decision(body, outcome)
    }

    private func decision<Outcome>(
        _ body: [UInt8]?,
        _ outcome: Outcome
    ) -> ChangeDecision<Outcome> {
        .write(
            body: body,
            hasGarbage: !self.garbage.isEmpty || self.pending != nil,
            nextAbove: self.likelyCeiling,
            outcome
        )
    }

    private var body: [UInt8]? {
        let isEmpty =
            self.versions.isEmpty && self.uploads.isEmpty && self.garbage.isEmpty
            && self.pending == nil
        return isEmpty ? nil : self.encoded
    }
}

extension ObjectRecord {
    /// Whether the record has the entry and the entry names the manifest: what keeps a hold.
    ///
    /// Source: docs/protocol/content.md, "Owners".
    package func names(_ manifest: ManifestID, entry: Entry) -> Bool {
        switch entry {
        case .upload(let upload): self.upload(upload)?.manifest == manifest
        case .version(let id):
            self.holders.contains { version in
                guard version.id == id, case .manifest(manifest, _, _, _) = version.content else {
                    return false
                }
                return true
            }
        }
    }
}
