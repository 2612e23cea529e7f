import S3Protocol

/// Request lines and headers, signed and not: `METHOD target`, then `name: value` lines.
///
/// * A target has one canonical form: taken apart again, it is the same.
/// * What a signer signs is believed, in headers and presigned; with another signature it is not.
/// * A claim that was made up is never believed.
enum SignatureTarget {
    static let key = "AKIDEXAMPLE"
    static let secret = SecretKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    static let region = "us-east-1"
    /// 2013-05-24, noon.
    static let time = CalendarTime(seconds: 1_369_396_800)
    static let scope = CredentialScope(date: "20130524", region: Self.region)
    static let signer = RequestSigner(accessKey: Self.key, secret: Self.secret, region: Self.region)

    private static let signingKey = SigningKey(Self.secret, Self.scope)

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let line = input.line().split(separator: " ", maxSplits: 1)
        guard line.count == 2, let target = try? RequestTarget(parsing: String(line[1])) else {
            return
        }
        try Self.checkTarget(target)
        let headers = Self.headers(&input)
        let request = SignableRequest(method: String(line[0]), target: target, headers: headers)
        try Self.checkClaim(request)
        try Self.checkSigned(request)
        try Self.checkPresigned(request)
    }

    /// As the HTTP decoder gives them: names are tokens, values have no control characters.
    static func headers(_ input: inout FuzzInput) -> [HeaderField] {
        var headers: [HeaderField] = []
        while !input.rest.isEmpty, headers.count < 24 {
            let line = input.line()
            guard let colon = line.utf8.firstIndex(of: 0x3A) else { continue }
            let name = line[..<colon]
            let isToken = name.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
            }
            let value = line[line.utf8.index(after: colon)...]
            guard isToken, !name.isEmpty, value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 9 }) else {
                continue
            }
            headers.append(HeaderField(String(name), String(value.drop { $0 == " " })))
        }
        return headers
    }

    private static func checkTarget(_ target: RequestTarget) throws {
        let again = try RequestTarget(parsing: target.text)
        try demand(again.path == target.path, "another path: \(target.text)")
        try demand(again.text == target.text, "two canonical forms: \(target.text)")
        try demand(Set(again.query) == Set(target.query), "another query: \(target.text)")
        _ = try? Addressed(path: target.path, host: target["host"], domains: ["localhost"])
    }

    private static func checkClaim(_ request: SignableRequest) throws {
        guard let claim = try? SignatureClaim.find(in: request, region: nil) else { return }
        // Nobody knows this secret, so nobody can have signed with it.
        let key = SigningKey(SecretKey("unknown"), claim.scope)
        let isBelieved = (try? claim.verify(request, with: key, at: Self.time)) != nil
        try demand(!isBelieved, "a claim without its secret")
    }

    /// The parts of a request that say nothing of a signature.
    private static func bare(_ request: SignableRequest) -> SignableRequest {
        let query = request.target.query.filter {
            !$0.name.hasPrefix("X-Amz-") && !["Signature", "AWSAccessKeyId"].contains($0.name)
        }
        let headers = request.headers.filter {
            !["authorization", "host", "x-amz-content-sha256"].contains($0.name)
        }
        return SignableRequest(
            method: request.method,
            target: RequestTarget(path: request.target.path, query: query),
            headers: headers + [HeaderField("host", "s3.example.com")]
        )
    }

    private static func verify(_ request: SignableRequest) throws -> Bool {
        guard let claim = try SignatureClaim.find(in: request, region: Self.region) else {
            throw Violation(description: "the signature was not found")
        }
        try demand(claim.scope == Self.scope, "another scope: \(claim.scope)")
        return (try? claim.verify(request, with: Self.signingKey, at: Self.time)) != nil
    }

    private static func checkSigned(_ request: SignableRequest) throws {
        let bare = Self.bare(request)
        let headers = Self.signer.signed(
            method: bare.method,
            target: bare.target,
            headers: bare.headers,
            payload: .unsigned,
            at: Self.time
        )
        // As it arrives: written, and read again.
        let target = try RequestTarget(parsing: bare.target.text)
        let signed = SignableRequest(method: bare.method, target: target, headers: headers)
        try demand(try Self.verify(signed), "what was signed is not believed")
        let forged = SignableRequest(method: bare.method + "X", target: target, headers: headers)
        try demand(try !Self.verify(forged), "another method is believed")
        let more = SignableRequest(
            method: bare.method,
            target: target,
            headers: headers + [HeaderField("x-amz-unsigned", "1")]
        )
        let isFound = (try? SignatureClaim.find(in: more, region: Self.region)) != nil
        try demand(!isFound, "a header that is not signed is let through")
    }

    private static func checkPresigned(_ request: SignableRequest) throws {
        let bare = Self.bare(request)
        let target = Self.signer.presigned(
            method: bare.method,
            target: bare.target,
            headers: bare.headers,
            expires: 3_600,
            at: Self.time
        )
        let arrived = SignableRequest(
            method: bare.method,
            target: try RequestTarget(parsing: target.text),
            headers: bare.headers
        )
        try demand(try Self.verify(arrived), "what was presigned is not believed")
    }
}
