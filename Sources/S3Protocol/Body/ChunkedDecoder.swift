import Crypto
import StoreModel

/// Takes a body in the form `aws-chunked` apart, and checks its signatures.
///
/// Content is handed out before the signature behind it is known to be right: whoever stores it
/// commits nothing before ``finish()`` has returned.
///
///     hex-size[;chunk-signature=…] CRLF content CRLF    as often as needed
///     0[;chunk-signature=…] CRLF                        the last chunk
///     name:value CRLF                                   the trailers, if any
///     x-amz-trailer-signature:… CRLF                    if trailers are signed
///     CRLF
///
/// Source: S3, "Signature calculations for the Authorization header: transferring payload in
/// multiple chunks", and "including trailing headers".
package struct ChunkedDecoder: Sendable {
    /// Longest line, in bytes.
    static let lineBytes = 1_024
    /// Most lines after the last chunk.
    static let trailersMax = 8

    /// What one call has done.
    package struct Step: Hashable, Sendable {
        /// Bytes of input that are done with; at least one.
        package let consumed: Int
        /// Where content lies in the input, if there was any.
        package let content: Range<Int>?
    }

    enum State: Hashable {
        case chunkLine
        case content(left: UInt64)
        /// Between content and its CRLF.
        case contentEnd
        case trailers
        case ended
    }

    /// Complete once ``finish()`` has returned.
    package private(set) var trailers: [HeaderField] = []
    private(set) var state = State.chunkLine
    private let decodedBytes: UInt64
    private let isSigned: Bool
    private let hasSignedTrailer: Bool
    private let announced: [String]
    /// Nil where nothing is signed.
    private var chain: ChunkSignatures?
    private var line: [UInt8] = []
    private var lines = 0
    private var received: UInt64 = 0
    private var hash = SHA256()
    private var chunkSignature: [UInt8] = []
    private var signedLines: [UInt8] = []
    private var isTrailerVerified = false

    /// `decodedBytes` is what `x-amz-decoded-content-length` says, `trailers` what `x-amz-trailer`
    /// names.
    package init(_ verified: Verified, decodedBytes: UInt64, trailers: [String]) {
        self.decodedBytes = decodedBytes
        self.announced = trailers.map { $0.lowercased() }
        self.chain = verified.chain
        switch verified.payload {
        case .signedChunks(let trailer):
            self.isSigned = true
            self.hasSignedTrailer = trailer
        case .unsignedChunks:
            self.isSigned = false
            self.hasSignedTrailer = false
        case .sha256, .unsigned:
            preconditionFailure("The body is not chunked: \(verified.payload).")
        }
    }

    /// For a body of which nothing is signed, not even by somebody.
    package init(unsignedBytes: UInt64, trailers: [String]) {
        self.decodedBytes = unsignedBytes
        self.announced = trailers.map { $0.lowercased() }
        self.chain = nil
        self.isSigned = false
        self.hasSignedTrailer = false
    }

    /// Works on the beginning of `bytes`, which must not be empty.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(S3Error) -> Step {
        unsafe precondition(!bytes.isEmpty, "There is something to decode.")
        switch self.state {
        case .content(let left):
            let count = Int(min(left, UInt64(bytes.count)))
            if self.isSigned {
                unsafe self.hash.update(bufferPointer: .init(rebasing: bytes[..<count]))
            }
            self.state = left == UInt64(count) ? .contentEnd : .content(left: left - UInt64(count))
            return Step(consumed: count, content: 0..<count)
        case .chunkLine, .contentEnd, .trailers:
            let end = unsafe bytes.firstIndex(of: 0x0A)
            let count = end.map { $0 + 1 } ?? bytes.count
            guard self.line.count + count <= Self.lineBytes else {
                throw Self.malformed("a line is too long")
            }
            unsafe self.line.append(contentsOf: bytes[..<count])
            if end != nil { try self.endLine() }
            return Step(consumed: count, content: nil)
        case .ended:
            throw Self.malformed("there is more after its end")
        }
    }

    /// To be called when the input has ended.
    package func finish() throws(S3Error) {
        guard self.state == .ended, self.received == self.decodedBytes else {
            throw S3Error(.incompleteBody)
        }
        guard self.announced.allSatisfy({ self.trailers.first($0) != nil }) else {
            throw S3Error(.malformedTrailer)
        }
    }

    private mutating func endLine() throws(S3Error) {
        while self.line.last == 0x0A || self.line.last == 0x0D { self.line.removeLast() }
        defer { self.line.removeAll(keepingCapacity: true) }
        switch self.state {
        case .chunkLine: try self.beginChunk()
        case .contentEnd:
            guard self.line.isEmpty else { throw Self.malformed("a chunk is longer than it says") }
            try self.checkChunk()
            self.state = .chunkLine
        case .trailers: try self.takeTrailer()
        case .content, .ended: preconditionFailure("No line in \(self.state).")
        }
    }

    private mutating func beginChunk() throws(S3Error) {
        let parts = self.line.split(separator: 0x3B, maxSplits: 1, omittingEmptySubsequences: false)
        let size = String(decoding: parts[0], as: UTF8.self)
        guard
            (1...16).contains(size.utf8.count), size.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
            let count = UInt64(size, radix: 16)
        else { throw Self.malformed("a chunk has no size") }
        if self.isSigned {
            let field = "chunk-signature="
            let text = String(decoding: parts.count == 2 ? parts[1] : [], as: UTF8.self)
            guard
                text.hasPrefix(field),
                let signature = Hexadecimal.bytes(text.dropFirst(field.utf8.count))
            else { throw Self.malformed("a chunk has no signature") }
            self.chunkSignature = signature
        }
        guard count <= self.decodedBytes - self.received else {
            throw Self.malformed("it is longer than x-amz-decoded-content-length says")
        }
        self.received += count
        if count > 0 {
            self.state = .content(left: count)
        } else {
            try self.checkChunk()
            self.state = .trailers
        }
    }

    private mutating func checkChunk() throws(S3Error) {
        guard self.isSigned else { return }
        let digest = Array(self.hash.finalize())
        self.hash = SHA256()
        guard self.chain?.accept(self.chunkSignature, chunk: digest) == true else {
            throw S3Error(.signatureDoesNotMatch)
        }
    }

    private mutating func takeTrailer() throws(S3Error) {
        self.lines += 1
        guard self.lines <= Self.trailersMax else { throw S3Error(.malformedTrailer) }
        guard !self.line.isEmpty else {
            // Some clients set an empty line between the trailers and their signature.
            if !self.hasSignedTrailer || self.isTrailerVerified { self.state = .ended }
            return
        }
        guard
            let text = String(validating: self.line, as: UTF8.self),
            let colon = text.firstIndex(of: ":")
        else { throw S3Error(.malformedTrailer) }
        let value = text[text.index(after: colon)...]
        let field = HeaderField(String(text[..<colon]), value.drop { $0 == " " }.description)
        if self.hasSignedTrailer, field.name == "x-amz-trailer-signature" {
            guard
                !self.isTrailerVerified, let signature = Hexadecimal.bytes(field.value),
                self.chain?.accept(signature, trailer: self.signedLines) == true
            else { throw S3Error(.signatureDoesNotMatch) }
            self.isTrailerVerified = true
            return
        }
        guard
            !self.isTrailerVerified, self.announced.contains(field.name),
            self.trailers.first(field.name) == nil
        else { throw S3Error(.malformedTrailer) }
        self.signedLines += Array("\(field.name):\(field.value)\n".utf8)
        self.trailers.append(field)
    }

    private static func malformed(_ why: String) -> S3Error {
        S3Error(.invalidRequest, "The aws-chunked body is not well-formed: \(why).")
    }
}
