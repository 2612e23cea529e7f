import S3Protocol
import StoreModel
import Testing

extension TestServer {
    /// Begins an upload.
    ///
    /// - Returns: its id.
    func create(
        _ path: String,
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> String {
        let answer = try await self.send("POST", "\(path)?uploads", headers)
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(answer.element("UploadId"))
    }

    /// Uploads a part.
    ///
    /// - Returns: the answer, whose ETag is in quotes.
    func part(
        _ path: String,
        _ upload: String,
        _ number: Int,
        _ body: String,
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        try await self.send(
            "PUT",
            "\(path)?partNumber=\(number)&uploadId=\(upload)",
            headers,
            body: Array(body.utf8)
        )
    }

    /// Completes an upload of these parts, whose tags are in quotes as headers have them.
    func complete(
        _ path: String,
        _ upload: String,
        _ parts: [(number: Int, etag: String?)],
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        let list = parts.map {
            "<Part><PartNumber>\($0.number)</PartNumber><ETag>\($0.etag ?? "")</ETag></Part>"
        }
        return try await self.complete(path, upload, list: list.joined(), headers)
    }

    func complete(
        _ path: String,
        _ upload: String,
        list: String,
        _ headers: KeyValuePairs<String, String> = [:]
    ) async throws -> RawAnswer {
        let body =
            "<CompleteMultipartUpload xmlns=\"\(XMLWriter.namespace)\">\(list)"
            + "</CompleteMultipartUpload>"
        return try await self.send(
            "POST",
            "\(path)?uploadId=\(upload)",
            headers,
            body: Array(body.utf8)
        )
    }
}
