import Logging
import NIOCore
import Runtime
import StoreModel

/// The way to one node: its connection while there is one, and all calls that have not ended.
///
///     idle ──► connecting ──► connected
///      ▲            │             │
///      └────────────┴─────────────┘ after a failure calls fail at once until the back-off is over
///
///
/// Unchecked: every variable is used on `loop` only; the entry points say so or hop there.
final class PeerLink: ClientConnection.Owner, @unchecked Sendable {
    private enum State {
        case idle
        case connecting
        case connected(ClientConnection)
    }

    private struct Call {
        let pending: PendingCall
        let wakeup: Wakeup<CallResult>
        /// Until when the call waits for a connection, if not until its own deadline.
        var connectBy: NIODeadline?
        /// Where it is under way.
        var stream: (connection: ClientConnection, number: UInt64)?

        var giveUpAt: NIODeadline {
            min(self.pending.deadline, self.connectBy ?? self.pending.deadline)
        }
    }

    let node: NodeID
    let loop: any EventLoop
    private let dialer: PeerDialer
    private let address: @Sendable () -> PeerAddress?

    private var state = State.idle
    private var calls: [ObjectIdentifier: Call] = [:]
    /// Calls that wait for a connection or for a free stream, in order.
    private var queue = CircularBuffer<ObjectIdentifier>()
    /// Connections that the other end is leaving, until the last reply has come.
    private var leaving: [ClientConnection] = []
    private var failures = 0
    private var retryAt = NIODeadline.distantPast
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    private var isShutDown = false

    init(
        to node: NodeID,
        on loop: any EventLoop,
        dialer: PeerDialer,
        address: @escaping @Sendable () -> PeerAddress?
    ) {
        self.node = node
        self.loop = loop
        self.dialer = dialer
        self.address = address
    }

    private var settings: PeeringSettings { self.dialer.settings }

    // MARK: Calls

    func call(
        _ request: PeerMessage,
        within timeout: Duration
    ) async throws(NetworkError) -> PeerMessage {
        let pending = PendingCall(request, within: timeout)
        let result: CallResult = await withTaskCancellationHandler {
            await suspended { wakeup in
                self.onLoop { self.start(pending, wakeup) }
            }
        } onCancel: {
            pending.cancel()
            self.loop.execute { self.cancel(pending) }
        }
        return try result.get()
    }

    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if self.loop.inEventLoop { work() } else { self.loop.execute(work) }
    }

    private func start(_ pending: PendingCall, _ wakeup: Wakeup<CallResult>) {
        let now = NIODeadline.now()
        if let error = self.objection(to: pending, at: now) {
            return wakeup.resume(returning: .failure(error))
        }
        let id = ObjectIdentifier(pending)
        var call = Call(pending: pending, wakeup: wakeup)
        if case .connected = self.state {
        } else if self.failures > 0 {
            call.connectBy = now + TimeAmount(self.settings.reconnectPatience)
        }
        self.calls[id] = call
        self.queue.append(id)
        self.arm(at: call.giveUpAt)
        switch self.state {
        case .connected(let connection): self.hasRoom(connection)
        case .connecting: break
        case .idle: self.connect()
        }
    }

    /// Why the call is not even begun.
    private func objection(to pending: PendingCall, at now: NIODeadline) -> NetworkError? {
        if pending.isCancelled { return .cancelled }
        if pending.deadline <= now { return .timedOut }
        if self.isShutDown { return .unreachable }
        if self.calls.count >= self.settings.callsPerPeer { return .overloaded }
        if case .idle = self.state, now < self.retryAt { return .unreachable }
        return nil
    }

    private func cancel(_ pending: PendingCall) {
        self.giveUp(ObjectIdentifier(pending), .cancelled)
    }

    private func giveUp(_ id: ObjectIdentifier, _ error: NetworkError) {
        guard let call = self.calls[id] else { return }
        if let (connection, stream) = call.stream {
            connection.abandon(stream)
        } else {
            self.queue.removeAll { $0 == id }
        }
        self.didEnd(id, .failure(error))
    }

    // MARK: What the connection says

    func didEnd(_ id: ObjectIdentifier, _ result: CallResult) {
        guard let call = self.calls.removeValue(forKey: id) else { return }
        if case .success = result {
            self.dialer.instruments.replied(after: .now() - call.pending.begin)
        }
        call.wakeup.resume(returning: result)
    }

    func hasRoom(_ connection: ClientConnection) {
        guard case .connected(let current) = self.state, current === connection else { return }
        while current.hasRoom, let id = self.queue.popFirst() {
            guard let call = self.calls[id] else { continue }
            let stream = current.start(call.pending.request, of: id)
            self.calls[id]?.stream = (current, stream)
            self.calls[id]?.connectBy = nil
        }
    }

    func isLeaving(_ connection: ClientConnection) {
        guard case .connected(let current) = self.state, current === connection else { return }
        self.leaving.append(connection)
        self.disconnected()
    }

    func didClose(_ connection: ClientConnection) {
        self.leaving.removeAll { $0 === connection }
        guard case .connected(let current) = self.state, current === connection else { return }
        self.disconnected()
    }

    private func disconnected() {
        self.state = .idle
        self.dialer.didDisconnect()
        self.failQueue()
    }

    /// Calls that were not sent fail: the node cannot be reached.
    private func failQueue() {
        let queue = self.queue
        self.queue = CircularBuffer()
        for id in queue { self.didEnd(id, .failure(.unreachable)) }
    }

    // MARK: Connecting

    private func connect() {
        guard let address = self.address() else { return self.didNotConnect("no address known") }
        self.state = .connecting
        self.dialer.dial(address, on: self.loop, expected: self.node) { _, channel in
            try self.install(on: channel)
        }
        .whenFailure { error in self.didNotConnect("\(error)") }
    }

    private func didNotConnect(_ reason: String) {
        self.state = .idle
        let factor = 1 << min(self.failures, 16)
        let pause = min(self.settings.backOffMin * factor, self.settings.backOffMax)
        self.retryAt = .now() + TimeAmount(pause)
        self.failures += 1
        self.dialer.logger.log(
            level: self.failures == 1 ? .info : .debug,
            "peer unreachable",
            metadata: ["peer": "\(self.node.short)", "reason": "\(reason)"]
        )
        self.failQueue()
    }

    /// Ends the back-off: the node has shown itself.
    func met() {
        self.onLoop {
            self.failures = 0
            self.retryAt = .distantPast
        }
    }

    /// Takes over a connection that somebody else made, if there is none.
    ///
    /// Called on the loop, which is that of the channel.
    ///
    /// - Returns: whether the connection was taken.
    func adopt(_ channel: any Channel) -> Bool {
        self.loop.preconditionInEventLoop()
        guard case .idle = self.state, !self.isShutDown else { return false }
        do { try self.install(on: channel) } catch { return false }
        return true
    }

    private func install(on channel: any Channel) throws {
        guard !self.isShutDown else { throw ChannelError.eof }
        let client = ClientConnection(
            owner: self,
            settings: self.settings,
            budget: self.dialer.budget,
            instruments: self.dialer.instruments
        )
        var logger = self.dialer.logger
        logger[metadataKey: "peer"] = "\(self.node.short)"
        let frames = FrameConnection(
            channel: channel,
            end: client,
            tickInterval: self.settings.pingInterval / 2,
            instruments: self.dialer.instruments,
            logger: logger
        )
        try client.install(frames)
        self.failures = 0
        self.retryAt = .distantPast
        self.state = .connected(client)
        self.dialer.didConnect()
        self.hasRoom(client)
    }

    /// The channel of the connection.
    ///
    /// For tests.
    func channel() async throws -> (any Channel)? {
        try await self.loop.submit { () -> (any Channel)? in
            guard case .connected(let connection) = self.state else { return nil }
            return connection.frames?.channel
        }.get()
    }

    // MARK: Time

    /// One timer for all calls: it moves only when a deadline is nearer than the one it waits for.
    private func arm(at deadline: NIODeadline) {
        if let timer = self.timer, timer.at <= deadline { return }
        self.timer?.task.cancel()
        let task = self.loop.scheduleTask(deadline: deadline) { self.expire() }
        self.timer = (deadline, task)
    }

    private func expire() {
        self.timer = nil
        let now = NIODeadline.now()
        for (id, call) in self.calls where call.giveUpAt <= now {
            self.giveUp(id, call.pending.deadline <= now ? .timedOut : .unreachable)
        }
        if let next = self.calls.values.map(\.giveUpAt).min() { self.arm(at: next) }
    }

    // MARK: Shutting down

    /// Ends all calls and closes the connection.
    func shutdown() async {
        try? await self.loop.submit { self.shutdownOnLoop() }.get()
    }

    private func shutdownOnLoop() {
        self.isShutDown = true
        self.timer?.task.cancel()
        self.timer = nil
        self.failQueue()
        for connection in self.leaving { connection.close() }
        if case .connected(let connection) = self.state { connection.close() }
    }
}
