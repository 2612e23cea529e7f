import Coordinator
import S3Protocol

/// Finds out who sent a request.
struct S3Authenticator: Sendable {
    let credentials: any Credentials
    /// The only region accepted; nil accepts any.
    let region: String?
    let cache = SigningKeyCache()

    /// Who it is, and the proof; nobody in particular if there is no signature.
    ///
    /// An unknown access key costs as much time as a known one with a wrong signature.
    func authenticate(
        _ request: SignableRequest,
        at now: CalendarTime
    ) async throws(S3Error) -> Sender {
        guard let claim = try SignatureClaim.find(in: request, region: self.region) else {
            return .anonymous(try Self.payload(request.headers))
        }
        return try await self.sender(claim.accessKey, claim.scope) { key throws(S3Error) in
            try claim.verify(request, with: key, at: now)
        }
    }

    /// Who signed the policy of a form.
    func authenticate(_ claim: FormClaim) async throws(S3Error) -> Sender {
        try await self.sender(claim.accessKey, claim.scope) { key throws(S3Error) in
            try claim.verify(with: key)
        }
    }

    private func sender(
        _ accessKey: String,
        _ scope: CredentialScope,
        _ verify: (SigningKey) throws(S3Error) -> Verified
    ) async throws(S3Error) -> Sender {
        let credential: Credential?
        do throws(ClusterError) {
            credential = try await self.credentials.credential(for: accessKey)
        } catch { throw S3Error(error, about: ErrorSubject()) }
        let secret = credential?.secret ?? Self.nobody
        let key = self.cache.key(for: secret, scope)
        do throws(S3Error) {
            let verified = try verify(key)
            if let credential { return .user(verified, credential.owner) }
        } catch {
            if credential != nil { throw error }
        }
        throw S3Error(.invalidAccessKeyId, nil, [.init("AWSAccessKeyId", accessKey)])
    }

    /// What a request without a signature says of its body.
    private static func payload(_ headers: [HeaderField]) throws(S3Error) -> PayloadHash {
        guard let text = headers.first("x-amz-content-sha256") else { return .unsigned }
        let payload = try PayloadHash(parsing: text)
        // There is no key that could have signed chunks.
        if case .signedChunks = payload { throw S3Error(.accessDenied) }
        return payload
    }

    private static let nobody = SecretKey("")
}
