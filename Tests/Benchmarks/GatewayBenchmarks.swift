import NIOCore
import NIOEmbedded
import NIOHTTP1
import S3Protocol
import StoreModel

/// What a request costs in the gateway before and after the store is asked, step by step.
enum GatewayBenchmarks {
    private static let time = CalendarTime(seconds: 1_800_000_000)
    private static let secret = SecretKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    private static let path = "/bench/put-1024/7/00000007"

    static func all() throws -> [Benchmark] {
        try self.heads() + self.signatures() + self.documents()
    }

    private static func signed() throws -> [HeaderField] {
        RequestSigner(accessKey: "AKIDEXAMPLE", secret: self.secret, region: "us-east-1").signed(
            method: "GET",
            target: try RequestTarget(parsing: self.path),
            headers: [HeaderField("host", "127.0.0.1:7330"), HeaderField("user-agent", "bench")],
            payload: .unsigned,
            at: self.time
        )
    }

    private static func heads() throws -> [Benchmark] {
        let fields = try self.signed().map { "\($0.name): \($0.value)\r\n" }.joined()
        let request = ByteBuffer(string: "GET \(self.path) HTTP/1.1\r\n\(fields)\r\n")
        let target = try RequestTarget(parsing: self.path)
        return [
            Benchmark("gateway: decode the head of an HTTP request") { count in
                // An embedded channel stays on its thread: nothing here suspends.
                let channel = EmbeddedChannel(
                    handler: ByteToMessageHandler(
                        HTTPRequestDecoder(leftOverBytesStrategy: .fireError)
                    )
                )
                for _ in 0..<count {
                    try channel.writeInbound(request)
                    while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                        keep(part)
                    }
                }
            },
            Benchmark("gateway: take the target apart") {
                keep(try RequestTarget(parsing: self.path))
            },
            Benchmark("gateway: find bucket and key") {
                keep(try Addressed(path: target.path, host: "127.0.0.1:7330"))
            },
        ]
    }

    private static func signatures() throws -> [Benchmark] {
        let target = try RequestTarget(parsing: self.path)
        let request = SignableRequest(method: "GET", target: target, headers: try self.signed())
        let scope = CredentialScope(date: "20270115", region: "us-east-1")
        let key = SigningKey(self.secret, scope)
        return [
            Benchmark("SigV4: derive the key of a day") { keep(SigningKey(self.secret, scope)) },
            Benchmark("SigV4: verify, with the key at hand") {
                guard let claim = try SignatureClaim.find(in: request, region: "us-east-1") else {
                    preconditionFailure("It is signed.")
                }
                keep(try claim.verify(request, with: key, at: self.time))
            },
            Benchmark("SigV4: sign, key included") { keep(try self.signed()) },
        ]
    }

    private static func documents() -> [Benchmark] {
        let keys = (0..<1_000).map { "list-100000/000042/\(10_000_000 + $0)" }
        let etag = "\"9e107d9d372bb6826bd81d3542a419d6\""
        let document =
            "<Delete>" + keys.map { "<Object><Key>\($0)</Key></Object>" }.joined() + "</Delete>"
        let bytes = Array(document.utf8)
        return [
            Benchmark("XML: write a page of 1,000 keys") {
                keep(
                    XMLWriter.document("ListBucketResult") { writer in
                        for key in keys {
                            writer.element("Contents") { writer in
                                writer.element("Key", key)
                                writer.element("LastModified", self.time.iso8601)
                                writer.element("ETag", etag)
                                writer.element("Size", "1024")
                                writer.element("StorageClass", "STANDARD")
                            }
                        }
                    }
                )
            },
            Benchmark("XML: read 1,000 keys to delete") { keep(try DeleteList(parsing: bytes)) },
        ]
    }
}
