import ChunkStore
import PeerProtocol
import Runtime
import StoreModel
import Synchronization
import Wire

/// Reads chunks, for clients and for other nodes, and tells of copies that turn out to be damaged.
///
/// Whoever asked goes on to another copy and need not come back; only this node is sure to be there
/// to have its own copy replaced.
final class ChunkReads: Sendable {
    private let chunks: ChunkStore
    private let handler = Mutex<(any ChangeHandler)?>(nil)

    init(_ chunks: ChunkStore) { self.chunks = chunks }

    /// Who makes changes and has copies replaced; nil as long as there is nobody.
    var changeHandler: (any ChangeHandler)? { self.handler.withLock { $0 } }

    func use(_ handler: (any ChangeHandler)?) { self.handler.withLock { $0 = handler } }

    /// Some blocks of a chunk, as they are stored, intact.
    func read(_ name: ChunkName, blocks: Range<Int>?) async throws(PeerFailure) -> ChunkSlice {
        try await self.watching(name) { () async throws(ChunkStoreError) in
            try await self.chunks.read(name, blocks: blocks)
        }
    }

    /// A whole chunk, as it is stored, intact, to be stored once more.
    func chunk(_ name: ChunkName) async throws(PeerFailure) -> StoredChunk {
        try await self.watching(name) { () async throws(ChunkStoreError) in
            try await self.chunks.chunk(name, .passing)
        }
    }

    private func watching<Value>(
        _ name: ChunkName,
        _ read: () async throws(ChunkStoreError) -> Value
    ) async throws(PeerFailure) -> Value {
        do throws(PeerFailure) {
            return try await onChunks(read)
        } catch {
            if error.code == .corrupt { self.changeHandler?.foundDamaged(name) }
            throw error
        }
    }
}
