/// The condition of a write on what is there before.
///
/// As S3 has it: only `If-None-Match: *` and `If-Match` with one tag; anything else is told to be
/// missing.
/// Source: S3 User Guide, "How to prevent object overwrites with conditional writes".
package enum TargetCondition: Hashable, Sendable {
    case none
    case absent
    /// Without quotes.
    case matches(etag: String)

    package init(_ headers: [HeaderField]) throws(S3Error) {
        switch (headers.first("if-match"), headers.first("if-none-match")) {
        case (nil, nil): self = .none
        case (.some, .some):
            throw Self.refused(
                "If-Match,If-None-Match",
                "Multiple conditional request headers present in the request"
            )
        case (nil, .some(let value)):
            guard case .any = EntityTags(parsing: value) else {
                throw Self.refusedValue("If-None-Match")
            }
            self = .absent
        case (.some(let value), nil):
            guard case .list(let tags) = EntityTags(parsing: value), tags.count == 1 else {
                throw Self.refusedValue("If-Match")
            }
            self = .matches(etag: tags[0].value)
        }
    }

    /// As errors name it.
    package var header: String? {
        switch self {
        case .none: nil
        case .absent: "If-None-Match"
        case .matches: "If-Match"
        }
    }

    private static func refusedValue(_ header: String) -> S3Error {
        Self.refused(
            header,
            "We don't accept the provided value of \(header) header for this API"
        )
    }

    private static func refused(_ header: String, _ message: String) -> S3Error {
        S3Error(
            .notImplemented,
            "A header you provided implies functionality that is not implemented",
            [.init("Header", header), .init("additionalMessage", message)]
        )
    }
}
