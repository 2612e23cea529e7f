import Coordinator
import Synchronization

/// What the log and the metrics are told of one request.
final class RequestRecord: Sendable {
    struct Fields {
        /// The S3 operation; `Unknown` until it is known.
        var operation = "Unknown"
        var accessKey: String?
        var bucket: String?
        var key: String?
        var source: String?
        var bytesIn: UInt64 = 0
        var bytesOut: UInt64 = 0
        var status = 0
        /// The S3 code.
        var error: String?
        /// What lay behind it, for the operator.
        var cause: String?
        var copyMode: String?
        var chunksPulled: Int?
        var bytesMoved: UInt64?
        /// Bytes of an object that was copied without moving them.
        var bytesReferenced: UInt64?
        /// Given up because its client had gone.
        var isGivenUp = false
    }

    private let fields = Mutex(Fields())

    func note(_ change: (inout Fields) -> Void) { self.fields.withLock { change(&$0) } }

    /// Does a copy, and notes if it is given up.
    func noting<Value>(
        _ copy: () async throws(ClusterError) -> Value
    ) async throws(ClusterError) -> Value {
        do throws(ClusterError) {
            return try await copy()
        } catch {
            if error.code == .cancelled { self.note { $0.isGivenUp = true } }
            throw error
        }
    }

    var noted: Fields { self.fields.withLock { $0 } }
}
