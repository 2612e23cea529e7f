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
    }

    private let fields = Mutex(Fields())

    func note(_ change: (inout Fields) -> Void) { self.fields.withLock { change(&$0) } }

    var noted: Fields { self.fields.withLock { $0 } }
}
