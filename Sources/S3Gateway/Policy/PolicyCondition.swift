/// What conditions of a policy may look at: names in lower case, each with its values.
struct PolicyContext: Hashable, Sendable {
    /// Before the key of a tag that the object has.
    static let existingTag = "s3:existingobjecttag/"
    /// Before the key of a tag that the request gives.
    static let requestTag = "s3:requestobjecttag/"

    private var values: [String: [String]] = [:]

    init() {}

    /// The values of a key; nil if the request has nothing of the kind.
    subscript(key: String) -> [String]? {
        get { self.values[key.lowercased()] }
        set { self.values[key.lowercased()] = newValue }
    }
}

/// One condition of a statement: an operator, a key and the values it is compared with.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
struct PolicyCondition: Hashable, Sendable {
    enum Comparison: String, CaseIterable, Hashable, Sendable {
        case stringEquals = "StringEquals"
        case stringNotEquals = "StringNotEquals"
        case stringEqualsIgnoreCase = "StringEqualsIgnoreCase"
        case stringNotEqualsIgnoreCase = "StringNotEqualsIgnoreCase"
        case stringLike = "StringLike"
        case stringNotLike = "StringNotLike"
        case numericEquals = "NumericEquals"
        case numericNotEquals = "NumericNotEquals"
        case numericLessThan = "NumericLessThan"
        case numericLessThanEquals = "NumericLessThanEquals"
        case numericGreaterThan = "NumericGreaterThan"
        case numericGreaterThanEquals = "NumericGreaterThanEquals"
        case bool = "Bool"
        case ipAddress = "IpAddress"
        case notIpAddress = "NotIpAddress"
        case null = "Null"

        /// The comparison that has to fail for every value, if it is a negated one.
        var opposite: Comparison? {
            switch self {
            case .stringNotEquals: .stringEquals
            case .stringNotEqualsIgnoreCase: .stringEqualsIgnoreCase
            case .stringNotLike: .stringLike
            case .numericNotEquals: .numericEquals
            case .notIpAddress: .ipAddress
            default: nil
            }
        }
    }

    /// How several values of the request are judged.
    enum Quantifier: Hashable, Sendable {
        case one, all, any
    }

    let comparison: Comparison
    let quantifier: Quantifier
    /// Holds where the request has no such key.
    let ifExists: Bool
    /// In lower case.
    let key: String
    let values: [String]

    func holds(in context: PolicyContext) -> Bool {
        let found = context[self.key]
        if self.comparison == .null {
            return self.values.contains { ($0.lowercased() == "true") == (found == nil) }
        }
        guard let found, !found.isEmpty else {
            return self.ifExists || self.quantifier == .all || self.comparison.opposite != nil
        }
        switch self.quantifier {
        case .one, .any: return found.contains { self.holds(for: $0) }
        case .all: return found.allSatisfy { self.holds(for: $0) }
        }
    }

    private func holds(for text: String) -> Bool {
        if let opposite = self.comparison.opposite {
            return !self.values.contains { Self.compare(opposite, text, $0) }
        }
        return self.values.contains { Self.compare(self.comparison, text, $0) }
    }

    private static func compare(_ comparison: Comparison, _ text: String, _ value: String) -> Bool {
        func numbers(_ holds: (Double, Double) -> Bool) -> Bool {
            guard let text = Double(text), let value = Double(value) else { return false }
            return holds(text, value)
        }
        switch comparison {
        case .stringEquals: return text == value
        case .stringEqualsIgnoreCase: return text.lowercased() == value.lowercased()
        case .stringLike: return Wildcard(value).matches(text)
        case .numericEquals: return numbers(==)
        case .numericLessThan: return numbers(<)
        case .numericLessThanEquals: return numbers(<=)
        case .numericGreaterThan: return numbers(>)
        case .numericGreaterThanEquals: return numbers(>=)
        case .bool: return text.lowercased() == value.lowercased()
        case .ipAddress:
            guard let range = AddressRange(value), let address = AddressRange(text) else {
                return false
            }
            return range.contains(address)
        default: preconditionFailure("Negated ones are told by their opposite.")
        }
    }

    /// Whether it says from where or from whom, so that a statement with it is not for everybody.
    var isNarrow: Bool {
        guard self.comparison.opposite == nil, self.comparison != .null, !self.ifExists else {
            return false
        }
        switch self.key {
        case "aws:sourceip":
            return self.values.allSatisfy { AddressRange($0).map { $0.bits > 0 } ?? false }
        case "aws:principalarn", "aws:userid", "aws:username", "aws:sourcearn",
            "aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce":
            return self.values.allSatisfy { !$0.contains("*") }
        default: return false
        }
    }
}
