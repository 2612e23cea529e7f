import S3Protocol
import TestSupport
import Testing

struct ChunkedDecoderTests {
    /// Feeds `body` in pieces whose sizes `cut` gives, and returns the content.
    private func decode(
        _ decoder: inout ChunkedDecoder,
        _ body: [UInt8],
        cut: () -> Int = { 8_192 }
    ) throws -> [UInt8] {
        var content: [UInt8] = []
        var start = 0
        while start < body.count {
            var piece = body[start..<min(body.count, start + cut())]
            start = piece.endIndex
            while !piece.isEmpty {
                let step = try unsafe Array(piece).withUnsafeBytes { try unsafe decoder.decode($0) }
                if let range = step.content { content += Array(piece)[range] }
                piece = piece.dropFirst(step.consumed)
            }
        }
        try decoder.finish()
        return content
    }

    private func decoder(_ example: ChunkedExample, bytes: UInt64 = 66_560) throws -> ChunkedDecoder
    {
        ChunkedDecoder(
            try example.verified(),
            decodedBytes: bytes,
            trailers: example.trailers
        )
    }

    @Test("Amazon's example is decoded, however it is cut", arguments: UInt64(0)..<8)
    func example(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for example in [ChunkedExample.signed, .withTrailer] {
            var decoder = try self.decoder(example)
            let content = try self.decode(&decoder, example.body()) {
                seed == 0 ? 1_000_000 : Int.random(in: 1...3_000, using: &random)
            }
            #expect(content == ChunkedExample.content)
            #expect(
                decoder.trailers.map(\.value) == (example.trailers.isEmpty ? [] : ["sOO8/Q=="])
            )
        }
    }

    @Test("Any changed byte, and any missing end, is found out", arguments: UInt64(0)..<48)
    func damage(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let example = seed % 2 == 0 ? ChunkedExample.signed : .withTrailer
        var body = example.body()
        if seed % 3 == 0 {
            body.removeLast(Int.random(in: 1..<body.count, using: &random))
        } else {
            // In what is not content half of the time: there are few such bytes.
            let index =
                seed % 3 == 1
                ? Int.random(in: 0..<body.count, using: &random)
                : body.count - 1 - Int.random(in: 4..<80, using: &random)
            body[index] ^= UInt8(1) << UInt8.random(in: 0..<4, using: &random)
        }
        var decoder = try self.decoder(example)
        #expect(throws: S3Error.self) { try self.decode(&decoder, body) }
    }

    @Test("The announced length has to be the length")
    func length() throws {
        for bytes in [66_559, 66_561, 0, UInt64.max] as [UInt64] {
            var decoder = try self.decoder(.signed, bytes: bytes)
            #expect(throws: S3Error.self) {
                try self.decode(&decoder, ChunkedExample.signed.body())
            }
        }
    }

    private func unsigned(_ body: String, bytes: UInt64 = 5, trailer: String? = nil) throws
        -> [UInt8]
    {
        let target = try RequestTarget(parsing: "/b/k")
        let headers = AmazonExample.signer.signed(
            method: "PUT",
            target: target,
            headers: [AmazonExample.host],
            payload: .unsignedChunks,
            at: AmazonExample.time
        )
        let request = SignableRequest(method: "PUT", target: target, headers: headers)
        let claim = try #require(try SignatureClaim.find(in: request))
        var decoder = ChunkedDecoder(
            try claim.verify(request, with: AmazonExample.key, at: AmazonExample.time),
            decodedBytes: bytes,
            trailers: trailer.map { [$0] } ?? []
        )
        return try self.decode(&decoder, Array(body.utf8)) { 3 }
    }

    @Test("Without signatures, chunks and trailers are read the same way")
    func withoutSignatures() throws {
        let hello = Array("hello".utf8)
        let trailer = "x-amz-checksum-crc32"
        #expect(try self.unsigned("5\r\nhello\r\n0\r\n\r\n") == hello)
        #expect(try self.unsigned("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n") == hello)
        #expect(
            try self.unsigned("5\r\nhello\r\n0\r\n\(trailer):NhCmhg==\r\n\r\n", trailer: trailer)
                == hello
        )
        #expect(try self.unsigned("0\r\n\r\n", bytes: 0).isEmpty)
    }

    @Test(
        "What is not well-formed is refused",
        arguments: [
            "", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "5\r\nhellox\r\n0\r\n\r\n", "x\r\n",
            "-5\r\nhello", "+5\r\nhello\r\n0\r\n\r\n", "\r\n", "6\r\nhello!\r\n0\r\n\r\n",
            "11111111111111111\r\n", "5\r\nhello\r\n0\r\nx-amz-meta-a:b\r\n\r\n",
            "5\r\nhello\r\n0\r\nrubbish\r\n\r\n", "5\r\nhello\r\n0\r\n\r\nmore",
            "5;" + String(repeating: "a", count: 2_000) + "\r\nhello\r\n0\r\n\r\n",
        ]
    )
    func malformed(body: String) {
        #expect(throws: S3Error.self) { try self.unsigned(body) }
    }

    @Test("A trailer that was announced has to come")
    func missingTrailer() {
        let error = #expect(throws: S3Error.self) {
            try self.unsigned("5\r\nhello\r\n0\r\n\r\n", trailer: "x-amz-checksum-crc32")
        }
        #expect(error?.code == .malformedTrailer)
    }
}
