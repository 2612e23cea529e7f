package import Runtime

/// Why the node's rows could not be read or changed.
package enum MetadataError: Error, Hashable, Sendable {
    /// No space.
    ///
    /// Nothing was changed.
    case full
    /// The engine is out of service; a change may or may not be on disk.
    case failed(String)
    /// What the node must know of itself is unreadable: it cannot serve from this directory.
    case damaged(String)

    package init(_ error: EngineError) {
        self =
            switch error {
            case .full: .full
            case .failed(let text): .failed(text)
            }
    }
}

/// Calls the engine, with its errors as ours.
func translated<Value>(
    _ body: () async throws(EngineError) -> Value
) async throws(MetadataError) -> Value {
    do throws(EngineError) {
        return try await body()
    } catch {
        throw MetadataError(error)
    }
}
