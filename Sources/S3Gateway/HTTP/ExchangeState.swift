import NIOHTTP1

/// How far one request and its answer have come.
struct ExchangeState {
    enum Answer {
        case none
        /// The head was written.
        case begun
        case ended
    }

    private(set) var keepsAlive = false
    private(set) var isHead = false
    private(set) var version = HTTPVersion.http1_1
    /// Bytes of body still to come; nil if the client did not say.
    private(set) var remainingBytes: UInt64?
    /// The client waits for a word before it sends the body.
    var expectsContinue = false
    var requestEnded = true
    var answer = Answer.none
    /// The answer's head said that the connection ends with it.
    var closesAfter = false
    /// What is told if the connection ends before the answer does.
    var onEnd: (@Sendable () -> Void)?
    /// The rest of the connection's input is thrown away.
    var isDiscarding = false

    init() {}

    init(_ head: HTTPRequestHead) {
        self.isHead = head.method == .HEAD
        self.version = head.version == .http1_0 ? .http1_0 : .http1_1
        // After an upgrade the decoder reads no further request, and of a body with two lengths
        // nobody knows where it ends.
        self.keepsAlive =
            head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
            && !head.hasUnclearLength
        self.requestEnded = false
        if head.headers.contains(name: "transfer-encoding") {
            self.remainingBytes = nil
        } else {
            self.remainingBytes =
                head.headers.first(name: "content-length").flatMap(UInt64.init) ?? 0
        }
        // An empty body too: botocore takes an answer without the 100 before it for a refusal, and
        // then misreads the next answer on the same connection.
        self.expectsContinue =
            head.version != .http1_0
            && head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
    }

    mutating func didReceive(_ bytes: Int) {
        guard let remaining = self.remainingBytes else { return }
        self.remainingBytes = remaining - min(UInt64(bytes), remaining)
    }
}

extension HTTPRequestHead {
    /// Whether the body's length is told in two ways, or in one that nobody knows, as smugglers do.
    ///
    /// Source: RFC 9112, sections 6.1 and 6.3.
    var hasUnclearLength: Bool {
        let codings = self.headers[canonicalForm: "transfer-encoding"]
        guard !codings.isEmpty else { return false }
        return codings.count > 1 || codings[0].lowercased() != "chunked"
            || self.headers.contains(name: "content-length")
    }
}
