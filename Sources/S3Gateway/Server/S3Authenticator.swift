import S3Protocol

/// Finds out who sent a request.
struct S3Authenticator: Sendable {
    let credentials: any Credentials
    /// The only region accepted; nil accepts any.
    let region: String?
    let cache = SigningKeyCache()

    /// Who it is, and the proof.
    ///
    /// An unknown access key costs as much time as a known one with a wrong signature.
    func authenticate(
        _ request: SignableRequest,
        at now: CalendarTime
    ) async throws(S3Error) -> (Verified, Owner) {
        guard let claim = try SignatureClaim.find(in: request, region: self.region) else {
            throw S3Error(.accessDenied)
        }
        let credential = await self.credentials.credential(for: claim.accessKey)
        let secret = credential?.secret ?? Self.nobody
        let key = self.cache.key(for: secret, claim.scope)
        do {
            let verified = try claim.verify(request, with: key, at: now)
            if let credential { return (verified, credential.owner) }
        } catch  where credential != nil {
            throw error
        } catch {}
        throw S3Error(.invalidAccessKeyId, nil, [.init("AWSAccessKeyId", claim.accessKey)])
    }

    private static let nobody = SecretKey("")
}
