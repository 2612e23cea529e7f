import Wire

/// What an answer said.
struct LoadAnswer {
    var status = 0
    /// As the header has it, quotes included; empty if there was none.
    var etag = ""
    /// What the header says; nil if it says nothing.
    var contentLength: UInt64?
    /// Bytes of the body that came.
    var bodyBytes: UInt64 = 0
    /// CRC-32C of the body, if it was asked for.
    var checksum: UInt32 = 0
    /// The body itself, if it was to be kept or the status is that of a refusal.
    var body: [UInt8] = []

    var text: String { String(decoding: self.body, as: UTF8.self) }
}

/// One HTTP/1.1 connection, used for one request after the other.
struct LoadConnection {
    enum Use {
        /// Only counted.
        case skip
        case check
        case keep
    }

    /// Of a body that is kept.
    private static let keptBytesMax = 16 << 20
    /// Bodies up to here leave with their head in one write.
    private static let joinedBytesMax: UInt64 = 64 << 10
    private static let silenceMax = 120

    private let origin: LoadOrigin
    private var socket: Socket?
    private var buffer = ReceiveBuffer()

    init(_ origin: LoadOrigin) { self.origin = origin }

    mutating func open() throws(LoadError) {
        guard self.socket == nil else { return }
        self.socket = try Socket(self.origin, silenceMax: Self.silenceMax)
        self.buffer.clear()
    }

    /// Sends a request and reads the answer.
    ///
    /// A request that finds its idle connection closed is not sent again: servers that close idle
    /// connections do so after seconds, and here none is idle.
    mutating func exchange(
        _ head: [UInt8],
        _ content: (pool: ContentPool, content: Content)?,
        isHead: Bool = false,
        use: Use
    ) throws(LoadError) -> LoadAnswer {
        try self.open()
        guard let socket = self.socket else { throw LoadError("no connection") }
        do throws(LoadError) {
            // A server that refuses a body answers and closes: the answer says why.
            var refusal: LoadError?
            do throws(LoadError) {
                try Self.send(head, content, to: socket)
            } catch { refusal = error }
            do throws(LoadError) {
                let answer = try self.answer(socket, isHead: isHead, use: use)
                if refusal != nil { self.socket = nil }
                return answer
            } catch { throw refusal ?? error }
        } catch {
            self.socket = nil
            throw error
        }
    }

    private static func send(
        _ head: [UInt8],
        _ content: (pool: ContentPool, content: Content)?,
        to socket: Socket
    ) throws(LoadError) {
        var head = head
        guard let content, content.content.bytes > 0 else {
            return try self.send(head, to: socket)
        }
        if content.content.bytes <= self.joinedBytesMax {
            unsafe content.pool.forEachSlice(of: content.content) { slice in
                unsafe head.append(contentsOf: slice)
            }
            return try self.send(head, to: socket)
        }
        try self.send(head, to: socket)
        try unsafe content.pool.forEachSlice(of: content.content) { slice throws(LoadError) in
            try unsafe socket.send(slice)
        }
    }

    private static func send(_ bytes: [UInt8], to socket: Socket) throws(LoadError) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(LoadError) in try unsafe socket.send(bytes) }
        }
        try result.get()
    }

    /// How the end of a body is known.
    private struct Framing {
        var isChunked = false
        var isLast = false
    }

    private mutating func answer(
        _ socket: Socket,
        isHead: Bool,
        use: Use
    ) throws(LoadError) -> LoadAnswer {
        var answer = LoadAnswer()
        var framing = Framing()
        repeat {
            answer = LoadAnswer()
            framing = Framing()
            try self.head(socket, &answer, &framing)
        } while answer.status == 100
        let use = answer.status >= 300 ? .keep : use
        if !isHead, answer.status != 204, answer.status != 304 {
            try self.body(socket, &answer, &framing, use)
        }
        if framing.isLast { self.socket = nil }
        return answer
    }

    private mutating func head(
        _ socket: Socket,
        _ answer: inout LoadAnswer,
        _ framing: inout Framing
    ) throws(LoadError) {
        let line = try self.buffer.line(from: socket)
        let words = line.split(separator: 0x20, maxSplits: 2)
        guard words.count >= 2, line.starts(with: "HTTP/1.".utf8),
            let status = ASCII.number(words[1])
        else { throw LoadError("no HTTP: \(String(decoding: line.prefix(80), as: UTF8.self))") }
        answer.status = Int(status)
        framing.isLast = line.starts(with: "HTTP/1.0".utf8)
        while true {
            let line = try self.buffer.line(from: socket)
            if line.isEmpty { return }
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            let name = line[..<colon]
            let value = line[(colon + 1)...].drop { $0 == 0x20 }
            if ASCII.equals(name, "content-length") {
                answer.contentLength = ASCII.number(value)
            } else if ASCII.equals(name, "etag") {
                answer.etag = String(decoding: value, as: UTF8.self)
            } else if ASCII.equals(name, "transfer-encoding") {
                framing.isChunked = ASCII.equals(value, "chunked")
            } else if ASCII.equals(name, "connection") {
                framing.isLast = ASCII.equals(value, "close")
            }
        }
    }

    private mutating func body(
        _ socket: Socket,
        _ answer: inout LoadAnswer,
        _ framing: inout Framing,
        _ use: Use
    ) throws(LoadError) {
        var checksum = CRC32C()
        if framing.isChunked {
            while true {
                let line = try self.buffer.line(from: socket)
                guard let count = ASCII.hexadecimal(line.prefix { $0 != 0x3B }) else {
                    throw LoadError("a chunk has no size")
                }
                try self.take(count, socket, &answer, &checksum, use)
                if count == 0 {
                    // Trailers, and the empty line after them.
                    while try self.buffer.line(from: socket).isEmpty == false {}
                    break
                }
                _ = try self.buffer.line(from: socket)
            }
        } else if let count = answer.contentLength {
            try self.take(count, socket, &answer, &checksum, use)
        } else {
            framing.isLast = true
            repeat {
                let count = UInt64(self.buffer.readableBytes)
                try self.take(count, socket, &answer, &checksum, use)
            } while try self.buffer.fill(from: socket)
        }
        answer.checksum = checksum.value
    }

    /// Exactly `count` bytes of a body.
    private mutating func take(
        _ count: UInt64,
        _ socket: Socket,
        _ answer: inout LoadAnswer,
        _ checksum: inout CRC32C,
        _ use: Use
    ) throws(LoadError) {
        var rest = count
        while rest > 0 {
            if self.buffer.readableBytes == 0 {
                guard try self.buffer.fill(from: socket) else {
                    throw LoadError("the body ended early")
                }
            }
            let taken = unsafe self.buffer.take(rest) { bytes in
                switch use {
                case .skip: break
                case .check: unsafe checksum.update(bytes)
                case .keep:
                    if answer.body.count < Self.keptBytesMax {
                        unsafe answer.body.append(contentsOf: bytes)
                    }
                }
            }
            answer.bodyBytes += UInt64(taken)
            rest -= UInt64(taken)
        }
    }
}

/// Bytes of answers as numbers and names.
enum ASCII {
    /// Whether the bytes are that text, in whatever case; `text` is in lower case.
    static func equals(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { unsafe zip(bytes, $0).allSatisfy { $0 | 0x20 == $1 } }
    }

    static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard (1...18).contains(digits.count) else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            number = number * 10 + UInt64(digit - 0x30)
        }
        return number
    }

    static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard (1...15).contains(digits.count) else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
