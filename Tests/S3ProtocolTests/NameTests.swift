import S3Protocol
import StoreModel
import Testing

struct NameTests {
    private func name(
        _ path: String,
        _ host: String? = "localhost:7330"
    ) throws -> String {
        let addressed = try Addressed(
            path: Array(path.utf8),
            host: host,
            domains: ["localhost", "s3.example.com"]
        )
        return switch addressed {
        case .service: "-"
        case .bucket(let bucket): "\(bucket)"
        case .object(let bucket, let key): "\(bucket)|\(key)"
        }
    }

    @Test("Path style: a bucket up to the first slash, then the key as it is")
    func pathStyle() throws {
        #expect(try self.name("/") == "-")
        #expect(try self.name("/photos") == "photos")
        #expect(try self.name("/photos/") == "photos")
        #expect(try self.name("/photos/a/b") == "photos|a/b")
        #expect(try self.name("/photos//a//", nil) == "photos|/a//")
        #expect(try self.name("/photos/../x", "10.0.0.1") == "photos|../x")
    }

    @Test("Virtual-host style: the bucket stands before a known domain")
    func hostStyle() throws {
        #expect(try self.name("/", "photos.localhost:7330") == "photos")
        #expect(try self.name("/a/b", "photos.S3.example.com") == "photos|a/b")
        #expect(try self.name("/a", "my.photos.s3.example.com") == "my.photos|a")
        #expect(try self.name("/photos/b", "photos.other.example.com") == "photos|b")
        #expect(try self.name("/photos/b", "[::1]:7330") == "photos|b")
    }

    @Test("Wrong names are told")
    func wrong() {
        func code(_ path: [UInt8], _ host: String? = nil) -> S3Error.Code? {
            do {
                _ = try Addressed(path: path, host: host, domains: ["localhost"])
                return nil
            } catch {
                return error.code
            }
        }
        let key = [UInt8](repeating: 0x6B, count: 1_024)
        #expect(code(Array("/Photos/a".utf8)) == .invalidBucketName)
        #expect(code(Array("//a".utf8)) == .invalidBucketName)
        #expect(code(Array("/a".utf8), "x_y.localhost") == .invalidBucketName)
        #expect(code(Array("/abc/".utf8) + key) == nil)
        #expect(code(Array("/abc/".utf8) + key + [0x6B]) == .keyTooLong)
        #expect(code(Array("/abc/".utf8) + [0xFF]) == .invalidURI)
    }

    @Test("Metadata comes back as it was said")
    func metadata() throws {
        let metadata = try MetadataHeaders.read([
            HeaderField("Content-Type", "text/plain"), HeaderField("X-Amz-Meta-B", "2"),
            HeaderField("x-amz-meta-a", "é"), HeaderField("x-amz-meta-a", "x"),
            HeaderField("Content-Encoding", "aws-chunked, gzip"), HeaderField("x-other", "y"),
        ])
        #expect(metadata.contentType == "text/plain")
        #expect(metadata.contentEncoding == "gzip")
        #expect(metadata.user.map { "\($0.name)=\($0.value)" } == ["a=é,x", "b=2"])
        let written = MetadataHeaders.write(metadata).map { "\($0.name): \($0.value)" }
        #expect(
            written == [
                "Content-Type: text/plain", "Content-Encoding: gzip", "x-amz-meta-a: é,x",
                "x-amz-meta-b: 2",
            ]
        )
        #expect(MetadataHeaders.write(ObjectMetadata()).first?.value == "binary/octet-stream")
    }

    @Test("Metadata that is too large or could break a header is refused")
    func badMetadata() {
        func code(_ name: String, _ value: String) -> S3Error.Code? {
            do {
                _ = try MetadataHeaders.read([HeaderField(name, value)])
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("x-amz-meta-a", String(repeating: "v", count: 2_047)) == nil)
        #expect(code("x-amz-meta-a", String(repeating: "v", count: 2_048)) == .metadataTooLarge)
        for value in ["a\r\nSet-Cookie: b", "a\u{0}", "a\u{7F}", "a\u{1B}"] {
            #expect(code("x-amz-meta-a", value) == .invalidArgument)
            #expect(code("Content-Disposition", value) == .invalidArgument)
        }
        #expect(code("x-amz-meta-", "a") == .invalidArgument)
        #expect(code("x-amz-website-redirect-location", "ftp:x") == .invalidRedirectLocation)
    }

    @Test("Checksums in headers are read strictly")
    func checks() throws {
        func checks(_ headers: [(String, String)]) throws -> BodyChecks {
            try BodyChecks(headers.map { HeaderField($0.0, $0.1) })
        }
        func code(_ headers: [(String, String)]) -> S3Error.Code? {
            (#expect(throws: S3Error.self) { try checks(headers) })?.code
        }
        let crc = ("x-amz-checksum-crc32", "NhCmhg==")
        #expect(try checks([crc]).checksum?.algorithm == .crc32)
        #expect(try checks([("x-amz-trailer", "X-Amz-Checksum-CRC64NVME")]).trailer == .crc64nvme)
        #expect(try checks([("x-amz-checksum-algorithm", "SHA256")]) == checks([]))
        #expect(try checks([("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")]).contentMD5?.count == 16)
        #expect(code([("Content-MD5", "x")]) == .invalidDigest)
        #expect(code([("Content-MD5", "NhCmhg==")]) == .invalidDigest)
        #expect(code([("x-amz-checksum-crc32", "NhCm")]) == .invalidRequest)
        #expect(code([crc, ("x-amz-checksum-sha1", "NhCmhg==")]) == .invalidRequest)
        #expect(code([crc, ("x-amz-trailer", "x-amz-checksum-crc32")]) == .invalidRequest)
        #expect(code([("x-amz-checksum-xxhash3", "NhCmhg==")]) == .notImplemented)
        #expect(code([("x-amz-trailer", "x-amz-checksum-sha512")]) == .notImplemented)
        #expect(code([("x-amz-trailer", "x-amz-meta-a")]) == .invalidArgument)
        #expect(code([("x-amz-checksum-algorithm", "FOO")]) == .invalidRequest)
    }
}
