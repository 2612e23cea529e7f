import S3Protocol
import StoreModel

/// Who sent a request.
enum Sender: Sendable {
    /// Proved by a signature.
    case user(Verified, Owner)
    /// There was no signature; the hash is what `x-amz-content-sha256` says of the body.
    case anonymous(PayloadHash)

    /// The canonical id under which records know who wrote without a signature.
    static let anonymousID = "anonymous"

    /// What is said of the body, which is still to be checked against it.
    var payload: PayloadHash {
        switch self {
        case .user(let verified, _): verified.payload
        case .anonymous(let payload): payload
        }
    }

    var user: Owner? {
        if case .user(_, let owner) = self { return owner }
        return nil
    }

    var isRoot: Bool { self.user?.isRoot == true }

    /// What records know it by.
    var recordID: String { self.user?.recordID ?? Self.anonymousID }
}

extension Owner {
    /// What records know the user by: the root user is whoever has the root key at the time.
    var recordID: String { self.isRoot ? "" : self.id }

    var principal: BucketPolicy.Principal {
        BucketPolicy.Principal(
            canonicalID: self.id,
            name: self.displayName,
            account: self.account
        )
    }
}
