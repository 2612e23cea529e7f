import S3Protocol
import StoreModel
import TestSupport
import Testing

struct CopySourceTests {
    @Test(
        "Each client's way to write a source gives the same key",
        arguments: [
            ("src/o", "o"), ("/src/o", "o"), ("src%2Fo", "o"), ("%2Fsrc%2Fo", "o"),
            ("src%2fo", "o"),
            ("src/a%20b", "a b"), ("src/a+b", "a b"), ("src/a%2Bb", "a+b"),
            ("src/a%252Bb", "a%2Bb"),
            ("src/%C3%BC/%C3%A9", "ü/é"), ("src/%F0%9F%98%80", "😀"), ("src/a%3Fb", "a?b"),
            ("src/a%3FversionId%3Dx", "a?versionId=x"), ("src/a%3FversionId=x", "a?versionId=x"),
            ("src/%3FversionId", "?versionId"), ("src/a&b=c;d", "a&b=c;d"), ("src/a?b", "a?b"),
            ("src/x//y", "x//y"), ("src/tail/", "tail/"), ("src/tail//", "tail//"),
            ("src//lead", "/lead"), ("src/file%252Fname", "file%2Fname"),
            ("src/../x/./y", "../x/./y"),
        ]
    )
    func forms(text: String, key: String) throws {
        let source = try CopySource(parsing: text)
        #expect(source.bucket.text == "src")
        #expect(source.key.description == key)
        #expect(source.version == nil)
    }

    @Test("A version is what follows the last raw mark")
    func version() throws {
        let source = try CopySource(parsing: "/src/a%3FversionId=x?versionId=a%2Fb")
        #expect(source.key.description == "a?versionId=x")
        #expect(source.version == "a/b")
    }

    @Test(
        "Bad sources are refused with S3's words",
        arguments: [
            ("", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey."),
            ("wrongformat", "Invalid copy source object key"),
            ("%", "Invalid copy source encoding"), ("wrong%ZZ", "Invalid copy source encoding"),
            ("src/", "Invalid copy source object key"),
            ("src/%ZZ", "Invalid copy source encoding"),
            ("src/%A/x", "Invalid copy source encoding"),
            ("src/%", "Invalid copy source encoding"), ("src/%FF", "Invalid copy source encoding"),
            ("192.168.1.1/foo", "Invalid copy source bucket name"),
            ("S_R/foo", "Invalid copy source bucket name"), ("/", "Invalid copy source object key"),
            ("arn:aws:s3:us-east-1:1:accesspoint/a/object/b", "Invalid copy source bucket name"),
            ("../x", "Invalid copy source bucket name"),
            ("src/" + String(repeating: "k", count: 1_025), "Invalid copy source object key"),
        ]
    )
    func refused(text: String, message: String) {
        let error = #expect(throws: S3Error.self) { try CopySource(parsing: text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message == message)
    }

    @Test("Any bytes only cause errors, and any key survives", arguments: UInt64(0)..<128)
    func hostile(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let text = String(
            decoding: (0..<24).map { _ in
                Array("/%?2Fa+=\u{0}é".utf8).randomElement(using: &random) ?? 0
            },
            as: UTF8.self
        )
        _ = try? CopySource(parsing: text)
        let source = "src/" + PercentEncoding.encode(text.utf8, escapingSlash: seed % 2 == 0)
        #expect(try CopySource(parsing: source).key.description == text)
    }
}
