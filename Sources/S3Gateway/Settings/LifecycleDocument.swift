import NIOHTTP1
import S3Protocol
import StoreModel

/// Lifecycle rules as clients write and read them.
///
/// Source: S3 API Reference, "PutBucketLifecycleConfiguration"; S3 User Guide, "Lifecycle
/// configuration elements". What S3 says of a rule that cannot be, it says word by word.
enum LifecycleDocument {
    /// Longest document, in bytes (1 MiB): what is kept of it is shorter.
    static let bytesMax = 1 << 20
    /// Most days, as in S3.
    private static let daysMax = UInt32(Int32.max)
    /// Most old versions that a rule may keep, as in S3.
    private static let keptMax: UInt32 = 100
    private static let root = "LifecycleConfiguration"
    static let sizeHeader = "x-amz-transition-default-minimum-object-size"
    private static let sizes = (
        same: "all_storage_classes_128K", varying: "varies_by_storage_class"
    )

    /// What a document and the header that belongs to it say.
    static func read(
        _ document: [UInt8],
        _ headers: [HeaderField]
    ) throws(S3Error) -> LifecycleRules {
        let root = try XMLNode(parsing: document)
        guard root.name == Self.root, (1...Limit.lifecycleRules).contains(root.children.count)
        else { throw S3Error(.malformedXML) }
        var drafts: [Draft] = []
        for node in root.children { drafts.append(try Draft(node)) }
        let given = drafts.compactMap(\.id)
        guard Set(given).count == given.count else {
            throw .invalidArgument(
                "Rule ID must be unique. Found same ID for more than one rule",
                "ID",
                given.first { id in given.count { $0 == id } > 1 } ?? ""
            )
        }
        var taken = Set(given)
        var rules: [LifecycleRule] = []
        for draft in drafts { rules.append(draft.rule(taken: &taken)) }
        return LifecycleRules(rules, variesByStorageClass: try Self.varies(headers))
    }

    private static func varies(_ headers: [HeaderField]) throws(S3Error) -> Bool {
        switch headers.first(Self.sizeHeader) {
        case nil, Self.sizes.same: return false
        case Self.sizes.varying: return true
        case .some(let text):
            throw .invalidArgument(
                "The value of the \(Self.sizeHeader) header is invalid.",
                Self.sizeHeader,
                text
            )
        }
    }

    static func headers(_ rules: LifecycleRules) -> HTTPHeaders {
        [
            Self.sizeHeader:
                rules.variesByStorageClass ? Self.sizes.varying : Self.sizes.same
        ]
    }

    /// A number of days, at least one.
    fileprivate static func days(
        _ node: XMLNode,
        of action: String
    ) throws(S3Error) -> UInt32 {
        guard let number = Int64(node.text) else { throw S3Error(.malformedXML) }
        guard number > 0, number <= Int64(Self.daysMax) else {
            throw .invalidArgument(
                "'\(node.name)' for \(action) action must be a positive integer",
                node.name,
                node.text
            )
        }
        return UInt32(number)
    }

    fileprivate static func kept(_ node: XMLNode) throws(S3Error) -> UInt32 {
        let number = try Self.days(node, of: "NoncurrentVersionExpiration")
        guard number <= Self.keptMax else {
            throw .invalidArgument(
                "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be at most "
                    + "\(Self.keptMax)",
                node.name,
                node.text
            )
        }
        return number
    }

    /// A midnight in UTC.
    fileprivate static func date(_ node: XMLNode) throws(S3Error) -> HybridTime {
        guard let date = CalendarTime(iso8601: node.text), date.seconds >= 0 else {
            throw S3Error(.malformedXML)
        }
        guard date.seconds % 86_400 == 0 else {
            throw .invalidArgument("'Date' must be at midnight GMT", "Date", node.text)
        }
        return HybridTime(microseconds: UInt64(date.seconds) * 1_000_000)
    }

    // MARK: - Writing

    static func document(_ rules: LifecycleRules) -> [UInt8] {
        XMLWriter.document(Self.root) { writer in
            for rule in rules.rules {
                writer.element("Rule") { writer in Self.write(rule, into: &writer) }
            }
        }
    }

    private static func write(_ rule: LifecycleRule, into writer: inout XMLWriter) {
        writer.element("ID", rule.id)
        Self.write(rule.filter, into: &writer)
        writer.element("Status", rule.isEnabled ? "Enabled" : "Disabled")
        if let expiration = rule.expiration {
            writer.element("Expiration") { writer in
                switch expiration {
                case .days(let days): writer.element("Days", String(days))
                case .date(let date): writer.element("Date", date.calendarTime.iso8601)
                case .markers(let go):
                    writer.element("ExpiredObjectDeleteMarker", go ? "true" : "false")
                }
            }
        }
        if let noncurrent = rule.noncurrent {
            writer.element("NoncurrentVersionExpiration") { writer in
                writer.element("NoncurrentDays", String(noncurrent.days))
                writer.element(
                    "NewerNoncurrentVersions",
                    ifPresent: noncurrent.kept.map { String($0) }
                )
            }
        }
        if let days = rule.abortDays {
            writer.element("AbortIncompleteMultipartUpload") { writer in
                writer.element("DaysAfterInitiation", String(days))
            }
        }
    }

    private static func write(_ filter: LifecycleFilter, into writer: inout XMLWriter) {
        switch filter.form {
        case .prefix: writer.element("Prefix", filter.prefix ?? "")
        case .filter: writer.element("Filter") { Self.writeTerms(filter, into: &$0) }
        case .all:
            writer.element("Filter") { writer in
                writer.element("And") { Self.writeTerms(filter, into: &$0) }
            }
        }
    }

    private static func writeTerms(_ filter: LifecycleFilter, into writer: inout XMLWriter) {
        writer.element("Prefix", ifPresent: filter.prefix)
        for tag in filter.tags {
            writer.element("Tag") { writer in
                writer.element("Key", tag.key)
                writer.element("Value", tag.value)
            }
        }
        writer.element("ObjectSizeGreaterThan", ifPresent: filter.sizeAbove.map { String($0) })
        writer.element("ObjectSizeLessThan", ifPresent: filter.sizeBelow.map { String($0) })
    }
}

/// A rule as it is read; it may be without an id.
private struct Draft {
    var id: String?
    var isEnabled: Bool?
    var filter: LifecycleFilter?
    var expiration: LifecycleRule.Expiration?
    var noncurrent: LifecycleRule.Noncurrent?
    var abortDays: UInt32?

    init(_ node: XMLNode) throws(S3Error) {
        guard node.name == "Rule",
            Set(node.children.map(\.name)).count == node.children.count
                || node.children.contains(where: { Self.transitions.contains($0.name) })
        else { throw S3Error(.malformedXML) }
        for child in node.children { try self.read(child) }
        guard let filter = self.filter, self.isEnabled != nil else { throw S3Error(.malformedXML) }
        guard self.expiration != nil || self.noncurrent != nil || self.abortDays != nil else {
            throw S3Error(
                .invalidRequest,
                "At least one action needs to be specified in a rule"
            )
        }
        try self.check(filter)
    }

    private static let transitions: Set<String> = ["Transition", "NoncurrentVersionTransition"]

    private mutating func read(_ node: XMLNode) throws(S3Error) {
        switch node.name {
        case "ID":
            guard node.text.count <= LifecycleRule.idCharacters,
                node.text.utf8.count <= 4 * LifecycleRule.idCharacters
            else {
                throw .invalidArgument(
                    "ID length should not exceed allowed limit of \(LifecycleRule.idCharacters)",
                    "ID",
                    node.text
                )
            }
            if !node.text.isEmpty { self.id = node.text }
        case "Status":
            guard ["Enabled", "Disabled"].contains(node.text) else { throw S3Error(.malformedXML) }
            self.isEnabled = node.text == "Enabled"
        case "Prefix", "Filter":
            guard self.filter == nil else { throw S3Error(.malformedXML) }
            self.filter = try LifecycleFilter(node)
        case "Expiration": self.expiration = try LifecycleRule.Expiration(node)
        case "NoncurrentVersionExpiration":
            self.noncurrent = try LifecycleRule.Noncurrent(node)
        case "AbortIncompleteMultipartUpload":
            guard node.children.count == 1, let days = node.children.first,
                days.name == "DaysAfterInitiation"
            else { throw S3Error(.malformedXML) }
            self.abortDays = try LifecycleDocument.days(days, of: node.name)
        case let name where Self.transitions.contains(name):
            throw .notImplemented("\(name) of lifecycle rules")
        default: throw S3Error(.malformedXML)
        }
    }

    private func check(_ filter: LifecycleFilter) throws(S3Error) {
        if self.abortDays != nil, filter.isAboutContent {
            throw S3Error(
                .invalidRequest,
                "AbortIncompleteMultipartUpload cannot be specified with "
                    + (filter.tags.isEmpty ? "Object Size." : "Tags.")
            )
        }
        if case .markers = self.expiration, !filter.tags.isEmpty {
            throw S3Error(
                .invalidRequest,
                "ExpiredObjectDeleteMarker cannot be specified with Tags."
            )
        }
    }

    /// The rule, with an id that is made of what it says unless it has one.
    func rule(taken: inout Set<String>) -> LifecycleRule {
        func rule(_ id: String) -> LifecycleRule {
            LifecycleRule(
                id: id,
                isEnabled: self.isEnabled ?? false,
                filter: self.filter ?? LifecycleFilter(),
                expiration: self.expiration,
                noncurrent: self.noncurrent,
                abortDays: self.abortDays
            )
        }
        if let id = self.id { return rule(id) }
        var hash = StableHash()
        hash.combine(rule("").encoded)
        var id = ""
        repeat {
            hash.combine([0])
            let digits = String(hash.value, radix: 16)
            id = "rule-" + String(repeating: "0", count: 16 - digits.count) + digits
        } while !taken.insert(id).inserted
        return rule(id)
    }
}

extension LifecycleFilter {
    /// Reads a `Filter`, or a `Prefix` in its place.
    fileprivate init(_ node: XMLNode) throws(S3Error) {
        if node.name == "Prefix" {
            self.init(form: .prefix)
            try self.read(node)
            return
        }
        guard let term = node.children.first else {
            guard node.text.allSatisfy(\.isWhitespace) else { throw S3Error(.malformedXML) }
            self.init()
            return
        }
        guard node.children.count == 1 else { throw S3Error(.malformedXML) }
        if term.name == "And" {
            self.init(form: .all)
            guard !term.children.isEmpty else { throw S3Error(.malformedXML) }
            for term in term.children { try self.read(term) }
        } else {
            self.init()
            try self.read(term)
        }
        try self.check()
    }

    private mutating func read(_ term: XMLNode) throws(S3Error) {
        switch term.name {
        case "Prefix":
            guard self.prefix == nil, term.children.isEmpty, term.text.utf8.count <= Limit.keyBytes
            else { throw S3Error(.malformedXML) }
            self.prefix = term.text
        case "Tag":
            guard let key = term["Key"], let value = term["Value"], term.children.count == 2,
                (1...Tag.keyCharacters).contains(key.count),
                key.utf8.count <= 4 * Tag.keyCharacters,
                value.count <= Tag.valueCharacters, value.utf8.count <= 4 * Tag.valueCharacters
            else { throw S3Error(.malformedXML) }
            self.tags.append(Tag(key: key, value: value))
        case "ObjectSizeGreaterThan":
            guard self.sizeAbove == nil else { throw S3Error(.malformedXML) }
            self.sizeAbove = try Self.size(term)
        case "ObjectSizeLessThan":
            guard self.sizeBelow == nil else { throw S3Error(.malformedXML) }
            self.sizeBelow = try Self.size(term)
        default: throw S3Error(.malformedXML)
        }
    }

    private static func size(_ term: XMLNode) throws(S3Error) -> UInt64 {
        guard let size = UInt64(term.text) else { throw S3Error(.malformedXML) }
        return size
    }

    private func check() throws(S3Error) {
        guard self.tags.count <= Limit.objectTags else { throw S3Error(.malformedXML) }
        guard Set(self.tags.map(\.key)).count == self.tags.count else {
            throw S3Error(.invalidRequest, "Duplicate Tag Keys are not allowed.")
        }
        if let above = self.sizeAbove, let below = self.sizeBelow, above >= below {
            throw S3Error(
                .invalidRequest,
                "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
            )
        }
    }
}

extension LifecycleRule.Expiration {
    fileprivate init(_ node: XMLNode) throws(S3Error) {
        guard node.children.count == 1, let term = node.children.first else {
            throw S3Error(.malformedXML)
        }
        switch (term.name, term.text) {
        case ("Days", _): self = .days(try LifecycleDocument.days(term, of: "Expiration"))
        case ("Date", _): self = .date(try LifecycleDocument.date(term))
        case ("ExpiredObjectDeleteMarker", "true"): self = .markers(true)
        case ("ExpiredObjectDeleteMarker", "false"): self = .markers(false)
        default: throw S3Error(.malformedXML)
        }
    }
}

extension LifecycleRule.Noncurrent {
    fileprivate init(_ node: XMLNode) throws(S3Error) {
        var days: UInt32?
        var kept: UInt32?
        for term in node.children {
            switch term.name {
            case "NoncurrentDays" where days == nil:
                days = try LifecycleDocument.days(term, of: "NoncurrentVersionExpiration")
            case "NewerNoncurrentVersions" where kept == nil:
                kept = try LifecycleDocument.kept(term)
            default: throw S3Error(.malformedXML)
            }
        }
        guard let days else { throw S3Error(.malformedXML) }
        self.init(days: days, kept: kept)
    }
}

extension HTTPHeaders {
    /// Tells when the rules of its bucket remove an object, and which of them.
    mutating func addExpiry(_ expiry: LifecycleExpiry?) {
        guard let expiry, let time = CalendarTime(shown: expiry.time) else { return }
        let rule = PercentEncoding.encode(expiry.rule.utf8)
        self.add(
            name: "x-amz-expiration",
            value: "expiry-date=\"\(time.httpDate)\", rule-id=\"\(rule)\""
        )
    }
}

extension CalendarTime {
    /// The last second of the year 9999.
    private static let last: Int64 = 253_402_300_799

    /// Nil for times that no calendar of ours has.
    fileprivate init?(shown time: HybridTime) {
        guard time.seconds <= UInt64(Self.last) else { return nil }
        self.init(seconds: Int64(time.seconds))
    }
}
