import StoreModel

/// Signs requests the way a client does.
package struct RequestSigner: Sendable {
    package let accessKey: String
    private let secret: SecretKey
    private let region: String

    package init(accessKey: String, secret: SecretKey, region: String) {
        self.accessKey = accessKey
        self.secret = secret
        self.region = region
    }

    /// Adds `x-amz-date`, `x-amz-content-sha256` and `Authorization`; every header is signed.
    ///
    /// `headers` are those of the request, `host` among them. Gives all headers to be sent.
    package func signed(
        method: String,
        target: RequestTarget,
        headers: [HeaderField],
        payload: PayloadHash,
        at time: CalendarTime
    ) -> [HeaderField] {
        var headers = headers.filter { !Self.ours.contains($0.name) }
        headers.append(HeaderField("x-amz-date", time.basic))
        headers.append(HeaderField("x-amz-content-sha256", payload.text))
        let scope = self.scope(at: time)
        let names = Set(headers.map(\.name)).sorted()
        let canonical = CanonicalRequest(
            SignableRequest(method: method, target: target, headers: headers),
            signedHeaders: names,
            payload: payload.text
        )
        let signature = SigningKey(self.secret, scope)
            .sign(canonical.textToSign(time: time.basic, scope: scope))
        headers.append(
            HeaderField(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=\(self.accessKey)/\(scope), "
                    + "SignedHeaders=\(names.joined(separator: ";")), "
                    + "Signature=\(Hexadecimal.text(Array(signature)))"
            )
        )
        return headers
    }

    private static let ours: Set<String> = ["authorization", "x-amz-date", "x-amz-content-sha256"]

    /// Makes a target that whoever holds it may use with `method` until it expires.
    ///
    /// `headers` have to be sent along, `host` among them; `expires` is 1 to 604,800 seconds (a
    /// week).
    package func presigned(
        method: String,
        target: RequestTarget,
        headers: [HeaderField],
        expires: Int,
        at time: CalendarTime
    ) -> RequestTarget {
        let scope = self.scope(at: time)
        let names = Set(headers.map(\.name)).sorted()
        var query = target.query
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", "\(self.accessKey)/\(scope)"),
            ("X-Amz-Date", time.basic),
            ("X-Amz-Expires", String(expires)),
            ("X-Amz-SignedHeaders", names.joined(separator: ";")),
        ] {
            query.append(RequestTarget.Item(name: name, value: value))
        }
        let canonical = CanonicalRequest(
            SignableRequest(
                method: method,
                target: RequestTarget(path: target.path, query: query),
                headers: headers
            ),
            signedHeaders: names,
            payload: PayloadHash.unsigned.text
        )
        let signature = SigningKey(self.secret, scope)
            .sign(canonical.textToSign(time: time.basic, scope: scope))
        query.append(
            RequestTarget.Item(
                name: "X-Amz-Signature",
                value: Hexadecimal.text(Array(signature))
            )
        )
        return RequestTarget(path: target.path, query: query)
    }

    /// The fields of a form that say what it may do; `policy` is JSON.
    package func fields(policy: String, at time: CalendarTime) -> [HeaderField] {
        let scope = self.scope(at: time)
        let text = Base64.text(Array(policy.utf8))
        let signature = SigningKey(self.secret, scope).sign(text)
        return [
            HeaderField("policy", text),
            HeaderField("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            HeaderField("x-amz-credential", "\(self.accessKey)/\(scope)"),
            HeaderField("x-amz-date", time.basic),
            HeaderField("x-amz-signature", Hexadecimal.text(Array(signature))),
        ]
    }

    private func scope(at time: CalendarTime) -> CredentialScope {
        CredentialScope(date: String(time.basic.prefix(8)), region: self.region)
    }
}
