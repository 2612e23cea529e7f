import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An answer as it came over the wire.
struct RawAnswer {
    var status = 0
    var headers = HTTPHeaders()
    var body: [UInt8] = []
    var isChunked = false

    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The text of the first element with this name, still escaped.
    func element(_ name: String) -> String? {
        guard
            let start = self.text.firstRange(of: "<\(name)>")?.upperBound,
            let end = self.text[start...].firstRange(of: "</\(name)>")?.lowerBound
        else { return nil }
        return String(self.text[start..<end])
    }

    /// The texts of all elements with this name, still escaped.
    func elements(_ name: String) -> [String] {
        self.text.components(after: "<\(name)>", before: "</\(name)>")
    }

    var code: String? { self.element("Code") }

    func header(_ name: String) -> String? { self.headers.first(name: name) }
}

extension String {
    fileprivate func components(after start: String, before end: String) -> [String] {
        var rest = self[...]
        var found: [String] = []
        while let from = rest.firstRange(of: start)?.upperBound,
            let to = rest[from...].firstRange(of: end)
        {
            found.append(String(rest[from..<to.lowerBound]))
            rest = rest[to.upperBound...]
        }
        return found
    }
}

struct ConnectionClosed: Error {}

/// A client that sends exactly the bytes it is told to.
final class RawConnection {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var received = ByteBuffer()

    private init(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
    }

    static func with<Value: Sendable>(
        port: Int,
        tls: TestCertificate? = nil,
        _ body: (RawConnection) async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(
                            context: NIOSSLContext(configuration: tls.client),
                            serverHostname: nil
                        )
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(inbound, outbound))
        }
    }

    /// For bytes that are sent while something else is done.
    var sender: NIOAsyncChannelOutboundWriter<ByteBuffer> { self.outbound }

    func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws {
        try await self.outbound.write(ByteBuffer(bytes: bytes))
    }

    /// Reads one answer; a final one, or 100.
    func answer(toHead: Bool = false) async throws -> RawAnswer {
        var answer = RawAnswer()
        let first = try await self.line().split(separator: " ")
        answer.status = Int(first.dropFirst().first ?? "") ?? 0
        while true {
            let line = try await self.line()
            if line.isEmpty { break }
            let pair = line.split(separator: ":", maxSplits: 1)
            answer.headers.add(name: String(pair[0]), value: String(pair[1].dropFirst()))
        }
        if toHead || answer.status == 100 || answer.status == 204 || answer.status == 304 {
            return answer
        }
        if answer.header("transfer-encoding") == "chunked" {
            answer.isChunked = true
            while let count = Int(try await self.line(), radix: 16) {
                answer.body += try await self.bytes(count)
                _ = try await self.line()
                if count == 0 { break }
            }
        } else if let count = answer.header("content-length").flatMap(Int.init) {
            answer.body = try await self.bytes(count)
        }
        return answer
    }

    /// Whether the server has closed its side, once it sends nothing more.
    func isClosed() async -> Bool {
        do {
            while self.received.readableBytes == 0 { try await self.more() }
            return false
        } catch {
            return true
        }
    }

    private func line() async throws -> String {
        while true {
            let view = self.received.readableBytesView
            if let end = view.firstIndex(of: 0x0A) {
                let count = end - view.startIndex + 1
                let line = self.received.readString(length: count) ?? ""
                return String(line.filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
            }
            try await self.more()
        }
    }

    private func bytes(_ count: Int) async throws -> [UInt8] {
        while self.received.readableBytes < count { try await self.more() }
        return self.received.readBytes(length: count) ?? []
    }

    private func more() async throws {
        guard var buffer = try await self.inbound.next(isolation: #isolation) else {
            throw ConnectionClosed()
        }
        self.received.writeBuffer(&buffer)
    }
}
