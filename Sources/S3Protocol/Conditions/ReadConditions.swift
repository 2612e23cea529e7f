/// The conditions of a GET, a HEAD, or on the source of a copy.
///
/// Both are evaluated in one order: If-Match, else If-Unmodified-Since; then If-None-Match, else
/// If-Modified-Since. Times are compared in whole seconds; a time that cannot be read does not
/// count, and an If-Modified-Since in the future does not either.
/// Source: RFC 9110, section 13.2.2; S3 API Reference, "GetObject" and "CopyObject".
package struct ReadConditions: Hashable, Sendable {
    private let ifMatch: EntityTags?
    private let ifUnmodifiedSince: CalendarTime?
    private let ifNoneMatch: EntityTags?
    private let ifModifiedSince: CalendarTime?
    /// What precedes `If-Match` in the names of errors.
    private let prefix: String

    package enum Outcome: Hashable, Sendable {
        case holds
        /// If-None-Match or If-Modified-Since is false: a reader has it already.
        case notModified(String)
        /// If-Match or If-Unmodified-Since is false.
        case failed(String)
    }

    /// Those of a GET or a HEAD.
    package init(reading headers: [HeaderField]) { self.init(headers, prefix: "") }

    /// Those on the source of a copy.
    package init(copying headers: [HeaderField]) {
        self.init(headers, prefix: "x-amz-copy-source-")
    }

    /// Those on the source of a rename.
    package init(renaming headers: [HeaderField]) {
        self.init(headers, prefix: "x-amz-rename-source-")
    }

    private init(_ headers: [HeaderField], prefix: String) {
        self.prefix = prefix
        self.ifMatch = headers.first("\(prefix)if-match").map(EntityTags.init(parsing:))
        self.ifNoneMatch = headers.first("\(prefix)if-none-match").map(EntityTags.init(parsing:))
        self.ifUnmodifiedSince = headers.first("\(prefix)if-unmodified-since")
            .flatMap(CalendarTime.init(httpDate:))
        self.ifModifiedSince = headers.first("\(prefix)if-modified-since")
            .flatMap(CalendarTime.init(httpDate:))
    }

    package func evaluate(etag: String, modified: CalendarTime, now: CalendarTime) -> Outcome {
        if let ifMatch {
            if !ifMatch.matches(etag, strongly: true) { return .failed("\(self.prefix)If-Match") }
        } else if let ifUnmodifiedSince, modified > ifUnmodifiedSince {
            return .failed("\(self.prefix)If-Unmodified-Since")
        }
        if let ifNoneMatch {
            if ifNoneMatch.matches(etag, strongly: false) {
                return .notModified("\(self.prefix)If-None-Match")
            }
        } else if let ifModifiedSince, ifModifiedSince <= now, modified <= ifModifiedSince {
            return .notModified("\(self.prefix)If-Modified-Since")
        }
        return .holds
    }
}
