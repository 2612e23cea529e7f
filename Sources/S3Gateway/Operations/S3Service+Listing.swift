import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// ListObjects, the first version.
    func listObjects(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let marker = request.target["marker"] ?? ""
        let query = try ListQuery(request, after: marker.isEmpty ? nil : Array(marker.utf8))
        let page = try await self.page(query, request)
        let users = await self.credentials.users()
        let document = XMLWriter.document("ListBucketResult") { writer in
            writer.element("Name", request.bucket.text)
            writer.element("Prefix", query.shown(query.prefix))
            writer.element("Marker", query.shown(Array(marker.utf8)))
            // Without a delimiter, clients go on behind the last key.
            if query.delimiter != nil, let next = page.next {
                writer.element("NextMarker", query.shown(next))
            }
            query.writeCommon(page, into: &writer)
            query.writeEntries(page, owner: users.owner, into: &writer)
        }
        return .xml(document)
    }

    func listObjectsV2(_ request: S3Request) async throws(S3Error) -> S3Answer {
        // An empty one is none, as with S3.
        let token = request.target["continuation-token"].flatMap { $0.isEmpty ? nil : $0 }
        let start = request.target["start-after"]
        var after = start.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        if let token { after = try ContinuationToken.bytes(token) }
        let query = try ListQuery(request, after: after)
        let page = try await self.page(query, request)
        let isOwnerShown = request.target["fetch-owner"] == "true"
        let users = isOwnerShown ? await self.credentials.users() : nil
        let document = XMLWriter.document("ListBucketResult") { writer in
            writer.element("Name", request.bucket.text)
            writer.element("Prefix", query.shown(query.prefix))
            writer.element("ContinuationToken", ifPresent: request.target["continuation-token"])
            writer.element(
                "NextContinuationToken",
                ifPresent: page.next.map(ContinuationToken.text)
            )
            writer.element("StartAfter", ifPresent: start.map { query.shown(Array($0.utf8)) })
            writer.element("KeyCount", String(page.entries.count))
            query.writeCommon(page, into: &writer)
            query.writeEntries(page, owner: users?.owner, into: &writer)
        }
        return .xml(document)
    }

    private func page(_ query: ListQuery, _ request: S3Request) async throws(S3Error) -> ListPage {
        try await self.ask(request.subject) { () throws(ClusterError) in
            try await self.store.list(
                ListRequest(
                    bucket: request.bucket,
                    prefix: query.prefix,
                    delimiter: query.delimiter,
                    after: query.after,
                    limit: query.limit
                )
            )
        }
    }
}

extension RequestTarget {
    /// Most entries that `max-keys` asks for.
    func maxKeys() throws(S3Error) -> Int {
        guard let text = self["max-keys"], !text.isEmpty else { return Limit.listEntries }
        guard let limit = Int32(text), limit >= 0 else {
            throw .invalidArgument(
                "Provided max-keys not an integer or within integer range",
                "max-keys",
                text
            )
        }
        return min(Int(limit), Limit.listEntries)
    }
}

/// What both versions of a listing are asked.
private struct ListQuery {
    let prefix: [UInt8]
    let delimiter: [UInt8]?
    let after: [UInt8]?
    let limit: Int
    private let names: NameEncoding

    init(_ request: S3Request, after: [UInt8]?) throws(S3Error) {
        let target = request.target
        self.prefix = Array((target["prefix"] ?? "").utf8)
        let delimiter = target["delimiter"] ?? ""
        self.delimiter = delimiter.isEmpty ? nil : Array(delimiter.utf8)
        self.after = after
        self.limit = try target.maxKeys()
        self.names = try NameEncoding(target)
    }

    func shown(_ bytes: [UInt8]) -> String { self.names.shown(bytes) }

    func writeCommon(_ page: ListPage, into writer: inout XMLWriter) {
        writer.element("MaxKeys", String(self.limit))
        writer.element("Delimiter", ifPresent: self.delimiter.map(self.shown))
        writer.element("EncodingType", ifPresent: self.names.type)
        writer.element("IsTruncated", page.next == nil ? "false" : "true")
    }

    /// `owner` is asked who is known by an id in records; nil leaves owners out.
    func writeEntries(
        _ page: ListPage,
        owner: ((String) -> Owner)?,
        into writer: inout XMLWriter
    ) {
        writer.reserve(page.entries.count * Self.entryBytes)
        for case .object(let key, let summary) in page.entries {
            writer.markup("<Contents><Key>")
            self.names.write(key.bytes, into: &writer)
            writer.markup("</Key><LastModified>")
            writer.time(summary.modified.calendarTime)
            writer.markup("</LastModified><ETag>&quot;")
            writer.text(summary.etag)
            writer.markup("&quot;</ETag><Size>")
            writer.number(summary.size)
            writer.markup("</Size>")
            if let owner { writer.owner(owner(summary.access.owner)) }
            writer.markup("<StorageClass>")
            writer.text(summary.storageClass.rawValue)
            writer.markup("</StorageClass></Contents>")
        }
        for case .commonPrefix(let prefix) in page.entries {
            writer.markup("<CommonPrefixes><Prefix>")
            self.names.write(prefix, into: &writer)
            writer.markup("</Prefix></CommonPrefixes>")
        }
    }

    /// What an entry with a key of usual length takes, about.
    private static let entryBytes = 320
}
