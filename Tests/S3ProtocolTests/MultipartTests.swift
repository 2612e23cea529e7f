import Crypto
import S3Protocol
import StoreModel
import TestSupport
import Testing

struct MultipartTests {
    @Test("A part number is a whole number from 1 to 10,000")
    func partNumbers() throws {
        #expect(try UploadParameters.partNumber("1") == PartNumber(1))
        #expect(try UploadParameters.partNumber("10000") == PartNumber(10_000))
        for text in ["", "0", "-1", "+1", " 1", "1.0", "10001", "x", "99999999999999999999"] {
            let error = #expect(throws: S3Error.self) { try UploadParameters.partNumber(text) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.elements.last == .init("ArgumentValue", text))
        }
        #expect(try UploadParameters.count("max-parts", nil, absent: 7) == 7)
        #expect(try UploadParameters.count("max-parts", "", absent: 7) == 7)
        #expect(try UploadParameters.count("max-parts", "0", absent: 7) == 0)
        for text in ["-1", "x", "2147483648"] {
            #expect(throws: S3Error.self) {
                try UploadParameters.count("max-parts", text, absent: 7)
            }
        }
    }

    @Test("A range of a source names both ends")
    func sourceRanges() throws {
        #expect(try CopySourceRange(parsing: "bytes=0-8").resolved(size: 10) == 0..<9)
        #expect(try CopySourceRange(parsing: "bytes=1-1").resolved(size: 10) == 1..<2)
        #expect(try CopySourceRange(parsing: "bytes=0-0").resolved(size: 1) == 0..<1)
    }

    @Test(
        "Case 84: a range of another form is refused, and its text told",
        arguments: [
            "0-8", "bytes=1-", "bytes=-2", "bytes=-15", "bytes=-0", "bytes=-", "bytes=-1-",
            "bytes=0--1", "bytes=1-0", "bytes=0-1,3-4,7-9", "byte=0-1", "bytes=aa-12",
            "bytes=hello-world", "", "bytes=", "bytes=0-+1", "bytes= 0-1",
            "bytes=0-99999999999999999999",
        ]
    )
    func sourceRangeForms(text: String) {
        let error = #expect(throws: S3Error.self) { try CopySourceRange(parsing: text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("must be of the form bytes=first-last") == true)
        #expect(
            error?.elements == [
                .init("ArgumentName", "x-amz-copy-source-range"), .init("ArgumentValue", text),
            ]
        )
    }

    @Test("Case 85: a range beyond the source is refused, never cut")
    func sourceRangeBeyond() throws {
        let inside = try CopySourceRange(parsing: "bytes=0-100")
        let error = #expect(throws: S3Error.self) { try inside.resolved(size: 10) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == "Range specified is not valid for source object of size: 10")
        let beyond = try CopySourceRange(parsing: "bytes=100-200")
        for size: UInt64 in [0, 10, 100] {
            let error = #expect(throws: S3Error.self) { try beyond.resolved(size: size) }
            #expect(error?.code == .invalidRequest)
        }
        #expect(try beyond.resolved(size: 201) == 100..<201)
        let last = try CopySourceRange(parsing: "bytes=0-18446744073709551615")
        #expect(throws: S3Error.self) { try last.resolved(size: .max) }
    }

    // MARK: The list of parts

    private func list(_ parts: String) throws -> CompletedParts {
        try CompletedParts(
            parsing: Array(
                "<CompleteMultipartUpload xmlns=\"x\">\(parts)</CompleteMultipartUpload>".utf8
            )
        )
    }

    @Test("Parts come with and without quotes, checksums and spaces")
    func parts() throws {
        let list = try self.list(
            """
            <Part><PartNumber> 1 </PartNumber><ETag>&quot;ab&quot;</ETag></Part>
            <Part><ETag>cd</ETag><PartNumber>7</PartNumber>
            <ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part>
            """
        )
        #expect(
            list.parts == [
                .init(number: try #require(PartNumber(1)), etag: "ab"),
                .init(
                    number: try #require(PartNumber(7)),
                    etag: "cd",
                    checksums: [Checksum(algorithm: .crc32, value: [0, 0, 0, 1])]
                ),
            ]
        )
    }

    @Test("Lists that name no parts, or too many, or parts that cannot be, are refused")
    func partErrors() throws {
        func code(_ parts: String) -> S3Error.Code? {
            do throws(S3Error) {
                _ = try CompletedParts(
                    parsing: Array(
                        "<CompleteMultipartUpload>\(parts)</CompleteMultipartUpload>".utf8
                    )
                )
                return nil
            } catch { return error.code }
        }
        #expect(code("") == .invalidRequest)
        #expect(code("<Part><PartNumber>1</PartNumber></Part>") == .malformedXML)
        #expect(code("<Part><ETag>a</ETag></Part>") == .malformedXML)
        #expect(
            code("<Part><PartNumber>0</PartNumber><ETag>a</ETag></Part>") == .invalidArgument
        )
        #expect(
            code(
                "<Part><PartNumber>1</PartNumber><ETag>a</ETag>"
                    + "<ChecksumCRC32>A</ChecksumCRC32></Part>"
            ) == .invalidRequest
        )
        let part = "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>"
        #expect(code(String(repeating: part, count: 10_001)) == .malformedXML)
        #expect(throws: S3Error.self) { try CompletedParts(parsing: []) }
        #expect(throws: S3Error.self) { try CompletedParts(parsing: Array("<Delete/>".utf8)) }
    }

    @Test("10,000 parts with checksums fit")
    func manyParts() throws {
        let tag = String(repeating: "a", count: 32)
        let checksum = Base64.text([UInt8](repeating: 7, count: 32))
        let text = (1...10_000).map { number in
            "  <Part>\n    <PartNumber>\(number)</PartNumber>\n"
                + "    <ETag>&quot;\(tag)&quot;</ETag>\n"
                + "    <ChecksumSHA256>\(checksum)</ChecksumSHA256>\n  </Part>\n"
        }.joined()
        #expect(text.utf8.count < CompletedParts.bodyBytes)
        let list = try self.list(text)
        #expect(list.parts.count == 10_000 && list.parts.last?.number == PartNumber(10_000))
    }

    @Test("Damaged lists only cause errors", arguments: UInt64(0)..<256)
    func hostile(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var bytes = Array(
            ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag>"
                + "<ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part></CompleteMultipartUpload>").utf8
        )
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                UInt8.random(in: 0...255, using: &random)
        }
        // Either way is right: the property is that it returns.
        _ = try? CompletedParts(parsing: bytes)
    }

    // MARK: Tags and checksums

    @Test("Checksums of nine digits are the published ones")
    func checkValues() {
        let digits = Array("123456789".utf8)
        #expect(CRCField.crc32.checksum(of: digits) == 0xCBF4_3926)
        #expect(CRCField.crc32c.checksum(of: digits) == 0xE306_9283)
        #expect(CRCField.crc64nvme.checksum(of: digits) == 0xAE8B_1486_0A79_9888)
    }

    @Test(
        "Checksums of parts make that of the whole, wherever it is cut",
        arguments: [Checksum.Algorithm.crc32, .crc32c, .crc64nvme]
    )
    func fullObject(algorithm: Checksum.Algorithm) {
        func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            let (value, width): (UInt64, Int) =
                switch algorithm {
                case .crc32: (UInt64(CRCField.crc32.checksum(of: bytes)), 4)
                case .crc32c: (UInt64(CRCField.crc32c.checksum(of: bytes)), 4)
                default: (CRCField.crc64nvme.checksum(of: bytes), 8)
                }
            return (0..<width).map { place in
                UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - place)))
            }
        }
        var random = SplitMix64(seed: 7)
        for _ in 0..<50 {
            let bytes = (0..<Int.random(in: 0...2_000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var parts: [ComposedChecksum.Part] = []
            var rest = bytes[...]
            while !rest.isEmpty || parts.isEmpty {
                let piece = rest.prefix(Int.random(in: 0...700, using: &random))
                rest = rest.dropFirst(piece.count)
                parts.append((checksum(piece), UInt64(piece.count)))
            }
            #expect(ComposedChecksum.fullObject(algorithm, of: parts) == checksum(bytes[...]))
        }
        #expect(ComposedChecksum.fullObject(algorithm, of: [([1], 1)]) == nil)
    }

    @Test("A part of 5 GiB of zeroes is combined in the same few steps")
    func longParts() {
        // Zeroes behind a checksum: the same by one step of 2³⁰ bytes as by 2¹⁰ of 2²⁰.
        let field = CRCField.crc64nvme
        let small = field.shift(bytes: 1 << 20)
        var value: UInt64 = 0x0123_4567_89AB_CDEF
        let start = value
        for _ in 0..<1_024 { value = field.combined(value, 0, shift: small) }
        #expect(value == field.combined(start, 0, shift: field.shift(bytes: 1 << 30)))
        #expect(field.shift(bytes: 0) == 1 << 63)
    }

    @Test("A composite checksum is the checksum of the parts' checksums")
    func composite() {
        let values = [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)]
        let bytes = values.flatMap(\.self)
        #expect(
            ComposedChecksum.composite(.sha256, of: values) == Array(SHA256.hash(data: bytes))
        )
        #expect(
            ComposedChecksum.composite(.sha1, of: values) == Array(Insecure.SHA1.hash(data: bytes))
        )
        #expect(
            ComposedChecksum.composite(.crc32, of: [Array("1234".utf8), Array("56789".utf8)])
                == [0xCB, 0xF4, 0x39, 0x26]
        )
        #expect(ComposedChecksum.fullObject(.sha256, of: [(values[0], 1)]) == nil)
    }

    @Test("An upload asks for an algorithm and a type that go together")
    func uploadChecksums() throws {
        func ask(_ algorithm: String?, _ type: String?) throws -> ChecksumKind? {
            try ChecksumKind(
                [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", type)]
                    .compactMap { name, value in value.map { HeaderField(name, $0) } }
            )
        }
        #expect(try ask(nil, nil) == nil)
        #expect(try ask("CRC32", nil)?.type == .composite)
        #expect(try ask("CRC64NVME", nil)?.type == .fullObject)
        #expect(try ask("CRC32C", "FULL_OBJECT")?.type == .fullObject)
        #expect(try ask("SHA256", "COMPOSITE")?.algorithm == .sha256)
        for (algorithm, type) in [
            (nil, "COMPOSITE"), ("CRC64NVME", "COMPOSITE"), ("SHA1", "FULL_OBJECT"),
            ("SHA256", "FULL_OBJECT"), ("CRC32", "PARTIAL"), ("FOO", nil),
        ] as [(String?, String?)] {
            let error = #expect(throws: S3Error.self) { _ = try ask(algorithm, type) }
            #expect(error?.code == .invalidRequest)
        }
        let composite = ChecksumKind(.crc32, isComposite: true)
        try composite.check(part: .crc32)
        #expect(throws: S3Error.self) { try composite.check(part: nil) }
        #expect(throws: S3Error.self) { try composite.check(part: .sha1) }
        try ChecksumKind(.crc32, isComposite: false).check(part: nil)
    }

    @Test("A kind of checksum composes what it says, and shows it so")
    func kinds() {
        let parts: [ComposedChecksum.Part] = [
            ([0xCB, 0xF4, 0x39, 0x26], 9), ([0xCB, 0xF4, 0x39, 0x26], 9),
        ]
        let composite = ChecksumKind(.crc32, isComposite: true).compose(parts)
        #expect(composite?.parts == 2 && composite?.type == .composite)
        #expect(composite?.text.hasSuffix("==-2") == true)
        let whole = ChecksumKind(.crc32, isComposite: false).compose(parts)
        let twice = Array("123456789123456789".utf8)
        #expect(whole?.text == Base64.text(CRCField.crc32.checksum(of: twice).bigEndianBytes))
        #expect(whole?.type == .fullObject)
    }

    @Test("The checksum of the whole is expected with or without the number of parts")
    func expected() throws {
        func read(_ fields: (String, String)...) throws -> ExpectedChecksum? {
            try ExpectedChecksum(fields.map { HeaderField($0.0, $0.1) })
        }
        #expect(try read(("x-amz-checksum-type", "COMPOSITE")) == nil)
        let whole = try #require(try read(("x-amz-checksum-crc32", "AAAAAQ==")))
        #expect(whole.checksum.value == [0, 0, 0, 1] && whole.parts == nil)
        #expect(try read(("x-amz-checksum-crc32", "AAAAAQ==-12"))?.parts == 12)
        for value in ["", "-", "AAAAAQ==-", "AAAAAQ==-0", "AAAAAQ==-x", "AAAA"] {
            #expect(throws: S3Error.self) { _ = try read(("x-amz-checksum-crc32", value)) }
        }
        #expect(throws: S3Error.self) {
            _ = try read(
                ("x-amz-checksum-crc32", "AAAAAQ=="),
                ("x-amz-checksum-crc32c", "AAAAAQ==")
            )
        }
    }
}

extension UInt32 {
    fileprivate var bigEndianBytes: [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: self >> UInt32(24 - 8 * $0)) }
    }
}
