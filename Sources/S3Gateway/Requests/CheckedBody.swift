import Coordinator
import Crypto
package import NIOCore
import S3Protocol
package import StoreModel

/// The body of a request, checked against its signature, its length and its checksums.
///
/// The last check comes before the end is told: whoever commits when ``next()`` has returned nil
/// commits what the client sent. An actor, so that it may be handed to a store; it runs where its
/// reader runs.
package actor CheckedBody: BodySource {
    /// Bytes of content that the client announced; nil if it did not.
    nonisolated let announcedBytes: UInt64?
    nonisolated let checks: BodyChecks

    private let raw: any BodySource
    private let bytesMax: UInt64
    private let record: RequestRecord
    private var chunks: ChunkedDecoder?
    private var pending = ByteBuffer()
    private var digests: BodyDigests
    private var received: UInt64 = 0
    private var isDone = false
    private var verifiedAtEnd: [Checksum] = []

    init(
        _ raw: any BodySource,
        _ checks: BodyChecks,
        headers: [HeaderField],
        sender: Sender,
        bytesMax: UInt64,
        record: RequestRecord
    ) throws(S3Error) {
        let isChunked = sender.payload.isChunked
        let announced = try Self.announced(headers, isChunked: isChunked)
        if let announced, announced > bytesMax {
            throw S3Error(
                .entityTooLarge,
                nil,
                [
                    .init("ProposedSize", String(announced)),
                    .init("MaxSizeAllowed", String(bytesMax)),
                ]
            )
        }
        if let announced, isChunked {
            let trailers = headers.first("x-amz-trailer").map { [$0] } ?? []
            switch sender {
            case .user(let verified, _):
                self.chunks = ChunkedDecoder(
                    verified,
                    decodedBytes: announced,
                    trailers: trailers
                )
            case .anonymous:
                self.chunks = ChunkedDecoder(unsignedBytes: announced, trailers: trailers)
            }
        }
        self.announcedBytes = announced
        self.checks = checks
        self.raw = raw
        self.bytesMax = bytesMax
        self.record = record
        self.digests = BodyDigests(checks, payload: sender.payload)
    }

    /// For the file of a form, which ends where the form says so.
    init(file raw: any BodySource, _ checks: BodyChecks, record: RequestRecord) {
        self.announcedBytes = nil
        self.checks = checks
        self.raw = raw
        self.bytesMax = Limit.objectBytes
        self.record = record
        self.digests = BodyDigests(checks, payload: .unsigned)
    }

    package func next() async throws -> ByteBuffer? {
        if self.isDone { return nil }
        guard let content = try await self.nextContent() else {
            try self.finish()
            return nil
        }
        self.received += UInt64(content.readableBytes)
        guard self.received <= self.bytesMax else {
            throw S3Error(.entityTooLarge, nil, [.init("MaxSizeAllowed", String(self.bytesMax))])
        }
        self.digests.update(content)
        self.record.note { $0.bytesIn += UInt64(content.readableBytes) }
        return content
    }

    private func nextContent() async throws -> ByteBuffer? {
        guard self.chunks != nil else { return try await self.raw.next() }
        while true {
            while self.pending.readableBytes > 0 {
                let step = try self.decode()
                var piece = self.pending
                self.pending.moveReaderIndex(forwardBy: step.consumed)
                guard let range = step.content else { continue }
                piece.moveReaderIndex(forwardBy: range.lowerBound)
                if let content = piece.readSlice(length: range.count) { return content }
            }
            guard let buffer = try await self.raw.next() else { return nil }
            self.pending = buffer
        }
    }

    private func decode() throws -> ChunkedDecoder.Step {
        guard var chunks = self.chunks else { preconditionFailure("The body is chunked.") }
        defer { self.chunks = chunks }
        // Two owners of the decoder would copy what it has gathered.
        self.chunks = nil
        return try unsafe self.pending.withUnsafeReadableBytes { try unsafe chunks.decode($0) }
    }

    private func finish() throws {
        self.isDone = true
        if let chunks = self.chunks {
            try chunks.finish()
        } else if let announced = self.announcedBytes, announced != self.received {
            throw S3Error(.incompleteBody)
        }
        let trailer = try self.digests.check(trailers: self.chunks?.trailers ?? [])
        self.verifiedAtEnd = trailer.map { [$0] } ?? []
    }

    package func checksumsAtEnd() -> [Checksum] { self.verifiedAtEnd }

    /// The length of the content, which S3 wants to know before it begins.
    private static func announced(
        _ headers: [HeaderField],
        isChunked: Bool
    ) throws(S3Error) -> UInt64? {
        let name = isChunked ? "x-amz-decoded-content-length" : "content-length"
        guard let text = headers.first(name) else {
            // A request without both has no body.
            if !isChunked, headers.first("transfer-encoding") == nil { return 0 }
            throw S3Error(.missingContentLength)
        }
        guard let bytes = UInt64(text) else {
            throw .invalidArgument("\(name) must be a number of bytes.", name, text)
        }
        return bytes
    }
}
