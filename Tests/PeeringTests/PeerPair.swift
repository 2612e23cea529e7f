import Logging
import NIOCore
import NIOPosix
import Runtime
import StoreModel
import Synchronization
import TestSupport

@testable import Peering

extension SplitMix64 {
    mutating func bytes(_ count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + 8)
        while buffer.readableBytes < min(count, 4_096) { buffer.writeInteger(self.next()) }
        // Doubled from there: drawing every byte would take longer than sending it.
        while buffer.readableBytes < count {
            buffer.writeInteger(self.next())
            buffer.writeImmutableBuffer(buffer)
        }
        return buffer.getSlice(at: 0, length: count) ?? ByteBuffer()
    }
}

/// Remembers what was logged, at the level of warnings and above.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { self.recorded.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .warning

        init(recorder: LogRecorder) { self.recorder = recorder }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.message) \(event.metadata ?? [:])"
            self.recorder.recorded.withLock { $0.append(line) }
        }
    }
}

/// Answers by a closure.
struct ClosureHandler: PeerHandler {
    let answer: @Sendable (PeerMessage, NodeID) async -> PeerMessage

    func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
        await self.answer(request, node)
    }
}

/// Sends everything back, with the kind raised by one.
let echo = ClosureHandler { request, _ in
    PeerMessage(
        kind: request.kind &+ 1,
        epoch: request.epoch,
        head: request.head,
        body: request.body
    )
}

/// A server and a network that can call it, over loopback sockets.
struct PeerPair {
    static let secret = "correct horse battery staple"
    static let clientNode = NodeID(high: 1, low: 1)
    static let serverNode = NodeID(high: 2, low: 2)

    let group: MultiThreadedEventLoopGroup
    let log = LogRecorder()
    let server: PeerServer
    let network: PeerNetwork

    static func settings(
        _ own: NodeID,
        secret: String = Self.secret,
        adjust: (inout PeeringSettings) -> Void = { _ in }
    ) throws -> PeeringSettings {
        guard let secret = ClusterSecret(secret) else { throw SetUpError.badSecret }
        var settings = PeeringSettings(
            secret: secret,
            own: own,
            listen: PeerAddress(host: "127.0.0.1", port: 0)
        )
        // Other tests may keep the machine busy.
        settings.handshakeTimeout = .seconds(20)
        settings.connectTimeout = .seconds(20)
        adjust(&settings)
        return settings
    }

    init(
        _ handler: any PeerHandler = echo,
        group: MultiThreadedEventLoopGroup = .singleton,
        server adjustServer: (inout PeeringSettings) -> Void = { _ in },
        client adjustClient: (inout PeeringSettings) -> Void = { _ in }
    ) async throws {
        self.group = group
        self.server = try await PeerServer.start(
            try Self.settings(Self.serverNode, adjust: adjustServer),
            group: self.group,
            handler: handler,
            logger: self.log.logger
        )
        let address = self.server.address.description
        self.network = PeerNetwork(
            try Self.settings(Self.clientNode, adjust: adjustClient),
            group: self.group,
            logger: self.log.logger
        ) { $0 == Self.serverNode ? address : nil }
    }

    func call(
        _ request: PeerMessage,
        within timeout: Duration = .seconds(10)
    ) async throws(NetworkError) -> PeerMessage {
        try await self.network.call(Self.serverNode, request, within: timeout)
    }

    func shutdown() async {
        await self.network.shutdown()
        await self.server.shutdown(within: .seconds(1))
    }
}

enum SetUpError: Error { case badSecret }

func message(_ text: String, body: ByteBuffer = ByteBuffer()) -> PeerMessage {
    PeerMessage(kind: 1, epoch: 7, head: ByteBuffer(string: text), body: body)
}

/// Waits until something holds, at most 5 s.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<500 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}

/// Something that happens once.
final class Flag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { self.state.withLock { $0 } }

    func set(_ value: Bool = true) { self.state.withLock { $0 = value } }
}

/// How a call ended: nil with a reply.
func failure(
    of call: () async throws(NetworkError) -> PeerMessage
) async -> NetworkError? {
    do throws(NetworkError) {
        _ = try await call()
        return nil
    } catch { return error }
}
