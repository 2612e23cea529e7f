import NIOCore
import Runtime
import Wire

/// A message on its way in, and the room reserved for it.
struct IncomingStream {
    private(set) var message: IncomingMessage
    /// Bytes taken from the budget for it.
    private(set) var reservedBytes = 0
    /// When credit was given.
    private(set) var grantedAt: NIODeadline?

    init(_ message: IncomingMessage) { self.message = message }

    /// Bytes to reserve before credit is given; 0 if the message needs none.
    var bytesToReserve: Int {
        self.message.prefix.creditBytes > 0 ? self.message.prefix.contentBytes : 0
    }

    /// Takes over a reservation of ``bytesToReserve``.
    ///
    /// - Returns: the credit to send.
    mutating func grant(at now: NIODeadline) -> Int {
        self.reservedBytes = self.bytesToReserve
        self.grantedAt = now
        self.message.grant()
        return self.message.prefix.creditBytes
    }

    mutating func receive(_ piece: ByteBuffer) throws(FrameError) {
        try self.message.receive(piece)
    }

    var whole: PeerMessage {
        PeerMessage(
            kind: self.message.prefix.kind,
            epoch: self.message.prefix.epoch,
            head: self.message.head,
            body: self.message.body
        )
    }
}

extension ByteBudget {
    /// Takes `bytes` in their turn, and comes back to the loop with them.
    ///
    /// A task of its own: the connection goes on while it waits, and whoever no longer needs the
    /// bytes then gives them back.
    func take(_ bytes: Int, on loop: any EventLoop, then: @escaping @Sendable () -> Void) {
        Task {
            await self.take(bytes)
            loop.execute(then)
        }
    }
}
