import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

/// Content that has a manifest, as a version that names it says.
struct SharedContent: Sendable {
    let manifest: ManifestID
    let storageClass: StorageClass
    let segments: [SegmentRun]
    let digest: UInt64
}

/// A hold to be taken out for a version that is to be.
struct WantedHold: Sendable {
    /// The register that is to name the content, and the version there.
    let key: RegisterKey
    let entry: VersionID
    let ceiling: Ballot
    /// Of the bucket.
    let generation: UInt64

    var hold: Hold { Hold(owner: .version(self.key, self.entry), ceiling: self.ceiling) }
}

/// Manifests that have as many holders as they may, and the children that take more.
///
/// A child has the same segments and holds its parent, as long as anybody holds the child. Source:
/// docs/protocol/content.md, "Children".
extension ManifestKeeper {
    /// Levels of children gone down, at most.
    ///
    /// Each level has room for 32 times as many copies.
    private static let levelsMax = 8

    /// Holds content for a version: its manifest, or where that is full, a child of it.
    ///
    /// - Returns: the hold; nil if the content is gone, or no longer what it was.
    /// - Throws: `busy` if there is no room at all.
    func reach(
        _ content: SharedContent,
        for wanted: WantedHold
    ) async throws(ClusterError) -> Holding? {
        var place = content.manifest
        for _ in 0..<Self.levelsMax {
            let holding = Self.holding(content, at: place, wanted)
            switch try await self.hold(holding) {
            case .held: return holding
            case .gone, .otherSegments: return nil
            case .full(let borrowers):
                switch try await self.reach(content, below: place, borrowers, for: wanted) {
                case .held(let holding): return holding
                case .gone: return nil
                case .full(let child): place = child
                }
            }
        }
        throw ClusterError(.busy, "hold manifest \(content.manifest)")
    }

    enum Reached: Sendable {
        case held(Holding)
        case gone
        /// There is no room for another child, and none in this one, the newest.
        case full(child: ManifestID)
    }

    private static func holding(
        _ content: SharedContent,
        at place: ManifestID,
        _ wanted: WantedHold
    ) -> Holding {
        Holding(
            manifest: place,
            owner: wanted.hold.owner,
            digest: content.digest,
            ceiling: wanted.ceiling
        )
    }

    /// Holds the newest child that there is, or makes one.
    ///
    /// Who borrows for an upload has other segments and is no child; who is dead is none any more.
    private func reach(
        _ content: SharedContent,
        below parent: ManifestID,
        _ borrowers: [ManifestID],
        for wanted: WantedHold
    ) async throws(ClusterError) -> Reached {
        var newest: ManifestID?
        search: for borrower in borrowers {
            let holding = Self.holding(content, at: borrower, wanted)
            switch try await self.hold(holding) {
            case .held: return .held(holding)
            case .gone, .otherSegments: continue
            case .full:
                newest = borrower
                break search
            }
        }
        switch try await self.makeChild(of: parent, content, for: wanted) {
        case .held(let holding): return .held(holding)
        case .gone: return .gone
        case .full:
            guard let newest else { throw ClusterError(.busy, "hold manifest \(parent)") }
            return .full(child: newest)
        }
    }

    /// Creates a child with its first hold, and has it hold its parent, at the same time.
    ///
    /// Either may fail or come late: a child that does not hold its parent is named by nobody, and
    /// the hold of a child that does not exist is an orphan.
    func makeChild(
        of parent: ManifestID,
        _ content: SharedContent,
        for wanted: WantedHold
    ) async throws(ClusterError) -> Reached {
        let child = self.ballots.manifest(in: wanted.key.partition)
        self.undertakings.begin(.manifest(child))
        defer { self.undertakings.end(.manifest(child)) }
        guard let segments = try await self.segments(of: content, at: parent) else { return .gone }
        let record = ManifestRecord(
            state: .sealed,
            storageClass: content.storageClass,
            segments: segments,
            borrows: [parent],
            holds: [wanted.hold]
        )
        async let creation = outcome { () throws(ClusterError) in
            try await self.create(child, record)
        }
        let link = await outcome { () throws(ClusterError) in
            try await self.hold(
                Holding(
                    manifest: parent,
                    owner: .manifest(child),
                    digest: content.digest,
                    ceiling: .zero
                )
            )
        }
        let created = await creation
        if case .success = created, case .success(.held) = link {
            return .held(Self.holding(content, at: child, wanted))
        }
        self.doors.background.run { await self.giveBack(child, of: parent, content, wanted) }
        switch link {
        case .success(.gone), .success(.otherSegments): return .gone
        case .success(.full): return .full(child: child)
        case .success(.held): break
        case .failure(let error): throw error
        }
        if case .failure(let error) = created { throw error }
        preconditionFailure("Both have succeeded.")
    }

    /// All segments of content; nil if it is gone.
    ///
    /// Versions do not carry long lists themselves.
    private func segments(
        of content: SharedContent,
        at parent: ManifestID
    ) async throws(ClusterError) -> [SegmentRun]? {
        guard content.segments.isEmpty else { return content.segments }
        let operation = "read manifest \(parent)"
        let state: RegisterState
        do throws(RegisterError) {
            state = try await self.writer.proposer.read(.manifest(parent), generation: 0)
        } catch { throw ClusterError(error, operation) }
        guard let body = state.body else { return nil }
        do throws(RecordError) { return try ManifestRecord(decoding: body).segments } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
    }

    /// Ends a child that no version will name.
    private func giveBack(
        _ child: ManifestID,
        of parent: ManifestID,
        _ content: SharedContent,
        _ wanted: WantedHold
    ) async {
        guard let found = try? await self.kill(child) else { return }
        switch found {
        case .alive:
            await self.abandon(
                Self.holding(content, at: child, wanted),
                generation: wanted.generation
            )
        case .dead, .buried:
            _ = try? await self.release(parent, .manifest(child), fence: child.birth)
            await self.abandon(child)
        }
    }
}
