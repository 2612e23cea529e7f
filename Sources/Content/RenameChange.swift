package import Register
package import StoreModel

/// The first step of a rename: its target learns of the version that is to come.
///
/// What clients see of the target stays as it was. Source: docs/protocol/renaming.md.
package struct OfferChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case offered(IncomingVersion)
        case refused(WriteRefusal)
        /// The bucket keeps versions, or did.
        case versioned
    }

    /// The version with the least ceiling it may get, if it names a manifest.
    package let incoming: IncomingVersion
    /// Whether the bucket never kept versions, in the generation that the change carries.
    package let isAllowed: Bool
    /// Why what clients see of the target forbids it.
    package let refusal: @Sendable (Version?) -> WriteRefusal?
    package let now: HybridTime

    package init(
        _ incoming: IncomingVersion,
        isAllowed: Bool,
        now: HybridTime,
        refusal: @escaping @Sendable (Version?) -> WriteRefusal?
    ) {
        self.incoming = incoming
        self.isAllowed = isAllowed
        self.now = now
        self.refusal = refusal
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        guard self.isAllowed else { return .keep(.versioned) }
        var record = try ObjectRecord(value)
        if let refusal = self.refusal(record.current) { return .keep(.refused(refusal)) }
        // Whichever of the two versions goes, there has to be room for it.
        guard record.garbage.count < Limit.garbage else { return .keep(.refused(.garbageFull)) }
        var incoming = self.incoming
        incoming.version.content = incoming.version.content.held(at: ballot)
        record.advance(to: self.now)
        record.pending = .incoming(incoming)
        return record.decision(.offered(incoming), orIfTooLong: .refused(.tooManyVersions))
    }
}

/// The second step, and the one that counts: the source lets go of its version, and says where it
/// is.
package struct MoveChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case moved
        /// The source has another version, or this one was changed, or somebody has decided against
        /// the rename.
        case changed
        case refused(WriteRefusal)
        /// The bucket keeps versions, or did.
        case versioned
    }

    /// The version as it was read: not only by its id, since tags and grants change under it.
    package let version: Version
    /// The ``ObjectRecord/fence`` that was read with it.
    package let fence: UInt64
    /// The id that it has at the target.
    package let arrival: VersionID
    package let target: ObjectKey
    package let now: HybridTime
    /// Whether the bucket never kept versions, in the generation that the change carries.
    package var isAllowed = true

    package init(
        _ version: Version,
        fence: UInt64,
        to target: ObjectKey,
        as arrival: VersionID,
        now: HybridTime
    ) {
        self.version = version
        self.fence = fence
        self.target = target
        self.arrival = arrival
        self.now = now
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        guard self.isAllowed else { return .keep(.versioned) }
        var record = try ObjectRecord(value)
        guard record.current == self.version, record.fence == self.fence else {
            return .keep(.changed)
        }
        switch record.drop(self.version, at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .refused(let refusal): return .keep(.refused(refusal))
        }
        record.advance(to: self.now)
        record.pending = .moved(self.arrival, to: self.target)
        return record.decision(.moved)
    }
}

/// Decides at the source of a rename what becomes of it: it has been made, or it will never be.
package struct DecideChange: RegisterChange {
    package let incoming: IncomingVersion
    /// Broken on purpose: whoever decides against a rename does not make sure of it.
    package var forgetsFence = false

    package init(_ incoming: IncomingVersion) { self.incoming = incoming }

    /// - Returns: whether it has been made.
    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Bool> {
        var record = try ObjectRecord(value)
        if case .moved(self.incoming.version.id, _)? = record.pending { return .keep(true) }
        // Not only where it is the current one: newer versions may go again.
        guard record.versions.contains(where: { $0.id == self.incoming.sourceVersion }),
            record.fence == self.incoming.fence, !self.forgetsFence
        else { return .keep(false) }
        // Nobody comes so far; bytes from a disk might say that somebody has.
        record.fence &+= 1
        return record.decision(false)
    }
}

/// The third step: the version that was to come has come, or goes again.
///
/// Harmless where the rename is not pending any more.
package struct ArriveChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case done
        case refused(WriteRefusal)
    }

    package let arrival: VersionID
    package let isMade: Bool

    /// - Parameters:
    ///   - arrival: The version that was to come.
    ///   - isMade: What was decided at the source.
    package init(_ arrival: VersionID, isMade: Bool) {
        self.arrival = arrival
        self.isMade = isMade
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard let incoming = record.incoming, incoming.version.id == self.arrival else {
            return .keep(.done)
        }
        let dropped = self.isMade ? record[.null] : incoming.version
        if let dropped {
            switch record.drop(dropped, at: ballot) {
            case .dropped: break
            case .above(let ceiling): return .retry(above: ceiling)
            case .refused(let refusal): return .keep(.refused(refusal))
            }
        }
        record.pending = nil
        if self.isMade { record.versions.insert(incoming.version, at: 0) }
        return record.decision(.done)
    }
}

/// The last step: the source forgets where its version is.
///
/// Harmless where the rename is not pending any more.
package struct ForgetMoveChange: RegisterChange {
    package let arrival: VersionID

    package init(_ arrival: VersionID) { self.arrival = arrival }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Void> {
        var record = try ObjectRecord(value)
        guard case .moved(self.arrival, _)? = record.pending else { return .keep(()) }
        record.pending = nil
        return record.decision(())
    }
}

extension VersionContent {
    /// The same in a version that is proposed at this ballot.
    func held(at ballot: Ballot) -> VersionContent {
        guard case .manifest(let manifest, let segments, let digest, let held) = self else {
            return self
        }
        return .manifest(
            manifest,
            segments: segments,
            digest: digest,
            ceiling: ballot.ceiling(holding: held)
        )
    }
}
