import NIOCore
import Wire

/// What waits to be sent on one connection.
///
/// Control frames go first; messages take turns, one frame each, so that a long body does not hold
/// up short messages.
struct Outbox {
    /// Most control frames that may wait.
    ///
    /// A peer that makes us queue more does not read any more.
    static let controlFramesMax = 4_096

    private var control = CircularBuffer<ByteBuffer>()
    private var messages: [UInt64: OutgoingMessage] = [:]
    /// Streams whose message is ready, each once.
    private var turns = CircularBuffer<UInt64>()
    private var inTurns: Set<UInt64> = []
    private var isPongQueued = false

    var isEmpty: Bool { self.control.isEmpty && self.messages.isEmpty }
    /// The bound on control frames was broken.
    var isOverfull: Bool { self.control.count > Self.controlFramesMax }

    func holds(_ stream: UInt64) -> Bool { self.messages[stream] != nil }

    /// - Precondition: no message of the stream waits.
    mutating func add(_ message: OutgoingMessage) {
        precondition(self.messages[message.stream] == nil, "A stream carries one message a way.")
        self.messages[message.stream] = message
        self.takeTurn(message.stream)
    }

    mutating func add(_ frame: ControlFrame) {
        if frame == .pong {
            // One answer serves any number of pings that have not been answered yet.
            if self.isPongQueued { return }
            self.isPongQueued = true
        }
        self.control.append(frame.encoded)
    }

    /// - Returns: false if the receiver granted more than there is.
    mutating func grant(_ bytes: Int, stream: UInt64) -> Bool {
        guard self.messages[stream]?.grant(bytes) == true else { return false }
        self.takeTurn(stream)
        return true
    }

    /// Forgets a message.
    ///
    /// - Returns: whether it had not been finished.
    mutating func drop(_ stream: UInt64) -> Bool {
        self.messages.removeValue(forKey: stream) != nil
    }

    /// The next frame as buffers to be written one after another, and the stream whose message it
    /// ends.
    mutating func next() -> (frame: [ByteBuffer], finished: UInt64?)? {
        if let frame = self.control.popFirst() {
            if self.control.isEmpty { self.isPongQueued = false }
            return ([frame], nil)
        }
        while let stream = self.turns.popFirst() {
            self.inTurns.remove(stream)
            guard let frame = self.messages[stream]?.nextFrameIfReady() else { continue }
            if self.messages[stream]?.isDone == true {
                self.messages[stream] = nil
                return (frame, stream)
            }
            self.takeTurn(stream)
            return (frame, nil)
        }
        return nil
    }

    private mutating func takeTurn(_ stream: UInt64) {
        guard self.messages[stream]?.isReady == true, self.inTurns.insert(stream).inserted else {
            return
        }
        self.turns.append(stream)
    }
}

extension OutgoingMessage {
    fileprivate mutating func nextFrameIfReady() -> [ByteBuffer]? {
        self.isReady ? self.nextFrame() : nil
    }
}
