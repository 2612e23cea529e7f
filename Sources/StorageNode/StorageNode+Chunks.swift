import ChunkStore
import Logging
import PeerProtocol
import Runtime
import StoreModel

/// What healing asks about the chunks of a node.
///
/// Source: docs/protocol/content.md, "Healing".
extension StorageNode {
    func answerOfChunks(
        _ request: PeerRequest,
        from node: NodeID
    ) async throws(PeerFailure) -> PeerReply {
        switch request {
        case .haveChunks(let names):
            return .chunkNames(
                try await onChunks { () async throws(ChunkStoreError) in
                    try await self.chunks.missing(names)
                }
            )
        case .listChunks(let after, let limit):
            return .chunkNames(
                try await onChunks { () async throws(ChunkStoreError) in
                    try await self.chunks.names(after: after, limit: limit)
                }
            )
        case .dropCopies(let names):
            try self.checkIsOwn(node)
            let dropped = try await onChunks { () async throws(ChunkStoreError) in
                try await self.chunks.drop(names)
            }
            self.emptySparseVolumes()
            return .done(UInt64(dropped))
        case .scrubChunks(let request):
            try self.checkIsOwn(node)
            return .scrubbed(try await self.scrub(request))
        default:
            throw PeerFailure(.badRequest, "no request about chunks")
        }
    }

    /// Nobody else knows whether the node still needs its copies, nor how busy its disk is.
    private func checkIsOwn(_ node: NodeID) throws(PeerFailure) {
        guard node == self.id else { throw PeerFailure(.badRequest, "only a node asks itself") }
    }

    private func scrub(_ request: ScrubRequest) async throws(PeerFailure) -> ScrubbedPage {
        try await onChunks { () async throws(ChunkStoreError) in
            let found = try await self.chunks.scrub(
                bytes: request.bytes,
                startsOver: request.startsOver
            )
            return ScrubbedPage(
                read: (found.bytes, UInt64(found.chunks)),
                isLast: found.isLast,
                passBytes: found.passBytes,
                totalBytes: self.chunks.statistics.recordBytes,
                damaged: found.damaged
            )
        }
    }

    /// Begins to empty volumes of which little is alive, if there are any.
    func emptySparseVolumes() {
        guard self.chunks.hasSparseVolume else { return }
        self.doors.background.run {
            guard self.isInService else { return }
            do throws(ChunkStoreError) {
                let emptied = try await self.chunks.emptySparseVolumes()
                self.instruments.emptied(volumes: emptied)
            } catch {
                // A store that has failed says so to the next request.
                self.logger.warning(
                    "a volume could not be emptied",
                    metadata: ["error": "\(error)"]
                )
            }
        }
    }
}
