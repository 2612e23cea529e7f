import S3Protocol

/// What the log says of one request.
struct RequestLine: LogFields {
    let fields: RequestRecord.Fields
    let requestID: String
    let milliseconds: UInt64
    /// The client's address and port.
    let remote: String?
    let userAgent: String?

    func forEach(_ body: (_ name: String, _ value: LogFieldValue) -> Void) {
        func add(_ name: String, _ text: String?) {
            if let text { body(name, .text(Self.line(text))) }
        }
        add("access_key", self.fields.accessKey)
        add("bucket", self.fields.bucket)
        body("bytes_in", .number(self.fields.bytesIn))
        body("bytes_out", .number(self.fields.bytesOut))
        add("cause", self.fields.cause)
        if let chunks = self.fields.chunksPulled { body("chunks_pulled", .number(UInt64(chunks))) }
        body("code", .number(UInt64(self.fields.status)))
        add("copy_mode", self.fields.copyMode)
        body("duration_ms", .number(self.milliseconds))
        add("error", self.fields.error)
        add("key", self.fields.key)
        add("op", self.fields.operation)
        add("remote", self.remote)
        add("request_id", self.requestID)
        add("source", self.fields.source)
        add("user_agent", self.userAgent)
    }

    /// What a client chose never begins a line of the log.
    private static func line(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return PercentEncoding.encode(text.utf8, escapingSlash: false)
    }
}
