import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Handing content over: before a joint layout becomes stable every chunk that is needed is where
/// the latter sets want it.
///
/// Source: docs/protocol/layout.md, "Handing content over".
extension Coordinator {
    /// Takes the content of a joint layout on, once its rows have been handed over.
    ///
    /// As long as there is patience every chunk has to be on all of its homes; after that enough
    /// nodes that stay have to have it, and what nobody has is reported.
    ///
    /// - Returns: true if nothing stands against the stable layout.
    func handOverContent(by joint: Layout, _ progress: ContentProgress) async -> Bool {
        let waited = progress.begin(self.doors.time.nanoseconds)
        var pass = ContentPass(
            joint,
            up: await self.nodesUp(),
            isSettling: waited >= self.settings.contentPatience.wholeMicroseconds * 1_000
        )
        if let short = progress.short {
            guard await self.restoreAgain(short, &pass) else { return false }
        } else {
            guard await self.lookForContent(&pass) else { return false }
        }
        progress.short = pass.isFull ? nil : pass.short
        if pass.isSettling {
            guard pass.scarce == 0 else { return false }
            self.report(pass.lost)
            return true
        }
        return pass.short.isEmpty
    }

    private func report(_ lost: [ChunkName]) {
        self.instruments.lost(lost.count)
        self.healing.update { state in state.heal.lost += lost.count }
    }

    // MARK: - What there is

    /// Looks at all manifests and all parts of uploads, and has copies made that are missing.
    ///
    /// Parts come first: a manifest that is sealed meanwhile is met among the manifests.
    ///
    /// - Returns: false if not everything could be looked at.
    private func lookForContent(_ pass: inout ContentPass) async -> Bool {
        for subject in [ScanRequest.Subject.partRows, .manifests] {
            var rows = MergedRows(
                self.caller,
                pass.joint.members.filter { pass.up.contains($0) },
                subject,
                under: pass.joint.epoch,
                timeout: self.settings.registerTimeout
            )
            while let found = await rows.next() {
                guard !Task.isCancelled, await self.take(found, into: &pass) else { return false }
            }
            guard pass.joint.hasAllRows(rows.complete) else { return false }
        }
        await self.restore(&pass)
        return true
    }

    /// What is wanted of a manifest's or a part's chunks, as some nodes' rows of it say.
    ///
    /// - Returns: false if that cannot be said.
    private func take(_ rows: [ScannedRow], into pass: inout ContentPass) async -> Bool {
        guard let key = rows.first?.key else { return true }
        var bodies: [[UInt8]] = []
        for case .live(let body) in rows.map(\.content) where !bodies.contains(body) {
            bodies.append(body)
        }
        // Whoever has a damaged row may be the one that knew.
        if rows.contains(where: { $0.content == .corrupt }) {
            guard let state = try? await self.read(key, "hand \(key) over") else { return false }
            if let body = state.body { bodies.append(body) }
        }
        switch key {
        case .manifest(let manifest):
            let records = bodies.compactMap { try? ManifestRecord(decoding: $0) }
            // Death may not be chosen: what one replica calls sealed counts.
            guard let record = records.first(where: { $0.state == .sealed }) else { return true }
            for chunk in record.chunks(of: manifest) {
                await self.add(chunk, as: record.storageClass, to: &pass)
            }
        case .part:
            for part in bodies.compactMap({ try? PartRecord(decoding: $0) }) {
                guard await self.take(part, into: &pass) else { return false }
            }
        case .object, .bucket, .layout, .accessKeys: break
        }
        return true
    }

    /// The chunks of a part, unless its upload is complete or gone.
    private func take(_ part: PartRecord, into pass: inout ContentPass) async -> Bool {
        if pass.upload?.manifest != part.manifest {
            let key = RegisterKey.manifest(part.manifest)
            guard let state = try? await self.read(key, "hand parts over") else { return false }
            let record = state.body.flatMap { try? ManifestRecord(decoding: $0) }
            pass.upload = (part.manifest, record?.state == .open ? record?.storageClass : nil)
        }
        guard let storageClass = pass.upload?.storageClass else { return true }
        for run in part.segments where run.manifest == part.manifest {
            for index in 0..<run.count {
                await self.add(run.chunk(index), as: storageClass, to: &pass)
            }
        }
        return true
    }

    private func add(
        _ chunk: ChunkName,
        as storageClass: StorageClass,
        to pass: inout ContentPass
    ) async {
        pass.batch.add(chunk, as: storageClass, pass.joint.homes(of: chunk, as: storageClass))
        if pass.batch.isFull { await self.restore(&pass) }
    }

    private func restore(_ pass: inout ContentPass) async {
        var summary = HealSummary()
        let short = await self.restore(pass.batch, up: pass.up, into: &summary)
        self.instruments.handedOver(summary)
        pass.batch = HealBatch()
        for shortage in short {
            if pass.short.count < ContentProgress.shortMax {
                pass.short.append(shortage)
            } else {
                pass.isFull = true
            }
            guard pass.isSettling else { continue }
            switch await self.standing(of: shortage, by: pass.joint) {
            case .enough, nil: break
            case .scarce: pass.scarce += 1
            case .lost: pass.lost.append(shortage.chunk)
            }
        }
    }

    private func restoreAgain(_ short: [Shortage], _ pass: inout ContentPass) async -> Bool {
        for shortage in short {
            guard !Task.isCancelled, self.layouts.epoch == pass.joint.epoch else { return false }
            await self.add(shortage.chunk, as: shortage.storageClass, to: &pass)
        }
        await self.restore(&pass)
        return true
    }

    // MARK: - What falls short

    /// Tries what a write does where homes are away: others stand in for them.
    ///
    /// - Returns: nil if nobody needs the chunk any more.
    private func standing(
        of shortage: Shortage,
        by joint: Layout
    ) async -> ContentProgress.Standing? {
        let chunk = shortage.chunk
        let staying = joint.preferenceList(of: chunk.partition)
        if shortage.holders >= min(shortage.storageClass.writeQuorum, staying.count) {
            return .enough
        }
        let request = PullRequest(
            source: chunk,
            target: chunk,
            sources: joint.searchList(of: chunk.partition)
        )
        let stored = try? await self.chunks.store(
            chunk,
            as: shortage.storageClass,
            .pullChunk(request)
        )
        guard await self.healing.repairs.isStillNeeded(chunk.manifest, at: staying) else {
            return nil
        }
        if stored != nil { return .enough }
        for node in joint.searchList(of: chunk.partition) where await self.has(chunk, node) {
            return .scarce
        }
        return .lost
    }

    /// Whether a node gives the chunk out, whole.
    private func has(_ chunk: ChunkName, _ node: NodeID) async -> Bool {
        let reply = try? await self.caller.ask(
            node,
            .readChunk(chunk, blocks: nil),
            within: self.settings.chunkTimeout
        )
        if case .blocks? = reply { return true }
        return false
    }
}

/// What one pass over the content has come to.
private struct ContentPass {
    let joint: Layout
    /// Nodes that answered when it began; no other is asked.
    let up: Set<NodeID>
    /// Whether what is not on all of its homes is judged.
    let isSettling: Bool
    var batch = HealBatch()
    /// Chunks that are not on all of their homes.
    var short: [Shortage] = []
    /// There were more of them than are remembered.
    var isFull = false
    /// Chunks that too few nodes have.
    var scarce = 0
    var lost: [ChunkName] = []
    /// The upload whose parts were met last, and its class as long as it is open: its parts come
    /// one behind the other.
    var upload: (manifest: ManifestID, storageClass: StorageClass?)?

    init(_ joint: Layout, up: Set<NodeID>, isSettling: Bool) {
        self.joint = joint
        self.up = up
        self.isSettling = isSettling
    }
}

extension Layout {
    /// Whether the nodes have, together, every row that is chosen: a majority of each former set or
    /// of the latter one.
    func hasAllRows(_ nodes: Set<NodeID>) -> Bool {
        PartitionID.all.allSatisfy { partition in
            self.quorumSets(of: partition).contains { set in
                set.count { nodes.contains($0) } > set.count / 2
            }
        }
    }
}
