package import StoreModel

/// What may become of a manifest: pure, each step one atomic change of its register.
///
/// Source: docs/protocol/content.md, "Functions".
extension ManifestRecord {
    /// What became of the wish to hold a manifest.
    package enum HoldOutcome: Hashable, Sendable {
        case held
        /// Dead, or never created: it cannot be held any more.
        case gone
        /// As many hold it as may.
        ///
        /// The manifests among them, newest first: one that has the same segments, a child, may
        /// have room.
        case full([ManifestID])
        /// It has other segments than the owner would name, or none yet.
        case otherSegments
    }

    /// What became of the wish to let go of a manifest.
    package enum ReleaseOutcome: Hashable, Sendable {
        /// The hold is gone; others are left.
        case removed
        /// The hold stays: its ceiling is not below the fence.
        case kept(ceiling: Ballot)
        /// There was no such hold.
        case absent
        /// The hold was the last: the manifest is dead from now on.
        case died
        /// It was dead, or never created.
        case gone
    }

    /// Adds a hold, or raises the ceiling of the one that its owner has.
    ///
    /// An open manifest has no segments that a version could name: only holds it was created with
    /// are raised.
    ///
    /// - Parameters:
    ///   - hold: Who holds, and up to which ballot.
    ///   - digest: That of the segments which the owner will name.
    ///   - versionsMax: Versions that may hold, at most ``Limit/versionHolders``.
    /// - Returns: what became of it.
    package mutating func hold(
        _ hold: Hold,
        digest: UInt64,
        versionsMax: Int = Limit.versionHolders
    ) -> HoldOutcome {
        guard self.state != .dead else { return .gone }
        let place = self.holds.firstIndex { $0.owner == hold.owner }
        if self.state == .open, place == nil { return .otherSegments }
        if self.state == .sealed, digest != self.list.digest { return .otherSegments }
        if let place {
            self.holds[place].ceiling = max(self.holds[place].ceiling, hold.ceiling)
            return .held
        }
        guard self.hasRoom(for: hold.owner, versionsMax) else { return .full(self.borrowers) }
        self.insert(hold)
        return .held
    }

    /// Manifests that hold this one, newest first.
    private var borrowers: [ManifestID] {
        self.holds.compactMap { hold -> ManifestID? in
            if case .manifest(let manifest) = hold.owner { manifest } else { nil }
        }.sorted { $1.birth < $0.birth }
    }

    private func hasRoom(for owner: Owner, _ versionsMax: Int) -> Bool {
        let bytes = self.holds.reduce(owner.encoded.count) { $0 + $1.owner.encoded.count }
        guard case .version = owner else {
            return self.holds.count < Limit.holders && bytes <= Limit.holderBytes
        }
        let versions = self.holds.count { if case .version = $0.owner { true } else { false } }
        return versions < min(versionsMax, Limit.versionHolders)
            && bytes <= Limit.holderBytes - Limit.childHolderBytes
    }

    /// Notes of holds that their owners have been seen live: the audit need not look again.
    ///
    /// - Returns: false if there is nothing to note.
    package mutating func confirm(_ owners: [Owner]) -> Bool {
        guard self.state != .dead else { return false }
        var isChanged = false
        for place in self.holds.indices
        where !self.holds[place].confirmed && owners.contains(self.holds[place].owner) {
            self.holds[place].confirmed = true
            isChanged = true
        }
        return isChanged
    }

    private mutating func insert(_ hold: Hold) {
        let place = self.holds.firstIndex { hold.owner < $0.owner } ?? self.holds.endIndex
        self.holds.insert(hold, at: place)
        self.checkInvariants()
    }

    /// Gives an open manifest its segments and its version's hold; what else holds it stays.
    ///
    /// Sealing a second time with the same segments is a hold; with others it is refused: the first
    /// seal wins.
    ///
    /// - Parameters:
    ///   - segments: What the manifest consists of from now on.
    ///   - borrows: The manifests that lend some of it, sorted, each once. They hold already.
    ///   - hold: That of the version to be.
    /// - Returns: what became of it.
    package mutating func seal(
        _ segments: [SegmentRun],
        borrows: [ManifestID] = [],
        for hold: Hold
    ) -> HoldOutcome {
        switch self.state {
        case .dead: return .gone
        case .sealed: return self.hold(hold, digest: SegmentList(segments).digest)
        case .open:
            self.state = .sealed
            self.list = SegmentList(segments)
            self.borrows = borrows
            return self.hold(hold, digest: self.list.digest)
        }
    }

    /// Removes a hold whose ceiling lies below the fence; the last one takes the manifest with it.
    ///
    /// - Parameters:
    ///   - owner: Who held it.
    ///   - fence: A ballot chosen on the owner's register, whose value does not name this manifest.
    /// - Returns: what became of it.
    package mutating func release(_ owner: Owner, fence: Ballot) -> ReleaseOutcome {
        guard self.state != .dead else { return .gone }
        guard let place = self.holds.firstIndex(where: { $0.owner == owner }) else {
            return .absent
        }
        guard self.holds[place].ceiling < fence else {
            return .kept(ceiling: self.holds[place].ceiling)
        }
        self.holds.remove(at: place)
        guard self.holds.isEmpty else { return .removed }
        self.state = .dead
        self.checkInvariants()
        return .died
    }

    /// Sealed, and no upload is left that could be completed once more.
    ///
    /// Only then is what the segments do not list nobody's: chunks, and holds on what it does not
    /// borrow (rules R7 and R8, trap H5).
    package var isFinal: Bool {
        self.state == .sealed
            && !self.holds.contains { if case .upload = $0.owner { true } else { false } }
    }

    package func checkInvariants() {
        precondition(self.holds.isEmpty == (self.state == .dead), "Dead means unheld.")
        precondition(self.holds.count <= Limit.holders, "Holders are bounded.")
        precondition(self.state != .open || self.list.isEmpty, "An open manifest is empty.")
    }

    /// The record of a manifest that nobody created in time: dead, with chunks perhaps.
    package static let stillborn = ManifestRecord(
        state: .dead,
        storageClass: .standard,
        segments: [],
        borrows: [],
        holds: []
    )
}
