import StoreModel

/// What a request says about who signed it, not yet believed.
///
/// Only AWS4-HMAC-SHA256 exists, in the `Authorization` header or in the query.
/// Source: AWS, "Signature Version 4"; docs/s3-compatibility.md, "Signatures".
package struct SignatureClaim: Sendable {
    /// How far a client's clock may be off, in seconds (15 minutes).
    package static let skewSeconds: Int64 = 15 * 60
    /// Longest life of a presigned request, in seconds (a week).
    package static let expirySecondsMax: Int64 = 7 * 24 * 3_600

    package let accessKey: String
    package let scope: CredentialScope
    package let payload: PayloadHash
    /// Whether the signature stands in the query.
    package let isPresigned: Bool
    let signature: [UInt8]
    let signedHeaders: [String]
    /// As the request carries it.
    let time: String
    let signedAt: CalendarTime
    /// Seconds after ``signedAt``; nil for a header.
    let expires: Int64?

    /// Finds the claim in a request.
    ///
    /// Nil for a request without a signature. `region` is the only one accepted; nil accepts any.
    package static func find(
        in request: SignableRequest,
        region: String? = nil
    ) throws(S3Error) -> SignatureClaim? {
        let authorization = request.headers.filter { $0.name == "authorization" }
        let target = request.target
        let inQuery = target.contains("X-Amz-Algorithm") || target.contains("X-Amz-Signature")
        let isOld = target.contains("Signature") && target.contains("AWSAccessKeyId")
        guard authorization.count + (inQuery ? 1 : 0) + (isOld ? 1 : 0) <= 1 else {
            throw S3Error(
                .invalidArgument,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                    + "Signature query string parameter or the Authorization header should be "
                    + "specified"
            )
        }
        if isOld { throw Self.unsupported }
        let claim: SignatureClaim
        if let authorization = authorization.first {
            claim = try SignatureClaim(header: authorization.value, request)
        } else if inQuery {
            claim = try SignatureClaim(query: request)
        } else {
            return nil
        }
        try claim.checkRegion(region)
        try claim.checkCoverage(of: request)
        return claim
    }

    static let unsupported = S3Error(
        .invalidRequest,
        "The authorization mechanism you have provided is not supported. "
            + "Please use AWS4-HMAC-SHA256."
    )

    /// Checks the time and compares the signature, in constant time.
    ///
    /// - Precondition: `key` was derived for ``scope``.
    package func verify(
        _ request: SignableRequest,
        with key: SigningKey,
        at now: CalendarTime
    ) throws(S3Error) -> Verified {
        precondition(key.scope == self.scope, "A signing key serves one scope.")
        let canonical = CanonicalRequest(
            request,
            signedHeaders: self.signedHeaders,
            payload: self.payload.text
        )
        let text = canonical.textToSign(time: self.time, scope: self.scope)
        do {
            let verified = try Verified(claim: self, textToSign: text, key: key)
            try self.checkTime(now)
            return verified
        } catch let error as S3Error {
            throw error
        } catch {
            throw S3Error(
                .signatureDoesNotMatch,
                nil,
                [
                    .init("AWSAccessKeyId", self.accessKey),
                    .init("StringToSign", text),
                    .init("SignatureProvided", Hexadecimal.text(self.signature)),
                    .init("CanonicalRequest", canonical.text),
                ]
            )
        }
    }

    private func checkTime(_ now: CalendarTime) throws(S3Error) {
        let age = now.seconds - self.signedAt.seconds
        if let expires = self.expires {
            guard age >= -Self.skewSeconds else {
                throw S3Error(.accessDenied, "Request is not valid yet")
            }
            guard age <= expires else {
                throw S3Error(
                    .accessDenied,
                    "Request has expired",
                    [
                        .init("X-Amz-Expires", String(expires)),
                        .init(
                            "Expires",
                            CalendarTime(seconds: self.signedAt.seconds + expires).iso8601
                        ),
                        .init("ServerTime", now.iso8601),
                    ]
                )
            }
        } else if abs(age) > Self.skewSeconds {
            throw S3Error(
                .requestTimeTooSkewed,
                nil,
                [
                    .init("RequestTime", self.time),
                    .init("ServerTime", now.iso8601),
                    .init("MaxAllowedSkewMilliseconds", String(Self.skewSeconds * 1_000)),
                ]
            )
        }
    }

    private func checkRegion(_ region: String?) throws(S3Error) {
        guard let region, region != self.scope.region else { return }
        let message = "the region '\(self.scope.region)' is wrong; expecting '\(region)'"
        let elements = [S3Error.Element("Region", region)]
        if self.isPresigned {
            throw S3Error(
                .authorizationQueryParametersError,
                "Error parsing the X-Amz-Credential parameter; \(message)",
                elements
            )
        }
        throw S3Error(
            .authorizationHeaderMalformed,
            "The authorization header is malformed; \(message)",
            elements
        )
    }

    /// A header that changes the meaning of the request and is not signed could come from anybody.
    private func checkCoverage(of request: SignableRequest) throws(S3Error) {
        let signed = Set(self.signedHeaders)
        let bare = request.headers.map(\.name)
            .filter { ($0.hasPrefix("x-amz-") || $0 == "host") && !signed.contains($0) }
        guard !bare.isEmpty || !signed.contains("host") else { return }
        throw S3Error(
            .accessDenied,
            "There were headers present in the request which were not signed",
            [.init("HeadersNotSigned", bare.isEmpty ? "host" : bare.joined(separator: ", "))]
        )
    }
}
