package import ChunkStore
package import MetadataStore
import PeerProtocol

/// Why a data directory could not be opened.
package enum StorageNodeError: Error, Hashable, Sendable {
    case rows(MetadataError)
    case chunks(ChunkStoreError)
}

extension PeerFailure {
    init(_ error: MetadataError) {
        switch error {
        case .full: self.init(.full, "no room for rows")
        case .failed(let text): self.init(.outOfService, "rows: \(text)")
        case .damaged(let text): self.init(.outOfService, "rows damaged: \(text)")
        }
    }

    init(_ error: ChunkStoreError) {
        switch error {
        case .full: self.init(.full, "no room for chunks")
        case .failed(let text): self.init(.outOfService, "chunks: \(text)")
        case .notFound: self.init(.notFound, "no such chunk")
        case .damaged: self.init(.corrupt, "damaged on disk")
        case .noSuchBlocks(let blocks): self.init(.badRequest, "no blocks \(blocks)")
        case .refused(let error): self.init(.badRequest, "damaged on the way: \(error)")
        }
    }
}
