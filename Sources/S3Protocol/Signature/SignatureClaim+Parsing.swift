import StoreModel

extension SignatureClaim {
    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    init(header text: String, _ request: SignableRequest) throws(S3Error) {
        let parts = text[...].pieces(UInt8(ascii: " "), maxSplits: 1)
        guard parts.first == "AWS4-HMAC-SHA256", parts.count == 2 else { throw Self.unsupported }
        let (credential, headers, signature) = try Self.fields(parts[1])
        guard let pair = Self.credential(credential) else {
            throw Self.malformed(
                "the Credential is mal-formed; expecting "
                    + "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
            )
        }
        guard pair.service == CredentialScope.service else {
            throw Self.malformed(
                "incorrect service \"\(pair.service)\". This endpoint belongs to \"s3\"."
            )
        }
        guard let digest = Hexadecimal.bytes(signature), digest.count == 32 else {
            throw Self.malformed("the Signature is no SHA-256 in hexadecimal digits.")
        }
        let (time, signedAt) = try Self.time(of: request)
        guard time.prefix(8) == pair.scope.date else {
            throw Self.malformed(
                "Invalid credential date \"\(pair.scope.date)\". This date is not the same as "
                    + "X-Amz-Date: \"\(time.prefix(8))\"."
            )
        }
        guard let payload = request.headers.first("x-amz-content-sha256") else {
            throw S3Error(
                .invalidRequest,
                "Missing required header for this request: x-amz-content-sha256"
            )
        }
        self.accessKey = pair.accessKey
        self.scope = pair.scope
        self.payload = try PayloadHash(parsing: payload)
        self.isPresigned = false
        self.signature = digest
        self.signedHeaders = Self.names(headers)
        self.time = time
        self.signedAt = signedAt
        self.expires = nil
    }

    /// Reads the parameters of a presigned request.
    init(query request: SignableRequest) throws(S3Error) {
        let target = request.target
        for name in Self.parameters where target.query.count(where: { $0.name == name }) != 1 {
            throw Self.wrong(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                    + "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                    + "X-Amz-Expires parameters."
            )
        }
        guard target["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256" else {
            throw Self.wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
        }
        guard
            let pair = Self.credential((target["X-Amz-Credential"] ?? "")[...]),
            pair.service == CredentialScope.service
        else {
            throw Self.wrong(
                "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
                    + "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\"."
            )
        }
        let time = target["X-Amz-Date"] ?? ""
        guard let signedAt = CalendarTime(basic: time) else {
            throw Self.wrong(
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
            )
        }
        guard time.prefix(8) == pair.scope.date else {
            throw Self.wrong("Invalid credential date \"\(pair.scope.date)\".")
        }
        guard let expires = Int64(target["X-Amz-Expires"] ?? "") else {
            throw Self.wrong("X-Amz-Expires should be a number")
        }
        guard expires > 0 else { throw Self.wrong("X-Amz-Expires must be positive") }
        guard expires <= Self.expirySecondsMax else {
            throw Self.wrong(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                    + "X-Amz-Expires must be less than 604800 seconds"
            )
        }
        guard
            let digest = Hexadecimal.bytes(target["X-Amz-Signature"] ?? ""), digest.count == 32
        else { throw Self.wrong("X-Amz-Signature is no SHA-256 in hexadecimal digits.") }
        self.accessKey = pair.accessKey
        self.scope = pair.scope
        self.payload = try Self.presignedPayload(request)
        self.isPresigned = true
        self.signature = digest
        self.signedHeaders = Self.names((target["X-Amz-SignedHeaders"] ?? "")[...])
        self.time = time
        self.signedAt = signedAt
        self.expires = expires
    }

    /// Reads what a form says of the signature of its policy.
    init(formCredential: String, time: String, signature: String) throws(S3Error) {
        guard let pair = Self.credential(formCredential[...]),
            pair.service == CredentialScope.service
        else {
            throw .invalidArgument(
                "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
                    + "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\".",
                "X-Amz-Credential",
                formCredential
            )
        }
        guard let signedAt = CalendarTime(basic: time), time.prefix(8) == pair.scope.date else {
            throw .invalidArgument(
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\", on the "
                    + "day of the X-Amz-Credential.",
                "X-Amz-Date",
                time
            )
        }
        guard let digest = Hexadecimal.bytes(signature), digest.count == 32 else {
            throw .invalidArgument(
                "X-Amz-Signature is no SHA-256 in hexadecimal digits.",
                "X-Amz-Signature",
                signature
            )
        }
        self.accessKey = pair.accessKey
        self.scope = pair.scope
        self.payload = .unsigned
        self.isPresigned = false
        self.signature = digest
        self.signedHeaders = []
        self.time = time
        self.signedAt = signedAt
        self.expires = nil
    }

    private static let parameters = [
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date",
        "X-Amz-SignedHeaders", "X-Amz-Expires",
    ]

    private static func presignedPayload(
        _ request: SignableRequest
    ) throws(S3Error) -> PayloadHash {
        guard
            let text = request.target["X-Amz-Content-Sha256"]
                ?? request.headers.first("x-amz-content-sha256")
        else { return .unsigned }
        let payload = try PayloadHash(parsing: text)
        guard !payload.isChunked else {
            throw .notImplemented("The payload hash \(text) of a presigned request")
        }
        return payload
    }

    /// The time of a header-signed request, in the form that is signed.
    private static func time(
        of request: SignableRequest
    ) throws(S3Error) -> (String, CalendarTime) {
        if let text = request.headers.first("x-amz-date") {
            guard let time = CalendarTime(basic: text) else {
                throw S3Error(
                    .accessDenied,
                    "AWS authentication requires a valid Date or x-amz-date header"
                )
            }
            return (text, time)
        }
        guard
            let text = request.headers.first("date"),
            let time = CalendarTime(httpDate: text) ?? CalendarTime(basic: text)
        else {
            throw S3Error(
                .accessDenied,
                "AWS authentication requires a valid Date or x-amz-date header"
            )
        }
        return (time.basic, time)
    }

    private static func fields(
        _ text: Substring
    ) throws(S3Error) -> (credential: Substring, headers: Substring, signature: Substring) {
        var credential: Substring?
        var headers: Substring?
        var signature: Substring?
        for part in text.pieces(UInt8(ascii: ",")) {
            let pair = part.trimmed.pieces(UInt8(ascii: "="), maxSplits: 1)
            let isNew =
                switch pair.first {
                case _ where pair.count != 2: false
                case "Credential": Self.set(&credential, pair[1])
                case "SignedHeaders": Self.set(&headers, pair[1])
                case "Signature": Self.set(&signature, pair[1])
                default: false
                }
            guard isNew else { throw Self.incomplete }
        }
        guard let credential, let headers, let signature else { throw Self.incomplete }
        return (credential, headers, signature)
    }

    /// - Returns: false if the field was set before.
    private static func set(_ field: inout Substring?, _ value: Substring) -> Bool {
        if field != nil { return false }
        field = value.trimmed
        return true
    }

    private static var incomplete: S3Error {
        Self.malformed("it needs Credential, SignedHeaders and Signature once each.")
    }

    private static func credential(
        _ text: Substring
    ) -> (accessKey: String, scope: CredentialScope, service: String)? {
        let parts = text.pieces(UInt8(ascii: "/"), omittingEmpty: false)
        guard
            parts.count == 5, !parts[0].isEmpty, parts[1].utf8.count == 8,
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            !parts[2].isEmpty, parts[4] == CredentialScope.terminator
        else { return nil }
        return (
            String(parts[0]),
            CredentialScope(date: String(parts[1]), region: String(parts[2])),
            String(parts[3])
        )
    }

    private static func names(_ text: Substring) -> [String] {
        let names = text.pieces(UInt8(ascii: ";")).map { $0.lowercased() }
        let isSorted = zip(names, names.dropFirst()).allSatisfy { $0 < $1 }
        return isSorted ? names : Set(names).sorted()
    }

    private static func malformed(_ why: String) -> S3Error {
        S3Error(
            .authorizationHeaderMalformed,
            "The authorization header is malformed; \(why)"
        )
    }

    private static func wrong(_ why: String) -> S3Error {
        S3Error(.authorizationQueryParametersError, why)
    }
}

extension Substring {
    /// Without spaces at its ends.
    fileprivate var trimmed: Substring {
        var bytes = self.utf8
        while bytes.last == 0x20 { bytes.removeLast() }
        return Substring(bytes.drop { $0 == 0x20 })
    }

    /// Cut at a character of ASCII.
    ///
    /// Quicker than by characters: every request comes by here.
    fileprivate func pieces(
        _ separator: UInt8,
        maxSplits: Int = .max,
        omittingEmpty: Bool = true
    ) -> [Substring] {
        self.utf8.split(
            separator: separator,
            maxSplits: maxSplits,
            omittingEmptySubsequences: omittingEmpty
        ).map { Substring($0) }
    }
}
