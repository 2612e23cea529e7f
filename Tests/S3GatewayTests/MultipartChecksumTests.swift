import Crypto
import S3Protocol
import StoreModel
import Testing

/// Checksums of uploads: verified part by part, composed at the end.
struct MultipartChecksumTests {
    private static func crc32(_ text: String) -> String {
        ComposedChecksum.text(.crc32, text)
    }

    @Test("A composite checksum is shown with the number of parts")
    func composite() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m", ["x-amz-checksum-algorithm": "CRC32"])
            var list = ""
            for (number, text) in [(1, "hello "), (2, "world")] {
                let part = try await server.part(
                    "/dst/m",
                    upload,
                    number,
                    text,
                    ["x-amz-checksum-crc32": Self.crc32(text)]
                )
                #expect(part.header("x-amz-checksum-crc32") == Self.crc32(text))
                #expect(part.header("x-amz-checksum-type") == nil)
                let tag = part.header("etag") ?? ""
                list +=
                    "<Part><PartNumber>\(number)</PartNumber><ETag>\(tag)</ETag>"
                    + "<ChecksumCRC32>\(Self.crc32(text))</ChecksumCRC32></Part>"
            }
            let done = try await server.complete("/dst/m", upload, list: list)
            let digests = [Self.crc32("hello "), Self.crc32("world")].compactMap(Base64.bytes)
            let value = ComposedChecksum.composite(.crc32, of: digests)
            #expect(done.element("ChecksumCRC32") == "\(Base64.text(value))-2", "\(done.text)")
            #expect(done.element("ChecksumType") == "COMPOSITE")
            let head = try await server.send(
                "HEAD",
                "/dst/m",
                ["x-amz-checksum-mode": "ENABLED"]
            )
            #expect(head.header("x-amz-checksum-crc32") == "\(Base64.text(value))-2")
            #expect(head.header("x-amz-checksum-type") == "COMPOSITE")
            let copy = try await server.copy("dst/m", "/dst/copy")
            #expect(copy.element("ChecksumType") == "COMPOSITE")
        }
    }

    @Test("A checksum over the whole is that of an object uploaded at once")
    func fullObject() async throws {
        try await TestServer.run { server in
            let upload = try await server.create(
                "/dst/m",
                ["x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "FULL_OBJECT"]
            )
            // One part says its checksum, of the other it is computed.
            let first = try await server.part(
                "/dst/m",
                upload,
                1,
                "hello ",
                ["x-amz-checksum-crc32": Self.crc32("hello ")]
            )
            let second = try await server.part("/dst/m", upload, 2, "world")
            #expect(second.header("x-amz-checksum-crc32") == Self.crc32("world"))
            let parts = [(1, first.header("etag")), (2, second.header("etag"))]
            let wrong = try await server.complete(
                "/dst/m",
                upload,
                parts,
                ["x-amz-checksum-crc32": "AAAAAA=="]
            )
            #expect(wrong.status == 400 && wrong.code == "BadDigest")
            let other = try await server.complete(
                "/dst/m",
                upload,
                parts,
                ["x-amz-checksum-type": "COMPOSITE"]
            )
            #expect(other.code == "InvalidRequest")
            let done = try await server.complete(
                "/dst/m",
                upload,
                parts,
                [
                    "x-amz-checksum-crc32": Self.crc32("hello world"),
                    "x-amz-checksum-type": "FULL_OBJECT",
                ]
            )
            #expect(done.element("ChecksumCRC32") == Self.crc32("hello world"), "\(done.text)")
            #expect(done.element("ChecksumType") == "FULL_OBJECT")
        }
    }

    @Test("Parts with another checksum than the upload's, or none, are refused")
    func mismatch() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m", ["x-amz-checksum-algorithm": "CRC32C"])
            for (headers, actual) in [
                ([:], "null"), (["x-amz-checksum-crc32": Self.crc32("x")], "crc32"),
            ] as [(KeyValuePairs<String, String>, String)] {
                let answer = try await server.part("/dst/m", upload, 1, "x", headers)
                #expect(answer.code == "InvalidRequest")
                #expect(
                    answer.element("Message") == "Checksum Type mismatch occurred, expected "
                        + "checksum Type: crc32c, actual checksum Type: \(actual)"
                )
            }
            // An upload without an algorithm takes any.
            let free = try await server.create("/dst/n")
            let part = try await server.part(
                "/dst/n",
                free,
                1,
                "x",
                ["x-amz-checksum-crc32": Self.crc32("x")]
            )
            #expect(part.status == 200)
            let done = try await server.complete("/dst/n", free, [(1, part.header("etag"))])
            #expect(done.status == 200 && done.element("ChecksumCRC32") == nil)
        }
    }

    @Test("A composite upload is completed with the checksum of every part")
    func claims() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m", ["x-amz-checksum-algorithm": "CRC32"])
            let part = try await server.part(
                "/dst/m",
                upload,
                1,
                "x",
                ["x-amz-checksum-crc32": Self.crc32("x")]
            )
            let without = try await server.complete("/dst/m", upload, [(1, part.header("etag"))])
            #expect(without.code == "InvalidRequest")
            #expect(without.element("Message")?.hasSuffix("for part 1 in the request.") == true)
            func list(_ checksum: String) -> String {
                "<Part><PartNumber>1</PartNumber><ETag>\(part.header("etag") ?? "")</ETag>"
                    + "<ChecksumCRC32>\(checksum)</ChecksumCRC32></Part>"
            }
            let wrong = try await server.complete("/dst/m", upload, list: list("AAAAAA=="))
            #expect(wrong.code == "InvalidPart")
            let right = try await server.complete("/dst/m", upload, list: list(Self.crc32("x")))
            #expect(right.status == 200, "\(right.text)")
        }
    }

    @Test("Case 95: a copied part has the checksum that the upload asks for, and no other")
    func copiedPart() async throws {
        try await TestServer.run { server in
            let upload = try await server.create("/dst/m", ["x-amz-checksum-algorithm": "CRC32"])
            let part = try await server.copy(
                "src/o",
                "/dst/m?partNumber=1&uploadId=\(upload)",
                ["x-amz-copy-source-range": "bytes=0-4"]
            )
            #expect(part.element("ChecksumCRC32") == Self.crc32("hello"))
            let free = try await server.create("/dst/n")
            let plain = try await server.copy("src/o", "/dst/n?partNumber=1&uploadId=\(free)")
            #expect(plain.status == 200 && !plain.text.contains("Checksum"))
            // Whoever wants no byte moved gets no checksum, neither of the part nor of the object.
            let reference = try await server.copy(
                "src/o",
                "/dst/m?partNumber=1&uploadId=\(upload)",
                ["x-triolet-copy-mode": "reference"]
            )
            #expect(reference.header("x-triolet-copy-mode") == "reference")
            #expect(!reference.text.contains("Checksum"))
            let tag = reference.element("ETag")
            let done = try await server.complete("/dst/m", upload, [(1, tag)])
            #expect(done.status == 200 && done.element("ChecksumCRC32") == nil, "\(done.text)")
        }
    }
}

extension ComposedChecksum {
    /// The checksum of a short text, as headers carry it.
    fileprivate static func text(_ algorithm: Checksum.Algorithm, _ text: String) -> String {
        Base64.text(Self.composite(algorithm, of: [Array(text.utf8)]))
    }
}
