import S3Protocol
import StoreModel

/// Bodies in the form aws-chunked: a byte of flags, one for cuts, two for the length, the body.
///
/// * How the body is cut changes neither its content nor its trailers, nor the error.
/// * No more content is handed out than was announced, and exactly as much if all went well.
/// * A body of signed chunks is believed as it was signed, and not with any other byte in it.
enum ChunkedTarget {
    static let trailer = "x-amz-checksum-crc32"

    private static func verified(_ payload: PayloadHash) -> Verified? {
        guard let target = try? RequestTarget(parsing: "/bucket/key") else { return nil }
        let headers = SignatureTarget.signer.signed(
            method: "PUT",
            target: target,
            headers: [HeaderField("host", "localhost")],
            payload: payload,
            at: SignatureTarget.time
        )
        let request = SignableRequest(method: "PUT", target: target, headers: headers)
        let key = SigningKey(SignatureTarget.secret, SignatureTarget.scope)
        return try? SignatureClaim.find(in: request)?
            .verify(request, with: key, at: SignatureTarget.time)
    }

    private static let signed = Self.verified(.signedChunks(trailer: false))
    private static let trailed = Self.verified(.signedChunks(trailer: true))
    private static let unsigned = Self.verified(.unsignedChunks)

    private struct Decoded: Equatable {
        var content: [UInt8] = []
        var trailers: [HeaderField] = []
        var failure: S3Error?
    }

    private static func decoder(
        _ flags: UInt8,
        _ number: UInt16
    ) -> (decoder: ChunkedDecoder, announced: UInt64, trailers: [String]) {
        let announced = number == .max ? UInt64.max : UInt64(number)
        let trailers = flags & 4 == 0 ? [] : [Self.trailer]
        let proof =
            switch flags & 3 {
            case 0: Self.unsigned
            case 1: Self.signed
            case 2: Self.trailed
            default: nil as Verified?
            }
        let decoder =
            proof.map { ChunkedDecoder($0, decodedBytes: announced, trailers: trailers) }
            ?? ChunkedDecoder(unsignedBytes: announced, trailers: trailers)
        return (decoder, announced, trailers)
    }

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let cuts = input.byte()
        let (decoder, announced, trailers) = Self.decoder(flags, input.number())
        let whole = Self.decode(decoder, input.bytes, cuts: 0)
        let cut = Self.decode(decoder, input.bytes, cuts: cuts)
        try demand(whole.trailers == cut.trailers, "cuts change the trailers")
        try demand(whole.failure == cut.failure, "cuts change the failure: \(cut.failure as Any)")
        try demand(whole.content == cut.content, "cuts change the content")
        try demand(UInt64(whole.content.count) <= announced, "more content than announced")
        if whole.failure == nil {
            try demand(UInt64(whole.content.count) == announced, "less content than announced")
            try demand(trailers.isEmpty || whole.trailers.count == 1, "no trailer")
        }
    }

    private static func decode(
        _ decoder: ChunkedDecoder,
        _ body: [UInt8],
        cuts: UInt8
    ) -> Decoded {
        var decoder = decoder
        var decoded = Decoded()
        do throws(S3Error) {
            try Cuts.feed(body, cuts) { piece throws(S3Error) in
                let step = try Self.step(&decoder, piece)
                if let content = step.content { decoded.content += piece[content] }
                return step.consumed
            }
            try decoder.finish()
        } catch { decoded.failure = error }
        decoded.trailers = decoder.trailers
        return decoded
    }

    private static func step(
        _ decoder: inout ChunkedDecoder,
        _ piece: [UInt8]
    ) throws(S3Error) -> ChunkedDecoder.Step {
        let result = unsafe piece.withUnsafeBytes { bytes in
            Result { () throws(S3Error) in try unsafe decoder.decode(bytes) }
        }
        return try result.get()
    }
}
