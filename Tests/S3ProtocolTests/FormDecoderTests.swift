import S3Protocol
import TestSupport
import Testing

/// Forms taken apart, however they are cut.
struct FormDecoderTests {
    private static let type = "multipart/form-data; boundary=\"a b\""

    private struct Decoded: Equatable {
        var fields: [HeaderField]
        var filename: String
        var file: [UInt8]
    }

    private static func decode(
        _ body: [UInt8],
        type: String = Self.type,
        cut: () -> Int = { Int.max }
    ) throws -> Decoded {
        var decoder = try FormDecoder(contentType: type)
        var file: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            var piece = Array(rest.prefix(max(1, cut())))
            rest = rest.dropFirst(piece.count)
            while !piece.isEmpty {
                let step = try unsafe piece.withUnsafeBytes { try unsafe decoder.decode($0) }
                file += decoder.delimiter[..<step.held] + piece[step.content]
                piece.removeFirst(step.consumed)
            }
        }
        try decoder.finish()
        return Decoded(fields: decoder.fields, filename: decoder.filename, file: file)
    }

    private static func part(_ header: String, _ value: [UInt8]) -> [UInt8] {
        Array("\r\n--a b\r\n\(header)\r\n\r\n".utf8) + value
    }

    private static func form(_ parts: [[UInt8]]) -> [UInt8] {
        Array(parts.joined().dropFirst(2)) + Array("\r\n--a b--\r\n".utf8)
    }

    private static func field(_ name: String, _ value: String) -> [UInt8] {
        Self.part("Content-Disposition: form-data; name=\"\(name)\"", Array(value.utf8))
    }

    private static let disposition =
        "content-disposition:form-data; filename=\"C:\\dir/a\\\"b.txt\" ; name=file\r\nX-Y: z"

    @Test("Fields and file are the same wherever the body is cut", arguments: UInt64(0)..<200)
    func cuts(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        // Made of what delimiters are made of.
        let letters = Array("\r\n-a b".utf8)
        let content = (0..<Int.random(in: 0...300, using: &random))
            .map { _ in letters.randomElement(using: &random) ?? 0 }
        guard !content.contains(Array("\r\n--a b".utf8)) else { return }
        let value = String(decoding: content.prefix(40), as: UTF8.self)
        let body = Self.form([
            Self.field("Key", value), Self.field("empty", ""), Self.part(Self.disposition, content),
            Self.field("late", "ignored"),
        ])
        let longest = Int.random(in: 1...20, using: &random)
        let decoded = try Self.decode(body) { Int.random(in: 1...longest, using: &random) }
        #expect(decoded.fields == [HeaderField("key", value), HeaderField("empty", "")])
        #expect(decoded.filename == "a\"b.txt")
        #expect(decoded.file == content)
    }

    @Test("A body that ends early is incomplete, wherever", arguments: UInt64(0)..<50)
    func ends(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let body = Self.form([
            Self.field("key", "k"), Self.part(Self.disposition, [1, 2, 3]),
        ])
        // The line break at its very end does not matter.
        let count = Int.random(in: 0..<body.count - 3, using: &random)
        let error = #expect(throws: S3Error.self) {
            try Self.decode(Array(body[..<count])) { Int.random(in: 1...9, using: &random) }
        }
        #expect(error?.code == .incompleteBody)
    }

    @Test(
        "What is no form is refused",
        arguments: [
            "", "x", "--a c\r\n", "preamble\r\n--a b\r\n", "--a bx", "--a b\n", "--a b -",
            "--a b\r\n\r\n", "--a b\r\nX: y\r\n\r\n", "--a b\r\nno colon\r\n",
            "--a b\r\n folded: x\r\n", "--a b\r\nX: y\n",
            "--a b\r\nContent-Disposition: form-data\r\n\r\n",
            "--a b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n",
            "--a b\r\nContent-Disposition: form-data; name=\"x\r\n",
            "--a b\r\nContent-Disposition: form-data; name=x; name=y\r\n",
            "--a b\r\nContent-Disposition: attachment; name=x\r\n",
            "--a b\r\nContent-Disposition: form-data; name=\"x\"y\r\n",
            "--a b\r\nX: \(String(repeating: "y", count: FormDecoder.lineBytes))",
            "--a b\r\n\(String(repeating: "X: y\r\n", count: FormDecoder.linesMax + 1))",
            "--a b\(String(repeating: " ", count: 200))",
        ]
    )
    func malformed(body: String) throws {
        let error = #expect(throws: S3Error.self) { try Self.decode(Array(body.utf8)) }
        #expect(error?.code == (body.isEmpty ? .incompleteBody : .malformedPOSTRequest))
    }

    @Test(
        "A boundary is needed",
        arguments: [
            "", "multipart/form-data", "multipart/form-data; boundary=",
            "multipart/mixed; boundary=x", "multipart/form-data; boundary=\"x",
            "multipart/form-data; boundary=\(String(repeating: "x", count: 71))",
            "multipart/form-data; boundary=é", "multipart/form-data; boundary=x; boundary=y",
        ]
    )
    func boundary(type: String) throws {
        let error = #expect(throws: S3Error.self) { try FormDecoder(contentType: type) }
        #expect(error?.code == .malformedPOSTRequest)
    }

    @Test("What is gathered is bounded, in number, each, and altogether")
    func bounds() throws {
        let many = (0...FormDecoder.fieldsMax).map { Self.field("f\($0)", "") }
        #expect(throws: S3Error(.maxPostPreDataLengthExceeded)) {
            try Self.decode(Self.form(many))
        }
        let most = Array(many.dropLast()) + [Self.part(Self.disposition, [])]
        #expect(try Self.decode(Self.form(most)).fields.count == FormDecoder.fieldsMax)
        let long = String(repeating: "x", count: FormDecoder.valueBytes)
        let some = [Self.field("a", long), Self.field("b", long), Self.field("c", long)]
        let file = [Self.part(Self.disposition, [])]
        #expect(try Self.decode(Self.form(some + file)).fields.count == 3)
        for parts in [[Self.field("a", long + "x")], some + [Self.field("d", long)]] {
            #expect(throws: S3Error(.maxPostPreDataLengthExceeded)) {
                try Self.decode(Self.form(parts + file))
            }
        }
    }

    @Test("No field comes twice, in whatever case")
    func twice() throws {
        let error = #expect(throws: S3Error.self) {
            try Self.decode(Self.form([Self.field("key", "a"), Self.field("KEY", "b")]))
        }
        #expect(error?.code == .invalidArgument)
    }
}
