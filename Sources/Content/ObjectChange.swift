package import Register
package import StoreModel

/// Makes a version the current one of an unversioned key, if its condition holds.
///
/// Source: docs/protocol/content.md, "Put, copy, delete".
package struct PutChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case stored(Version)
        case refused(WriteRefusal)
    }

    /// The version, with the least time and, if it names a manifest, the least ceiling it may get.
    package let version: Version
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
        switch record.dropVersions(at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .full: return .keep(.refused(.garbageFull))
        }
        let version = record.add(self.version, at: ballot)
        return record.decision(.stored(version))
    }
}

/// Deletes the versions of a key, if its condition holds.
package struct DeleteChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case deleted
        /// There was nothing to delete.
        case absent
        case refused(WriteRefusal)
    }

    package let condition: WriteCondition
    package let now: HybridTime

    package init(condition: WriteCondition, now: HybridTime) {
        self.condition = condition
        self.now = now
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        if let refusal = self.condition.refusal(on: record.current) {
            return .keep(.refused(refusal))
        }
        guard !record.versions.isEmpty else { return .keep(.absent) }
        switch record.dropVersions(at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .full: return .keep(.refused(.garbageFull))
        }
        record.advance(to: self.now)
        return record.decision(.deleted)
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
        case full
    }

    /// Moves what all versions name into the garbage, with the ballot of the change as fence.
    ///
    /// The fence must lie above the ceilings, or the release would not remove the holds.
    mutating func dropVersions(at ballot: Ballot) -> Dropping {
        var dropped: [Garbage] = []
        let highest = self.highestCeiling
        for version in self.versions {
            guard case .manifest(let manifest, _, _, _) = version.content else { continue }
            dropped.append(Garbage(entry: .version(version.id), manifest: manifest, fence: ballot))
        }
        guard self.garbage.count + dropped.count <= Limit.garbage else { return .full }
        guard dropped.isEmpty || ballot > highest else { return .above(highest) }
        self.garbage += dropped
        self.versions = []
        return .dropped
    }

    /// Makes a version the only one, at the ballot at which it is proposed.
    ///
    /// - Precondition: the others have been dropped.
    /// - Returns: the version with its time and its ceiling.
    mutating func add(_ version: Version, at ballot: Ballot) -> Version {
        precondition(self.versions.isEmpty, "What was there is in the garbage.")
        var version = version
        self.advance(to: version.modified)
        version.modified = self.modified
        if case .manifest(let manifest, let segments, let digest, let held) = version.content {
            version.content = .manifest(
                manifest,
                segments: segments,
                digest: digest,
                ceiling: ballot.ceiling(holding: held)
            )
        }
        self.versions = [version]
        return version
    }

    /// The highest ceiling of all versions: a change that drops them must lie above it.
    private var highestCeiling: Ballot {
        self.versions.reduce(.zero) { highest, version in
            guard case .manifest(_, _, _, let ceiling) = version.content else { return highest }
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
        let isEmpty = self.versions.isEmpty && self.uploads.isEmpty && self.garbage.isEmpty
        return .write(
            body: isEmpty ? nil : self.encoded,
            hasGarbage: !self.garbage.isEmpty,
            nextAbove: self.highestCeiling,
            outcome
        )
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
            self.versions.contains { version in
                guard version.id == id, case .manifest(manifest, _, _, _) = version.content else {
                    return false
                }
                return true
            }
        }
    }
}
