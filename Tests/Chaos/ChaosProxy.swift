import NIOCore
import NIOPosix
import Synchronization

/// Stands in front of one node's peer port and does to its connections what ``Links`` says.
///
/// Whose connection it is tells the dialer's first message (docs/protocol/frames.md, "Handshake");
/// until then nothing is done to it. Bytes that may not go on yet are not read either, so that
/// memory is bounded by the windows of the protocol.
struct ChaosProxy: Sendable {
    typealias Channel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// The node behind it.
    let node: Int
    let target: SocketAddress
    let links: Links
    /// The node with that id, if any has it.
    let identify: @Sendable (String) async -> Int?

    fileprivate static let helloBytes = 56

    /// Connections as they come, before anybody has opened them.
    typealias Server = NIOAsyncChannel<any NIOCore.Channel, Never>

    /// Listens; connections are served by ``serve(_:)``.
    ///
    /// Nothing is read of a connection before it is opened. A `Channel` that came when nobody
    /// listened any more would be let go unused, and that ends the process.
    static func listen(port: Int = 0) async throws -> Server {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeSucceededFuture(channel)
            }
    }

    /// Opens a connection of a server; it has to be used then.
    static func open(_ channel: any NIOCore.Channel) async throws -> Channel {
        try await channel.eventLoop.submit {
            try channel.syncOptions?.setOption(.autoRead, value: true)
            return try Self.wrapped(channel)
        }.get()
    }

    private static func wrapped(_ channel: any NIOCore.Channel) throws -> Channel {
        try Channel(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true)
        )
    }

    private func connect() async throws -> Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(to: self.target) { channel in
                channel.eventLoop.makeCompletedFuture { try Self.wrapped(channel) }
            }
    }

    /// Serves until the task is cancelled.
    func serve(_ server: Server) async {
        try? await server.executeThenClose { inbound in
            await withDiscardingTaskGroup { group in
                do {
                    for try await connection in inbound {
                        group.addTask { await self.serve(connection) }
                    }
                } catch {}
                group.cancelAll()
            }
        }
    }

    private func serve(_ connection: any NIOCore.Channel) async {
        self.links.count(\.connections)
        let source = Source()
        do {
            let near = try await Self.open(connection)
            try await near.executeThenClose { nearIn, nearOut in
                let far = try await self.connect()
                try await far.executeThenClose { farIn, farOut in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        let there = Pump(
                            link: { source.node.map { Link(from: $0, to: self.node) } },
                            links: self.links,
                            output: farOut
                        )
                        let here = Pump(
                            link: { source.node.map { Link(from: self.node, to: $0) } },
                            links: self.links,
                            output: nearOut
                        )
                        group.addTask {
                            try await there.run(nearIn) { hello in
                                await self.identify(hello, source)
                            }
                        }
                        group.addTask { try await here.run(farIn) }
                        while try await group.next() != nil {}
                    }
                }
            }
        } catch {}
    }

    private func identify(_ hello: ByteBuffer, _ source: Source) async {
        guard let id = hello.getBytes(at: hello.readerIndex + 8, length: 16) else { return }
        source.node = await self.identify(
            id.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
        )
        guard let node = source.node,
            self.links.state(of: Link(from: node, to: self.node)).isDuplicated
        else { return }
        await withDiscardingTaskGroup { group in
            for _ in 0..<2 { group.addTask { await self.duplicate(hello) } }
        }
    }

    /// One more connection with the same beginning, and nothing after it.
    private func duplicate(_ hello: ByteBuffer) async {
        self.links.count(\.duplicates)
        guard let channel = try? await self.connect() else { return }
        try? await channel.executeThenClose { _, output in try await output.write(hello) }
    }
}

/// Who made a connection, once that is known.
private final class Source: Sendable {
    private let value = Mutex<Int?>(nil)

    var node: Int? {
        get { self.value.withLock { $0 } }
        set { self.value.withLock { $0 = newValue } }
    }
}

/// Carries the bytes of one direction of one connection.
private struct Pump: Sendable {
    struct Broken: Error {}

    /// Nil until it is known.
    let link: @Sendable () -> Link?
    let links: Links
    let output: NIOAsyncChannelOutboundWriter<ByteBuffer>

    private static let look = Duration.milliseconds(10)
    /// What a lost packet costs: the least time-out of retransmissions.
    private static let retransmission = Duration.milliseconds(200)

    /// Carries everything; the first message goes to `begin` before it goes on.
    func run(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>,
        begin: (@Sendable (ByteBuffer) async -> Void)? = nil
    ) async throws {
        let (pieces, feed) = AsyncStream.makeStream(
            of: (due: ContinuousClock.Instant, bytes: ByteBuffer).self
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { feed.finish() }
                try await self.read(input, begin: begin) { feed.yield(($0, $1)) }
            }
            group.addTask {
                for await piece in pieces {
                    try await Task.sleep(until: piece.due, clock: .continuous)
                    try await self.waitWhileCut()
                    try await self.output.write(piece.bytes)
                }
                self.output.finish()
            }
            while try await group.next() != nil {}
        }
    }

    private func read(
        _ input: NIOAsyncChannelInboundStream<ByteBuffer>,
        begin: ((ByteBuffer) async -> Void)?,
        _ pass: (ContinuousClock.Instant, ByteBuffer) -> Void
    ) async throws {
        var meter = Meter()
        var due = ContinuousClock.now
        var hello: ByteBuffer? = begin == nil ? nil : ByteBuffer()
        for try await read in input {
            var piece = read
            if var first = hello {
                first.writeImmutableBuffer(read)
                hello = first
                guard first.readableBytes >= ChaosProxy.helloBytes else { continue }
                hello = nil
                await begin?(first)
                piece = first
            }
            try await self.waitWhileCut()
            let state = self.links.state(of: self.link())
            self.links.count(\.bytes, piece.readableBytes)
            meter.add(piece.readableBytes, state)
            if let bytes = state.breakAfter, meter.faulty >= bytes {
                self.links.count(\.broken)
                throw Broken()
            }
            if let bytes = state.halfCloseAfter, meter.faulty >= bytes {
                self.links.count(\.halfClosed)
                // The rest of this direction goes nowhere.
                return
            }
            if let bytes = state.flipEvery, meter.sinceFlip >= bytes {
                meter.sinceFlip = 0
                self.flip(&piece)
            }
            var delay = state.delay
            if state.lossPercent > 0, Int.random(in: 0..<100) < state.lossPercent {
                self.links.count(\.late)
                delay += Self.retransmission
            }
            if let rate = state.bytesPerSecond {
                try await Task.sleep(for: .seconds(1) * piece.readableBytes / rate)
            }
            // In order, as TCP has it.
            due = max(due, .now + delay)
            pass(due, piece)
        }
    }

    private func waitWhileCut() async throws {
        while self.links.state(of: self.link()).isCut { try await Task.sleep(for: Self.look) }
    }

    private func flip(_ piece: inout ByteBuffer) {
        let place = piece.readerIndex + Int.random(in: 0..<piece.readableBytes)
        guard let byte = piece.getInteger(at: place, as: UInt8.self) else { return }
        piece.setInteger(byte ^ (1 << UInt8.random(in: 0..<8)), at: place)
        self.links.count(\.bitsFlipped)
    }

    /// Bytes of one connection since a fault began.
    private struct Meter {
        var faulty = 0
        var sinceFlip = 0

        mutating func add(_ bytes: Int, _ state: Links.State) {
            self.faulty = state.breakAfter ?? state.halfCloseAfter == nil ? 0 : self.faulty + bytes
            self.sinceFlip += bytes
        }
    }
}
