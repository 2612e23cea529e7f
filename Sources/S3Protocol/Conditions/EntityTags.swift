/// The value of `If-Match` or `If-None-Match`.
///
/// Source: RFC 9110, sections 8.8.3, 13.1.1 and 13.1.2. Like S3, tags without quotes are taken too.
package enum EntityTags: Hashable, Sendable {
    /// `*`: whatever exists.
    case any
    case list([Tag])

    package struct Tag: Hashable, Sendable {
        /// Without quotes.
        package let value: String
        package let isWeak: Bool
    }

    package init(parsing text: String) {
        let parts = text.split(separator: ",").map { part in
            part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        }
        if parts.count == 1, String(parts[0]) == "*" {
            self = .any
            return
        }
        self = .list(
            parts.map { part in
                var value = String(part)
                let isWeak = value.hasPrefix("W/")
                if isWeak { value.removeFirst(2) }
                if value.utf8.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
                    value = String(value.dropFirst().dropLast())
                }
                return Tag(value: value, isWeak: isWeak)
            }
        )
    }

    /// Whether the object with this tag is meant; `strongly` lets weak tags match nothing.
    package func matches(_ etag: String, strongly: Bool) -> Bool {
        switch self {
        case .any: true
        case .list(let tags): tags.contains { $0.value == etag && !(strongly && $0.isWeak) }
        }
    }
}
