import Coordinator
import S3Protocol
import StoreModel

/// What is settled about a request before the object that it is about has been looked at.
struct Pass: Sendable {
    enum Verdict: Hashable, Sendable {
        /// Whatever the object's own list says.
        case allowed
        /// The object's own list decides.
        case open
    }

    /// What to ask a policy that looks at the tags of the object.
    struct Tagged: Sendable {
        let access: BucketAccess
        let question: BucketPolicy.Question
    }

    /// The root user, who may do everything.
    static let root = Pass(
        sender: "",
        hasSignature: true,
        verdict: .allowed,
        mayList: true,
        ignoresPublicGrants: false
    )

    /// Nothing is settled: whoever forgets to ask for a pass is let in nowhere.
    static let none = Pass(
        sender: "",
        hasSignature: false,
        verdict: .open,
        mayList: false,
        ignoresPublicGrants: true
    )

    /// The canonical id of the sender, as records have it.
    let sender: String
    let hasSignature: Bool
    var verdict: Verdict
    /// Whether the sender may know which keys the bucket has.
    var mayList: Bool
    /// The bucket does not care for grants to everybody.
    let ignoresPublicGrants: Bool
    /// Whoever owns all objects of the bucket, whatever their lists say.
    var enforcedOwner: String?
    var tagged: Tagged?

    /// Throws unless the sender may do this with that object.
    func check(_ permission: Permission, on object: ObjectSummary) throws(S3Error) {
        var verdict = self.verdict
        if let tagged = self.tagged {
            var question = tagged.question
            for tag in object.tags {
                question.context[PolicyContext.existingTag + tag.key] = [tag.value]
            }
            switch tagged.access.decision(on: question) {
            case .allowed: verdict = .allowed
            case .denied: throw S3Error(.accessDenied)
            case .silent: break
            }
        }
        guard verdict == .allowed || self.isGranted(permission, by: self.list(of: object)) else {
            throw S3Error(.accessDenied)
        }
    }

    /// The list that counts for an object.
    func list(of object: ObjectSummary) -> AccessList {
        self.enforcedOwner.map { AccessList(owner: $0) } ?? object.access
    }

    func isGranted(_ permission: Permission, by access: AccessList) -> Bool {
        access.grants(
            permission,
            to: self.sender,
            hasSignature: self.hasSignature,
            ignoringPublic: self.ignoresPublicGrants
        )
    }

    /// An error that tells nothing about keys to those who may not list them.
    func veiled(_ error: S3Error) -> S3Error {
        switch error.code {
        case .noSuchKey, .noSuchVersion, .methodNotAllowed:
            self.mayList ? error : S3Error(.accessDenied)
        default: error
        }
    }
}

extension AccessList {
    /// Whether the list gives somebody a permission.
    ///
    /// The owner may always read and write the list. Source: S3 User Guide, "Access control list
    /// overview".
    func grants(
        _ permission: Permission,
        to user: String,
        hasSignature: Bool,
        ignoringPublic: Bool
    ) -> Bool {
        if user == self.owner, hasSignature {
            if !self.isOwnerLimited { return true }
            if permission == .readAccess || permission == .writeAccess { return true }
        }
        return self.grants.contains { grant in
            guard grant.permission == permission || grant.permission == .fullControl else {
                return false
            }
            return switch grant.grantee {
            case .user(let id): id == user && hasSignature
            case .everybody: !ignoringPublic
            case .authenticated: hasSignature && !ignoringPublic
            }
        }
    }

    /// Whether it gives something to more people than can be named.
    var isPublic: Bool {
        self.grants.contains { $0.grantee == .everybody || $0.grantee == .authenticated }
    }
}
