import Glibc
import NIOPosix
import Synchronization

/// Where log lines go: whole lines, one after the other.
///
/// A line for each request would be a call of the system for each: lines that nobody waits for are
/// gathered for ``patience``, and up to ``heldBytes``; from there on whoever writes sends them.
final class LogOutput: Sendable {
    /// Longest time for which a line is held.
    static let patience = Duration.milliseconds(20)
    /// Bytes that are held, and one line more.
    static let heldBytes = 256 << 10

    private struct Lines {
        var bytes: [UInt8] = []
        /// Somebody will send them.
        var isDue = false
    }

    private let lines = Mutex(Lines())
    /// Held while lines leave, so that they stay in order; keeps the room of those that have left.
    private let sending = Mutex<[UInt8]>([])
    private let pause: @Sendable () -> Void
    private let send: @Sendable ([UInt8]) -> Void
    /// The thread that sends what is due.
    private let sender: NIOThreadPool

    /// `pause` blocks its thread for as long as lines may be held.
    init(
        pause: @escaping @Sendable () -> Void = { usleep(UInt32(patience / .microseconds(1))) },
        send: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.pause = pause
        self.send = send
        self.sender = NIOThreadPool(numberOfThreads: 1)
        self.sender.start()
    }

    deinit { self.sender.shutdownGracefully { _ in } }

    /// Standard error.
    static let standardError = LogOutput(send: { bytes in
        unsafe bytes.withUnsafeBytes { unsafe LogOutput.sendToStandardError($0) }
    })

    private static func sendToStandardError(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        var sent = 0
        while sent < bytes.count {
            let count = unsafe Glibc.write(STDERR_FILENO, start + sent, bytes.count - sent)
            if count < 0, errno == EINTR { continue }
            // A closed standard error is no reason to stop.
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Takes a line with its end; one that is urgent is sent before this returns.
    func add(_ line: [UInt8], isUrgent: Bool) {
        let (mustSend, becomesDue) = self.lines.withLock { lines in
            lines.bytes += line
            if isUrgent || lines.bytes.count >= Self.heldBytes { return (true, false) }
            defer { lines.isDue = true }
            return (false, !lines.isDue)
        }
        if mustSend { self.flush() }
        guard becomesDue else { return }
        self.sender.submit { state in
            if state == .active { self.pause() }
            self.lines.withLock { $0.isDue = false }
            self.flush()
        }
    }

    /// Sends what is held.
    func flush() {
        self.sending.withLock { room in
            self.lines.withLock { swap(&$0.bytes, &room) }
            guard !room.isEmpty else { return }
            self.send(room)
            room.removeAll(keepingCapacity: room.capacity <= 2 * Self.heldBytes)
        }
    }
}
