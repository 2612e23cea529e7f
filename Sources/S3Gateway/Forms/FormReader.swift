import Coordinator
package import NIOCore
import S3Protocol

/// Reads a form: first its fields, then, as the source of a body, the bytes of its file.
///
/// The end of the file is told only when the whole request is there. An actor for the same reason
/// as ``CheckedBody``.
package actor FormReader: BodySource {
    private let raw: any BodySource
    private var decoder: FormDecoder
    private var pending = ByteBuffer()
    private var sizes: ClosedRange<UInt64> = 0...UInt64.max
    private var received: UInt64 = 0

    init(_ raw: any BodySource, contentType: String) throws(S3Error) {
        self.raw = raw
        self.decoder = try FormDecoder(contentType: contentType)
    }

    /// The fields before the file, which has begun.
    func fields() async throws(S3Error) -> (fields: [HeaderField], filename: String) {
        do {
            while !self.decoder.hasFile {
                guard !self.decoder.hasEnded else {
                    throw S3Error.invalidArgument(
                        "POST requires exactly one file upload per request.",
                        "file",
                        "0"
                    )
                }
                _ = try await self.step()
            }
        } catch {
            throw S3Error(bodyFailure: error)
        }
        return (self.decoder.fields, self.decoder.filename)
    }

    /// Demands that the file has so many bytes.
    func demand(_ sizes: ClosedRange<UInt64>) { self.sizes = sizes }

    package func next() async throws -> ByteBuffer? {
        while !self.decoder.hasEnded {
            guard let content = try await self.step() else { continue }
            self.received += UInt64(content.readableBytes)
            guard self.received <= self.sizes.upperBound else {
                throw self.wrongSize(.entityTooLarge, "MaxSizeAllowed", self.sizes.upperBound)
            }
            return content
        }
        guard self.received >= self.sizes.lowerBound else {
            throw self.wrongSize(.entityTooSmall, "MinSizeAllowed", self.sizes.lowerBound)
        }
        // What comes behind the file does not matter, but that it comes does.
        while try await self.raw.next() != nil {}
        return nil
    }

    private func wrongSize(_ code: S3Error.Code, _ name: String, _ limit: UInt64) -> S3Error {
        S3Error(
            code,
            nil,
            [.init("ProposedSize", String(self.received)), .init(name, String(limit))]
        )
    }

    /// Goes a step further; nil if that gave no bytes of the file.
    private func step() async throws -> ByteBuffer? {
        if self.pending.readableBytes == 0 {
            guard let buffer = try await self.raw.next() else { throw S3Error(.incompleteBody) }
            self.pending = buffer
        }
        var piece = self.pending
        let step = try unsafe piece.withUnsafeReadableBytes { bytes in
            try unsafe self.decoder.decode(bytes)
        }
        self.pending.moveReaderIndex(forwardBy: step.consumed)
        if step.held > 0 { return ByteBuffer(bytes: self.decoder.delimiter[..<step.held]) }
        guard !step.content.isEmpty else { return nil }
        piece.moveReaderIndex(forwardBy: step.content.lowerBound)
        return piece.readSlice(length: step.content.count)
    }
}
