import Coordinator
import NIOCore
import NIOHTTP1
import S3Protocol
import StoreModel

/// A request whose sender is known, taken apart.
struct S3Request: Sendable {
    let method: HTTPMethod
    let target: RequestTarget
    let headers: [HeaderField]
    let addressed: Addressed
    let sender: Sender
    let exchange: HTTPExchange
    let record: RequestRecord
    /// What the bucket says to the sender; nil for the root user, and where no bucket is named.
    var access: BucketAccess?
    var pass = Pass.none
    /// Whether it came as a form; its fields are the headers then.
    var isForm = false

    /// - Precondition: the request names an object.
    var object: ObjectName {
        guard case .object(let bucket, let key) = self.addressed else {
            preconditionFailure("The router promised an object.")
        }
        return ObjectName(bucket, key)
    }

    /// - Precondition: the request names a bucket or an object.
    var bucket: BucketName {
        guard let bucket = self.addressed.bucket else {
            preconditionFailure("The router promised a bucket.")
        }
        return bucket
    }

    /// The body, checked against all that the request says of it.
    ///
    /// A body above `bytesMax` is refused. A checksum by `algorithm` is computed if the request
    /// brings none. `ignoresChecksums` says that `x-amz-checksum-…` speaks of something else.
    func body(
        bytesMax: UInt64,
        computing algorithm: Checksum.Algorithm? = nil,
        ignoresChecksums: Bool = false
    ) throws(S3Error) -> CheckedBody {
        var headers = self.headers
        if ignoresChecksums { headers.removeAll { $0.name.hasPrefix(BodyChecks.prefix) } }
        var checks = try BodyChecks(headers)
        checks.computed = algorithm
        return try CheckedBody(
            self.exchange.body,
            checks,
            headers: headers,
            sender: self.sender,
            bytesMax: bytesMax,
            record: self.record
        )
    }

    /// A small body, whole.
    func wholeBody(
        bytesMax: Int,
        ignoresChecksums: Bool = false
    ) async throws(S3Error) -> [UInt8] {
        let body = try self.body(bytesMax: UInt64(bytesMax), ignoresChecksums: ignoresChecksums)
        var bytes: [UInt8] = []
        do {
            while let buffer = try await body.next() {
                bytes += buffer.readableBytesView
                guard bytes.count <= bytesMax else { throw S3Error(.maxMessageLengthExceeded) }
            }
            return bytes
        } catch {
            throw S3Error(bodyFailure: error)
        }
    }

    /// The version that the request names; nil for the current one.
    func version() throws(S3Error) -> VersionName? {
        try self.target["versionId"].map { text throws(S3Error) in
            try VersionName(parameter: text)
        }
    }
}
