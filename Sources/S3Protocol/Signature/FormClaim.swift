import StoreModel

/// What a form says about who signed its policy, not yet believed.
///
/// Source: S3 API Reference, "Authenticating Requests: Browser-Based Uploads Using POST (AWS
/// Signature Version 4)".
package struct FormClaim: Sendable {
    /// In Base64, as the form has it: this is what is signed.
    package let policy: String
    private let claim: SignatureClaim

    package var accessKey: String { self.claim.accessKey }
    package var scope: CredentialScope { self.claim.scope }

    /// Finds the claim in the fields of a form; nil if nothing of it is there.
    ///
    /// `region` is the only one accepted; nil accepts any.
    package static func find(
        in fields: [HeaderField],
        region: String? = nil
    ) throws(S3Error) -> FormClaim? {
        if fields.first("awsaccesskeyid") != nil || fields.first("signature") != nil {
            throw SignatureClaim.unsupported
        }
        let names = ["policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date"]
        guard (names + ["x-amz-signature"]).contains(where: { fields.first($0) != nil }) else {
            return nil
        }
        return try FormClaim(fields, region: region)
    }

    private init(_ fields: [HeaderField], region: String?) throws(S3Error) {
        self.policy = try Self.value("policy", fields)
        let algorithm = try Self.value("X-Amz-Algorithm", fields)
        guard algorithm == "AWS4-HMAC-SHA256" else {
            throw .invalidArgument(
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
                "X-Amz-Algorithm",
                algorithm
            )
        }
        self.claim = try SignatureClaim(
            formCredential: try Self.value("X-Amz-Credential", fields),
            time: try Self.value("X-Amz-Date", fields),
            signature: try Self.value("X-Amz-Signature", fields)
        )
        if let region, region != self.scope.region {
            throw .invalidArgument(
                "Error parsing the X-Amz-Credential parameter; the region "
                    + "'\(self.scope.region)' is wrong; expecting '\(region)'",
                "X-Amz-Credential",
                self.scope.description
            )
        }
    }

    private static func value(
        _ name: String,
        _ fields: [HeaderField]
    ) throws(S3Error) -> String {
        guard let value = fields.first(name.lowercased()) else { throw .missingField(name) }
        return value
    }

    /// Compares the signature, in constant time.
    ///
    /// How long it counts is said by the policy.
    ///
    /// - Precondition: `key` was derived for ``scope``.
    package func verify(with key: SigningKey) throws(S3Error) -> Verified {
        precondition(key.scope == self.scope, "A signing key serves one scope.")
        do {
            return try Verified(claim: self.claim, textToSign: self.policy, key: key)
        } catch {
            throw S3Error(
                .signatureDoesNotMatch,
                nil,
                [
                    .init("AWSAccessKeyId", self.accessKey),
                    .init("StringToSign", self.policy),
                    .init("SignatureProvided", Hexadecimal.text(self.claim.signature)),
                ]
            )
        }
    }
}

extension S3Error {
    /// A form has not what it needs before its file.
    package static func missingField(_ name: String) -> S3Error {
        .invalidArgument(
            "Bucket POST must contain a field named '\(name)'.  If it is specified, please check "
                + "the order of the fields.",
            name,
            ""
        )
    }
}
