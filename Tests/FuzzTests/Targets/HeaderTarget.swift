import StoreModel

@testable import S3Gateway
@testable import S3Protocol

/// Headers that S3 gives a meaning of its own, one in each line: ranges, conditions, times,
/// metadata, tags, grants.
///
/// * A range lies within the object and is not empty; ranges of copies are those of reads.
/// * A time that was read is read again from each of its forms.
/// * Metadata that was let in is given back as it is, and can break no header.
enum HeaderTarget {
    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let headers = SignatureTarget.headers(&input)
        if let text = headers.first("range") { try Self.checkRange(text) }
        for name in ["if-modified-since", "x-amz-date", "date"] {
            guard let text = headers.first(name) else { continue }
            try Self.checkTime(text)
        }
        try Self.checkConditions(headers)
        try Self.checkMetadata(headers)
        if let tags = try? TagSet.read(headers) {
            try demand(tags.count <= Limit.objectTags, "too many tags")
            let document = TagSet.document(tags)
            let again = try TagSet.read(document: document, max: Limit.objectTags)
            try demand(again == tags, "other tags")
        }
        _ = try? AccessHeaders.read(headers)
        _ = FormParameters(headers.first("content-type") ?? "")
        if let text = headers.first("x-amz-content-sha256"),
            let payload = try? PayloadHash(parsing: text)
        {
            try demand(payload.text == text, "another payload hash")
        }
    }

    private static func checkRange(_ text: String) throws {
        let range = ByteRange(parsing: text)
        let copied = try? CopySourceRange(parsing: text)
        if copied != nil { try demand(range != nil, "a range of copies only: \(text)") }
        for size in [0, 1, 2, 10, 1_000, 5 << 30, UInt64.max] {
            let bytes = range?.resolved(size: size)
            if let bytes {
                try demand(!bytes.isEmpty && bytes.upperBound <= size, "outside: \(text), \(size)")
            }
            if let copied, let part = try? copied.resolved(size: size) {
                try demand(part == bytes, "copies read something else: \(text), \(size)")
            }
        }
        if let copied { try demand(copied.bytes.lowerBound == copied.first, "another start") }
    }

    private static func checkTime(_ text: String) throws {
        let times = [
            CalendarTime(httpDate: text), CalendarTime(basic: text), CalendarTime(iso8601: text),
        ]
        for time in times.compactMap(\.self) {
            try demand(CalendarTime(basic: time.basic) == time, "basic: \(text), \(time.basic)")
            try demand(CalendarTime(iso8601: time.iso8601) == time, "\(text), \(time.iso8601)")
            try demand(CalendarTime(httpDate: time.httpDate) == time, "\(text), \(time.httpDate)")
        }
    }

    private static func checkConditions(_ headers: [HeaderField]) throws {
        let conditions = ReadConditions(reading: headers)
        let (modified, now) = (CalendarTime(seconds: 1_000_000_000), SignatureTarget.time)
        for etag in ["d41d8cd98f00b204e9800998ecf8427e", "x", ""] {
            _ = conditions.evaluate(etag: etag, modified: modified, now: now)
        }
        guard case .matches(let etag)? = try? TargetCondition(headers) else { return }
        let tags = EntityTags(parsing: headers.first("if-match") ?? "")
        try demand(
            tags.matches(etag, strongly: false),
            "a write is bound to another tag: \(etag)"
        )
    }

    private static func checkMetadata(_ headers: [HeaderField]) throws {
        guard let metadata = try? MetadataHeaders.read(headers) else { return }
        try demand(metadata.userBytes <= Limit.userMetadataBytes, "too much metadata")
        let written = MetadataHeaders.write(metadata)
        for header in written {
            let isSafe = header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 }
            try demand(isSafe, "unsafe: \(header)")
        }
        var given = try MetadataHeaders.read(written.map { HeaderField($0.name, $0.value) })
        // Answers always have a type.
        if metadata.contentType == nil { given.contentType = nil }
        try demand(given == metadata, "other metadata: \(metadata), \(given)")
        try demand(try ObjectMetadata(decoding: metadata.encoded) == metadata, "not stored")
    }
}
