import S3Protocol
import TestSupport
import Testing

struct SignatureTests {
    @Test("Amazon's examples get the signatures that Amazon prints", arguments: AmazonExample.all)
    func examples(example: AmazonExample) throws {
        let request = try example.signed()
        let authorization = try #require(request.headers.first("authorization"))
        #expect(authorization.hasSuffix("Signature=\(example.signature)"))
        let claim = try #require(try SignatureClaim.find(in: request))
        let verified = try claim.verify(
            request,
            with: AmazonExample.key,
            at: AmazonExample.time
        )
        #expect(verified.accessKey == AmazonExample.accessKey)
    }

    @Test("Amazon's presigned example gets the signature that Amazon prints")
    func presigned() throws {
        let target = AmazonExample.signer.presigned(
            method: "GET",
            target: try RequestTarget(parsing: "/test.txt"),
            headers: [AmazonExample.host],
            expires: 86_400,
            at: AmazonExample.time
        )
        #expect(
            target["X-Amz-Signature"]
                == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
        let arrived = try RequestTarget(parsing: target.text)
        let request = SignableRequest(
            method: "GET",
            target: arrived,
            headers: [AmazonExample.host]
        )
        let claim = try #require(try SignatureClaim.find(in: request))
        #expect(claim.isPresigned)
        _ = try claim.verify(request, with: AmazonExample.key, at: AmazonExample.time)
    }

    @Test(
        "Any request signed here is believed here, and any change of it is not",
        arguments: 0..<64
    )
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let key = (0..<Int.random(in: 1...24, using: &random))
            .map { _ in UInt8.random(in: 1...255, using: &random) }
        let target = try RequestTarget(
            parsing: RequestTarget(
                path: [0x2F] + key,
                query: [
                    .init(name: "prefix", value: "a b+c&d=\(seed)/é"),
                    .init(name: "uploads", value: ""),
                ]
            ).text
        )
        let headers = [
            HeaderField("Host", "localhost:7330"), HeaderField("x-amz-meta-a", "  two   words "),
        ]
        let signed = AmazonExample.signer.signed(
            method: "PUT",
            target: target,
            headers: headers,
            payload: .unsigned,
            at: AmazonExample.time
        )
        func isBelieved(_ method: String, _ target: RequestTarget, _ headers: [HeaderField]) -> Bool
        {
            let request = SignableRequest(method: method, target: target, headers: headers)
            guard let claim = try? SignatureClaim.find(in: request) else { return false }
            let verified = try? claim.verify(
                request,
                with: AmazonExample.key,
                at: AmazonExample.time
            )
            return verified != nil
        }
        #expect(isBelieved("PUT", target, signed))
        #expect(!isBelieved("GET", target, signed))
        let other = RequestTarget(path: target.path + [0x2F], query: target.query)
        #expect(!isBelieved("PUT", other, signed))
        #expect(!isBelieved("PUT", RequestTarget(path: target.path), signed))
        #expect(!isBelieved("PUT", target, signed + [HeaderField("x-amz-acl", "public-read")]))
        #expect(!isBelieved("PUT", target, signed.filter { $0.name != "host" }))
        let unhashed = signed.map {
            $0.name == "x-amz-content-sha256" ? HeaderField($0.name, PayloadHash.empty.text) : $0
        }
        #expect(!isBelieved("PUT", target, unhashed))
    }

    @Test("A header that is not signed is named")
    func unsignedHeader() throws {
        var request = try AmazonExample.all[0].signed()
        request = SignableRequest(
            method: request.method,
            target: request.target,
            headers: request.headers + [HeaderField("X-Amz-Copy-Source", "a/b")]
        )
        let error = #expect(throws: S3Error.self) { try SignatureClaim.find(in: request) }
        #expect(error?.code == .accessDenied)
        #expect(error?.elements == [.init("HeadersNotSigned", "x-amz-copy-source")])
    }

    @Test(
        "A clock may be off by 15 minutes, not more",
        arguments: [(-901, false), (-900, true), (0, true), (900, true), (901, false)]
    )
    func skew(seconds: Int64, isAccepted: Bool) throws {
        let request = try AmazonExample.all[0].signed()
        let claim = try #require(try SignatureClaim.find(in: request))
        let now = CalendarTime(seconds: AmazonExample.time.seconds + seconds)
        if isAccepted {
            _ = try claim.verify(request, with: AmazonExample.key, at: now)
        } else {
            let error = #expect(throws: S3Error.self) {
                try claim.verify(request, with: AmazonExample.key, at: now)
            }
            #expect(error?.code == .requestTimeTooSkewed)
        }
    }

    @Test("A presigned request lives as long as it says, a week at most")
    func expiry() throws {
        func request(_ expires: Int) throws -> SignableRequest {
            SignableRequest(
                method: "GET",
                target: AmazonExample.signer.presigned(
                    method: "GET",
                    target: try RequestTarget(parsing: "/b/k"),
                    headers: [AmazonExample.host],
                    expires: expires,
                    at: AmazonExample.time
                ),
                headers: [AmazonExample.host]
            )
        }
        let hour = try request(3_600)
        let claim = try #require(try SignatureClaim.find(in: hour))
        let start = AmazonExample.time.seconds
        _ = try claim.verify(hour, with: AmazonExample.key, at: .init(seconds: start + 3_600))
        let late = #expect(throws: S3Error.self) {
            try claim.verify(hour, with: AmazonExample.key, at: .init(seconds: start + 3_601))
        }
        #expect(late?.code == .accessDenied)
        #expect(try SignatureClaim.find(in: request(604_800)) != nil)
        for expires in [604_801, 0, -1] {
            let error = #expect(throws: S3Error.self) {
                try SignatureClaim.find(in: request(expires))
            }
            #expect(error?.code == .authorizationQueryParametersError)
        }
    }

    @Test("Two signatures in one request are refused, and so are other algorithms")
    func mechanisms() throws {
        func code(_ target: String, _ headers: [HeaderField]) throws -> S3Error.Code? {
            let request = SignableRequest(
                method: "GET",
                target: try RequestTarget(parsing: target),
                headers: [AmazonExample.host] + headers
            )
            do {
                _ = try SignatureClaim.find(in: request)
                return nil
            } catch {
                return error.code
            }
        }
        let header = try #require(try AmazonExample.all[0].signed().headers.first("authorization"))
        let both = [HeaderField("authorization", header)]
        #expect(try code("/k?X-Amz-Algorithm=AWS4-HMAC-SHA256", both) == .invalidArgument)
        #expect(try code("/k", both + both) == .invalidArgument)
        #expect(try code("/k", [HeaderField("authorization", "AWS AKID:c2ln")]) == .invalidRequest)
        #expect(try code("/k?AWSAccessKeyId=a&Signature=b&Expires=1", []) == .invalidRequest)
        let ecdsa = header.replacing("AWS4-HMAC-SHA256", with: "AWS4-ECDSA-P256-SHA256")
        #expect(try code("/k", [HeaderField("authorization", ecdsa)]) == .invalidRequest)
        #expect(try code("/k", []) == nil)
    }

    @Test("A wrong service, day or region is told")
    func scope() throws {
        let request = try AmazonExample.all[0].signed()
        func error(_ old: String, _ new: String, region: String? = nil) -> S3Error? {
            let headers = request.headers.map {
                $0.name == "authorization"
                    ? HeaderField($0.name, $0.value.replacing(old, with: new)) : $0
            }
            let changed = SignableRequest(
                method: request.method,
                target: request.target,
                headers: headers
            )
            return #expect(throws: S3Error.self) {
                try SignatureClaim.find(in: changed, region: region)
            }
        }
        for (old, new) in [
            ("/s3/", "/iam/"), ("20130524/", "20130525/"), ("aws4_request", "aws5_request"),
            ("Signature=f0", "Signature=zz"), ("SignedHeaders=", "Signed="),
        ] {
            #expect(error(old, new)?.code == .authorizationHeaderMalformed, "\(new)")
        }
        let region = error("x", "x", region: "eu-west-1")
        #expect(region?.elements == [.init("Region", "eu-west-1")])
    }

    @Test("Hostile authorization headers only cause errors", arguments: UInt64(0)..<64)
    func hostile(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let request = try AmazonExample.all[0].signed()
        var text = Array(try #require(request.headers.first("authorization")).utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<text.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text[index] = UInt8.random(in: 0...255, using: &random)
            case 1: text.remove(at: index)
            default: text.removeSubrange(index...)
            }
            if text.isEmpty { text = [0x20] }
        }
        let changed = String(decoding: text, as: UTF8.self)
        guard changed != request.headers.first("authorization") else { return }
        let hostile = SignableRequest(
            method: request.method,
            target: request.target,
            headers: request.headers.map {
                $0.name == "authorization" ? HeaderField($0.name, changed) : $0
            }
        )
        #expect(throws: S3Error.self) {
            let claim = try #require(try SignatureClaim.find(in: hostile))
            _ = try claim.verify(
                hostile,
                with: SigningKey(AmazonExample.secret, claim.scope),
                at: AmazonExample.time
            )
        }
    }

    @Test("A secret never prints")
    func secrets() {
        let secret = SecretKey("swordfish")
        var text = "\(secret) \(String(reflecting: secret)) \(Optional(secret) as Any)"
        dump(secret, to: &text)
        dump(SigningKey(secret, AmazonExample.scope), to: &text)
        #expect(!text.contains("swordfish") && !text.contains("115"))
    }
}
