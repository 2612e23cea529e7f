import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server that answers like a store, in memory, with one flaw.
final class FakeStore: Sendable {
    enum Flaw: Sendable {
        case none
        /// One bit of every body that is read.
        case wrongBit
        case shortBodies
        /// A copy fails after the status 200 was sent.
        case failedCopies
        /// A list leaves its second key out.
        case missingKey
        /// Every tenth request is refused.
        case refusals
    }

    struct Answer {
        var status = HTTPResponseStatus.ok
        var body: [UInt8] = []
        var headers: HTTPHeaders = [:]
        /// Of a HEAD, which has no body to tell it by.
        var length: Int?
    }

    private let flaw: Flaw
    private let objects = Mutex<[String: [UInt8]]>([:])
    private let requests = Mutex(0)

    init(_ flaw: Flaw) { self.flaw = flaw }

    /// Runs `body` with the port of a server that ends with it.
    static func run(_ flaw: Flaw, _ body: (Int) async throws -> Void) async throws {
        let store = FakeStore(flaw)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeHandler(store))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(server.localAddress?.port ?? 0)
            try await server.close()
        } catch {
            try? await server.close()
            throw error
        }
    }

    func answer(_ head: HTTPRequestHead, _ body: [UInt8]) -> Answer {
        let number = self.requests.withLock { count in
            count += 1
            return count
        }
        if self.flaw == .refusals, number.isMultiple(of: 10) {
            return Answer(status: .serviceUnavailable, body: Array("<Error>later</Error>".utf8))
        }
        let path = String(head.uri.prefix { $0 != "?" })
        switch head.method {
        case .PUT: return self.put(path, head, body)
        case .DELETE:
            self.objects.withLock { $0[path] = nil }
            return Answer(status: .noContent)
        default: return self.read(path, head)
        }
    }

    private func put(_ path: String, _ head: HTTPRequestHead, _ body: [UInt8]) -> Answer {
        guard let source = head.headers.first(name: "x-amz-copy-source") else {
            self.objects.withLock { $0[path] = body }
            return Answer()
        }
        let isFound = self.objects.withLock { objects in
            objects[path] = objects[source]
            return objects[source] != nil
        }
        guard isFound else { return Answer(status: .notFound) }
        let result = self.flaw == .failedCopies ? "<Error/><Error>" : "<ETag>&quot;1&quot;</ETag>"
        return Answer(body: Array(result.utf8), headers: ["transfer-encoding": "chunked"])
    }

    private func read(_ path: String, _ head: HTTPRequestHead) -> Answer {
        if head.uri.contains("list-type=2") { return self.list(path, head.uri) }
        guard var bytes = self.objects.withLock({ $0[path] }) else {
            return Answer(status: .notFound)
        }
        if head.method == .HEAD { return Answer(length: bytes.count) }
        if self.flaw == .wrongBit, !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
        if self.flaw == .shortBodies { bytes.removeLast() }
        return Answer(body: bytes)
    }

    private func list(_ bucket: String, _ target: String) -> Answer {
        let prefix = target.split(separator: "prefix=").last.map(String.init) ?? ""
        let wanted = "\(bucket)/" + prefix.replacing("%2F", with: "/")
        var keys = self.objects.withLock { Array($0.keys) }.filter { $0.hasPrefix(wanted) }.sorted()
        if self.flaw == .missingKey, keys.count > 1 { keys.remove(at: 1) }
        let entries = keys.map { "<Key>\($0.dropFirst(bucket.count + 1))</Key>" }.joined()
        return Answer(body: Array("<IsTruncated>false</IsTruncated>\(entries)".utf8))
    }
}

private final class FakeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let store: FakeStore
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ store: FakeStore) { self.store = store }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
        case .body(let part): self.body += part.readableBytesView
        case .end:
            guard let head = self.head else { return }
            self.send(self.store.answer(head, self.body), context)
        }
    }

    private func send(_ answer: FakeStore.Answer, _ context: ChannelHandlerContext) {
        var headers = answer.headers
        if !headers.contains(name: "transfer-encoding"), answer.status != .noContent {
            let length = answer.length ?? answer.body.count
            headers.add(name: "Content-Length", value: String(length))
        }
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !answer.body.isEmpty {
            let buffer = ByteBuffer(bytes: answer.body)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }
}
