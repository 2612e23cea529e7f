/// Who may do what with a bucket and its objects, beyond what access lists say.
///
/// Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
struct BucketPolicy: Hashable, Sendable {
    enum Decision: Hashable, Sendable {
        case allowed
        /// Whatever else says otherwise.
        case denied
        /// The policy does not speak of it.
        case silent
    }

    /// What a policy is asked about.
    struct Question: Sendable {
        /// Nil for a request without a signature.
        let principal: Principal?
        /// As policies have it: `s3:GetObject`.
        let action: String
        /// As policies have it: `arn:aws:s3:::photos/cat.jpg`.
        let resource: String
        var context: PolicyContext
    }

    /// A user, by the names that a policy may have for it.
    struct Principal: Hashable, Sendable {
        let canonicalID: String
        let name: String
        let account: String
    }

    /// The elements of one statement.
    struct Statement: Hashable, Sendable {
        var isAllowing: Bool
        var principals: PrincipalSet
        var actions: PatternSet
        var resources: PatternSet
        /// All have to hold.
        var conditions: [PolicyCondition]
    }

    /// Patterns, of which one has to fit, or none.
    struct PatternSet: Hashable, Sendable {
        var patterns: [Wildcard]
        var isNegated: Bool

        func contains(_ text: String, ignoringCase: Bool = false) -> Bool {
            let isFitting = self.patterns.contains {
                $0.matches(text, ignoringCase: ignoringCase)
            }
            return isFitting != self.isNegated
        }
    }

    struct PrincipalSet: Hashable, Sendable {
        /// Names as the policy has them; `*` is everybody.
        var names: [String]
        var isNegated: Bool

        func contains(_ principal: Principal?) -> Bool {
            let isNamed = self.names.contains { name in
                if name == "*" { return true }
                guard let principal else { return false }
                return Self.names(of: principal).contains(name)
            }
            return isNamed != self.isNegated
        }

        private static func names(of principal: Principal) -> Set<String> {
            let account = principal.account
            var names: Set<String> = [
                principal.canonicalID, account, "arn:aws:iam::\(account):root",
            ]
            for name in [principal.canonicalID, principal.name] {
                names.insert("arn:aws:iam::\(account):user/\(name)")
                names.insert("arn:aws:iam:::user/\(name)")
            }
            return names
        }
    }

    var statements: [Statement]

    func decision(on question: Question) -> Decision {
        var decision = Decision.silent
        for statement in self.statements where statement.speaks(of: question) {
            guard statement.isAllowing else { return .denied }
            decision = .allowed
        }
        return decision
    }

    /// Whether a decision may depend on the tags that the object has.
    var asksForObjectTags: Bool { self.statements.contains(where: \.asksForObjectTags) }

    /// Whether the answer is no, whatever tags the object has.
    func deniesWhateverTags(_ question: Question) -> Bool {
        self.statements.contains {
            !$0.isAllowing && !$0.asksForObjectTags && $0.speaks(of: question)
        }
    }

    /// Whether it allows something to everybody, under whatever condition that does not say whom.
    ///
    /// Source: S3 User Guide, "The meaning of public".
    var isPublic: Bool {
        self.statements.contains { statement in
            statement.isAllowing && statement.principals.contains(nil)
                && !statement.conditions.contains(where: \.isNarrow)
        }
    }
}

extension BucketPolicy.Statement {
    fileprivate var asksForObjectTags: Bool {
        self.conditions.contains { $0.key.hasPrefix(PolicyContext.existingTag) }
    }

    fileprivate func speaks(of question: BucketPolicy.Question) -> Bool {
        self.principals.contains(question.principal)
            && self.actions.contains(question.action, ignoringCase: true)
            && self.resources.contains(question.resource)
            && self.conditions.allSatisfy { $0.holds(in: question.context) }
    }
}
