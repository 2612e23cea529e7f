import FoundationEssentials
import S3Protocol
import StoreModel

/// What whoever signed a form lets its sender do.
///
/// Source: S3 API Reference, "Creating a POST Policy" (AWS Signature Version 4).
struct PostPolicy: Sendable {
    enum Condition: Hashable, Sendable {
        /// Names in lower case, without `$`.
        case equal(name: String, value: String)
        case prefix(name: String, value: String)
        case length(ClosedRange<UInt64>)
    }

    let expiration: CalendarTime
    let conditions: [Condition]

    /// Reads the policy as a form has it, in Base64.
    init(parsing text: String) throws(S3Error) {
        guard let bytes = Base64.bytes(text) else {
            throw Self.invalid("Invalid Base64 encoding.")
        }
        let document: Document
        do { document = try JSONDecoder().decode(Document.self, from: Data(bytes)) } catch {
            throw Self.invalid("Invalid JSON.")
        }
        guard let expiration = document.expiration else {
            throw Self.invalid("Policy missing expiration.")
        }
        guard let time = Self.time(expiration) else {
            throw Self.invalid("Invalid 'expiration' value: '\(expiration)'")
        }
        guard let conditions = document.conditions else {
            throw Self.invalid("Policy missing conditions.")
        }
        self.expiration = time
        var parsed: [Condition] = []
        for condition in conditions { parsed.append(try Condition(condition)) }
        self.conditions = parsed
    }

    fileprivate static func invalid(_ why: String) -> S3Error {
        S3Error(.invalidPolicyDocument, "Invalid Policy: \(why)")
    }

    /// `2007-12-01T12:00:00.000Z`; parts of seconds do not matter.
    private static func time(_ text: String) -> CalendarTime? {
        let bytes = Array(text.utf8)
        guard (20...30).contains(bytes.count), bytes.last == 0x5A,
            bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[13] == 0x3A, bytes[16] == 0x3A
        else { return nil }
        let fraction = bytes[19...].dropLast()
        guard fraction.isEmpty || fraction.first == 0x2E,
            fraction.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let parts = [bytes[0..<4], bytes[5..<7], bytes[8..<13], bytes[14..<16], bytes[17..<19]]
        return CalendarTime(basic: String(decoding: parts.joined(), as: UTF8.self) + "Z")
    }

    // MARK: - Judging a form

    /// Fields that no condition has to speak of.
    private static let free: Set<String> = ["file", "policy", "x-amz-signature"]

    /// Checks the fields, and gives the sizes that the file may have.
    ///
    /// - Throws: `AccessDenied`.
    func check(
        _ fields: [HeaderField],
        bucket: BucketName,
        at now: CalendarTime
    ) throws(S3Error) -> ClosedRange<UInt64> {
        guard now <= self.expiration else { throw Self.denied("Policy expired.") }
        var names = Self.free
        var sizes: ClosedRange<UInt64> = 0...Limit.objectBytes
        for condition in self.conditions {
            let name: String
            let holds: Bool
            // The bucket is the one of the URL, whatever the form says.
            func value(_ name: String) -> String {
                name == "bucket" ? bucket.text : fields.first(name) ?? ""
            }
            switch condition {
            case .length(let range):
                let lower = max(sizes.lowerBound, range.lowerBound)
                sizes = lower...max(lower, min(sizes.upperBound, range.upperBound))
                continue
            case .equal(let field, let wanted):
                name = field
                holds = Array(value(field).utf8) == Array(wanted.utf8)
            case .prefix("content-type", let wanted):
                // A list of types is looked at one by one.
                name = "content-type"
                holds = value(name).split(separator: ",", omittingEmptySubsequences: false)
                    .allSatisfy { $0.drop { $0 == " " }.utf8.starts(with: wanted.utf8) }
            case .prefix(let field, let wanted):
                name = field
                holds = value(field).utf8.starts(with: wanted.utf8)
            }
            guard holds else {
                throw Self.denied("Policy Condition failed: \(condition.description)")
            }
            names.insert(name)
        }
        let extra = fields.map(\.name).filter { !names.contains($0) && !$0.hasPrefix("x-ignore-") }
        guard extra.isEmpty else {
            throw Self.denied("Extra input fields: \(extra.joined(separator: ", "))")
        }
        return sizes
    }

    private static func denied(_ why: String) -> S3Error {
        S3Error(.accessDenied, "Invalid according to Policy: \(why)")
    }
}

extension PostPolicy.Condition: CustomStringConvertible {
    /// As errors show it.
    var description: String {
        switch self {
        case .equal(let name, let value): "[\"eq\", \"$\(name)\", \"\(value)\"]"
        case .prefix(let name, let value): "[\"starts-with\", \"$\(name)\", \"\(value)\"]"
        case .length(let range):
            "[\"content-length-range\", \(range.lowerBound), \(range.upperBound)]"
        }
    }

    fileprivate init(_ condition: Document.Condition) throws(S3Error) {
        switch condition {
        case .fields(let fields):
            guard fields.count == 1, let (name, value) = fields.first else {
                throw PostPolicy.invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property "
                        + "specified."
                )
            }
            self = .equal(name: name.lowercased(), value: value)
        case .list(let items):
            guard items.count == 3, case .text(let kind) = items[0] else { throw Self.wrong }
            if kind.lowercased() == "content-length-range" {
                guard let lower = items[1].size, let upper = items[2].size, lower <= upper else {
                    throw Self.wrong
                }
                self = .length(lower...upper)
                return
            }
            guard case .text(let field) = items[1], case .text(let value) = items[2],
                field.hasPrefix("$"), field.count > 1
            else { throw Self.wrong }
            let name = field.dropFirst().lowercased()
            switch kind.lowercased() {
            case "eq": self = .equal(name: name, value: value)
            case "starts-with": self = .prefix(name: name, value: value)
            default: throw Self.wrong
            }
        }
    }

    private static var wrong: S3Error { PostPolicy.invalid("Invalid Condition.") }
}

/// The JSON of a policy.
private struct Document: Decodable {
    enum Condition: Decodable {
        case fields([String: String])
        case list([Item])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let items = try? container.decode([Item].self) {
                self = .list(items)
            } else {
                self = .fields(try container.decode([String: String].self))
            }
        }
    }

    enum Item: Decodable {
        case text(String)
        case number(UInt64)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                self = .number(try container.decode(UInt64.self))
            }
        }

        var size: UInt64? {
            switch self {
            case .text(let text): UInt64(text)
            case .number(let number): number
            }
        }
    }

    let expiration: String?
    let conditions: [Condition]?
}
