import ChunkStore
import MetadataStore
import Runtime
import StorageNode

/// Why a node does not start from its data directory, and what to do.
extension Failure {
    init(unusable path: String, _ error: EngineError) {
        switch error {
        case .full: self = .noRoom(path)
        case .failed(let text): self = .unusable(path, text)
        }
    }

    init(unusable path: String, _ error: StorageNodeError) {
        switch error {
        case .rows(.full), .chunks(.full): self = .noRoom(path)
        case .rows(.failed(let text)), .rows(.damaged(let text)):
            self = .unusable(path, "rows: \(text)")
        case .chunks(.failed(let text)): self = .unusable(path, "chunks: \(text)")
        case .chunks(let error): self = .unusable(path, "chunks: \(error)")
        }
    }

    private static func noRoom(_ path: String) -> Failure {
        Failure("no space left on the file system of \(path)")
    }

    private static func unusable(_ path: String, _ reason: String) -> Failure {
        Failure(
            "cannot serve from \(path): \(reason)\n"
                + "If the files are damaged, this node must not go on with them: it may have"
                + " forgotten what it promised.\nThe other nodes have everything that was"
                + " acknowledged. Move the directory away and replace the node:"
                + " docs/operations/recovery.md"
        )
    }
}
