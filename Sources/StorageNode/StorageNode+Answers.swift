import ChunkStore
import MetadataStore
import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel
import Wire

extension StorageNode {
    /// Carries out a request that sender and node understand by the same layout.
    func answer(
        _ request: PeerRequest,
        under epoch: UInt64,
        from node: NodeID
    ) async throws(PeerFailure) -> PeerReply {
        switch request {
        case .register(let key, let request):
            return try await self.register(key, request, under: epoch)
        case .scan(let request) where request.subject == .chunkManifests:
            return try await self.scanChunks(request)
        case .scan(let request): return try await self.scan(request)
        case .fence(let bucket, let generation):
            let fence = BucketFence(bucket: bucket, generation: generation)
            return try await self.raise([fence], under: epoch)
        case .heldRows(let request): return try await self.heldRows(request)
        case .install(let request): return try await self.install(request, under: epoch)
        case .fences(let bucket): return self.fences(after: bucket)
        case .raiseFences(let fences): return try await self.raise(fences, under: epoch)
        case .floors(let partition): return .floors(self.rows.floors(of: partition))
        case .raiseFloors(let partition, let floors):
            try await self.onRows { () async throws(MetadataError) in
                try await self.rows.raise(floors, of: partition)
            }
            return .done(0)
        case .writeChunk(let name, let chunk):
            // Whoever wrote through this node is likely to read through it, and reads ask the own
            // copy first: of a long chunk that is just written, one copy stays in memory, not all.
            let cache: CacheUse = node == self.id ? .kept : .passing
            try await onChunks { () async throws(ChunkStoreError) in
                try await self.chunks.write(name, chunk, cache)
            }
            self.instruments.written(storedBytes: chunk.blocks.readableBytes)
            return .done(0)
        case .readChunk(let name, let blocks):
            let slice = try await self.reads.read(name, blocks: blocks)
            self.instruments.served(storedBytes: slice.blocks.readableBytes)
            return .blocks(slice)
        case .pullChunk(let request): return .done(try await self.puller.pull(request))
        case .composeChunk(let request):
            return .composed(try await self.puller.compose(request))
        case .dropManifest(let manifest, let kept):
            let dropped = try await onChunks { () async throws(ChunkStoreError) in
                try await self.chunks.drop(manifest, keeping: kept)
            }
            self.emptySparseVolumes()
            return .done(UInt64(dropped))
        case .haveChunks, .listChunks, .dropCopies, .scrubChunks:
            return try await self.answerOfChunks(request, from: node)
        case .pushLayout(let layout): return try await self.take(layout)
        case .digests(let partition): return try await self.digests(of: partition)
        case .ballots(let request): return try await self.ballots(request)
        case .announce(let start, let previous):
            return try await self.take(start, after: previous, of: node)
        case .underWay(let undertaking):
            return .done(self.undertakings.contains(undertaking) ? 1 : 0)
        case .change: throw PeerFailure(.badRequest, "changes are made elsewhere")
        case .describe:
            let layout = self.layouts.layout?.record
            return .description(NodeDescription(node: self.description, layout: layout))
        }
    }

    /// Answers as a replica; the layout's own register is kept by whoever is asked, so that a first
    /// layout can be agreed on before there is one.
    private func register(
        _ key: RegisterKey,
        _ request: RegisterRequest,
        under epoch: UInt64
    ) async throws(PeerFailure) -> PeerReply {
        if key != .layout { try self.checkKeeps(key.partition) }
        let answer = try await self.onRows { () async throws(MetadataError) in
            try await self.rows.answer(request, about: key, under: epoch)
        }
        switch answer {
        case .reply(let reply): return .register(reply)
        case .otherLayout: return await self.afterSwitch()
        case .awaitsFloor:
            throw PeerFailure(.notAReplica, "the floors of partition \(key.partition) are missing")
        }
    }

    func checkKeeps(_ partition: PartitionID) throws(PeerFailure) {
        let replicas = self.layouts.layout?.replicaSet(of: partition) ?? []
        guard replicas.contains(self.id) else {
            throw PeerFailure(.notAReplica, "partition \(partition)")
        }
    }

    private func scan(_ request: ScanRequest) async throws(PeerFailure) -> PeerReply {
        guard let layout = self.layouts.layout else { return .needLayout }
        return .rows(
            try await self.onRows { () async throws(MetadataError) in
                var scan = RowScan(
                    self.rows,
                    kept: KeptPartitions(layout, of: self.id),
                    request
                )
                return try await scan.run()
            }
        )
    }

    /// The manifests of which there are chunks here.
    private func scanChunks(_ request: ScanRequest) async throws(PeerFailure) -> PeerReply {
        var after: ManifestID?
        if let marker = request.after {
            do throws(RecordError) { after = try ManifestID(decoding: marker) } catch {
                throw PeerFailure(.badRequest, "\(error)")
            }
        }
        let start = after
        let manifests = try await onChunks { () async throws(ChunkStoreError) in
            try await self.chunks.manifests(after: start, limit: request.limit)
        }
        let rows = manifests.map {
            ScannedRow(key: .manifest($0), accepted: .zero, content: .live([]))
        }
        let isFull = rows.count == request.limit
        return .rows(ScanPage(rows: rows, next: isFull ? manifests.last?.encoded : nil))
    }

    /// Makes a newer layout durable, and then acts by it.
    private func take(_ layout: LayoutRecord) async throws(PeerFailure) -> PeerReply {
        guard layout.epoch > 0 else { throw PeerFailure(.badRequest, "epoch 0 is no layout") }
        return try await self.layoutLock.run { () async throws(PeerFailure) in
            if let own = self.layouts.layout, own.epoch >= layout.epoch {
                if own.epoch > layout.epoch { return .staleLayout(own.record) }
                guard own.record == layout else {
                    throw PeerFailure(.layoutConflict, "another layout of epoch \(layout.epoch)")
                }
                return .done(0)
            }
            let next = Layout(layout)
            await self.doors.reach(self.stays(in: layout) ? .switchLayout : .leave)
            let joined = self.partitionsJoined(by: next)
            try await self.onRows { () async throws(MetadataError) in
                try await self.rows.store(layout, joining: joined)
            }
            let isFirst = self.layouts.layout == nil
            self.layouts.advance(to: next)
            self.dropLeftRows()
            // With the first one the node introduces itself anyway.
            if !isFirst { self.introduceToMembers() }
            return .done(0)
        }
    }

    /// Calls the metadata store, with its errors as a peer is told of them.
    func onRows<Value>(
        _ body: () async throws(MetadataError) -> Value
    ) async throws(PeerFailure) -> Value {
        do throws(MetadataError) { return try await body() } catch { throw PeerFailure(error) }
    }
}
