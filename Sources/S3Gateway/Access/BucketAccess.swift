import Coordinator
import S3Protocol
import StoreModel

/// What a bucket's list, policy and settings say to somebody.
///
/// One place decides for all operations, for the source of copies as for everything else. Source:
/// docs/s3-compatibility.md, "Who may do what".
struct BucketAccess: Sendable {
    let bucket: BucketSummary
    private let sender: Sender
    private let policy: BucketPolicy?
    private let block: PublicAccessBlock

    init(_ sender: Sender, _ bucket: BucketSummary) {
        self.sender = sender
        self.bucket = bucket
        self.block = PublicAccessBlock(of: bucket.settings)
        // It was checked when it was set. One that cannot be read allows nothing.
        self.policy = bucket.settings[.policy].flatMap {
            try? BucketPolicy(parsing: $0, bucket: bucket.name.text)
        }
    }

    var ownership: ObjectOwnership { ObjectOwnership(of: self.bucket.settings) }

    private var owner: String { self.bucket.settings.access.owner }

    private var isOwner: Bool { self.sender.user != nil && self.sender.recordID == self.owner }

    /// Whether the sender may do something, as far as that does not depend on an object.
    ///
    /// - Throws: `AccessDenied`.
    func pass(
        _ action: String,
        _ authority: S3Operation.Authority,
        key: ObjectKey?,
        _ context: PolicyContext
    ) throws(S3Error) -> Pass {
        let question = self.question(action, key, context)
        var pass = Pass(
            sender: self.sender.recordID,
            hasSignature: self.sender.user != nil,
            verdict: .open,
            mayList: self.mayList(context),
            ignoresPublicGrants: self.block.ignoresPublicAcls,
            enforcedOwner: self.ownership == .enforced ? self.owner : nil
        )
        let decision = self.decision(on: question)
        if case .object = authority, let policy = self.policy, policy.asksForObjectTags {
            // What depends on tags is said when they are known. Without an object there are none.
            guard !policy.deniesWhateverTags(question) else { throw S3Error(.accessDenied) }
            pass.tagged = .init(access: self, question: question)
            pass.mayList = pass.mayList && decision != .denied
            return pass
        }
        switch decision {
        case .allowed: pass.verdict = .allowed
        case .denied: throw S3Error(.accessDenied)
        case .silent: break
        }
        switch authority {
        case .object: return pass
        case .bucket(let permission):
            guard
                pass.verdict == .allowed
                    || pass.isGranted(permission, by: self.bucket.settings.access)
            else { throw S3Error(.accessDenied) }
        case .bucketOwner:
            guard pass.verdict == .allowed || self.isOwner else { throw S3Error(.accessDenied) }
        case .anyUser, .everybody: break
        }
        pass.verdict = .allowed
        return pass
    }

    private func mayList(_ context: PolicyContext) -> Bool {
        switch self.decision(on: self.question("s3:ListBucket", nil, context)) {
        case .allowed: true
        case .denied: false
        case .silent:
            self.bucket.settings.access.grants(
                .read,
                to: self.sender.recordID,
                hasSignature: self.sender.user != nil,
                ignoringPublic: self.block.ignoresPublicAcls
            )
        }
    }

    /// What the policy says, as far as the bucket's settings let it count.
    func decision(on question: BucketPolicy.Question) -> BucketPolicy.Decision {
        guard let policy = self.policy else { return .silent }
        let decision = policy.decision(on: question)
        // A public policy counts for the owner alone.
        if decision == .allowed, self.block.restrictsPublicBuckets, policy.isPublic, !self.isOwner {
            return .silent
        }
        return decision
    }

    private func question(
        _ action: String,
        _ key: ObjectKey?,
        _ context: PolicyContext
    ) -> BucketPolicy.Question {
        let resource = "arn:aws:s3:::\(self.bucket.name)"
        return BucketPolicy.Question(
            principal: self.sender.user?.principal,
            action: action,
            resource: key.map { "\(resource)/\($0)" } ?? resource,
            context: context
        )
    }
}
