import PeerProtocol
import Runtime

/// The numbers of one sender that have been begun here: each is begun at most once.
///
/// Messages may be doubled and late, and the sender relies on it. What was refused counts as begun,
/// so that a double of it is not carried out.
struct SenderWindow {
    /// Numbers below the highest by so many may have been begun.
    static let size: UInt64 = 1_024
    /// Replies that are kept for doubles.
    private static let repliesMax = 64

    enum Admission {
        /// To be carried out, and its reply to be told to ``finish(_:)``.
        case new(Eventual<ChangeReply>)
        /// It was begun; this is, or will be, its reply.
        case again(Eventual<ChangeReply>)
        /// It may have been begun, and its reply is not known any more.
        case forgotten
    }

    /// The sender's start.
    let sender: UInt32
    private var highest: UInt64 = 0
    /// The numbers within the window that have been begun; nil where the reply was forgotten.
    private var begun: [UInt64: Eventual<ChangeReply>?] = [:]
    /// Those with a reply that is known, oldest first.
    private var finished: [UInt64] = []

    init(sender: UInt32) { self.sender = sender }

    mutating func admit(_ number: UInt64) -> Admission {
        if self.highest >= Self.size, number <= self.highest - Self.size { return .forgotten }
        if let entry = self.begun[number] { return entry.map { .again($0) } ?? .forgotten }
        let reply = Eventual<ChangeReply>()
        self.begun[number] = .some(reply)
        self.highest = max(self.highest, number)
        if self.begun.count > 2 * Int(Self.size), self.highest >= Self.size {
            let lowest = self.highest - Self.size
            self.begun = self.begun.filter { $0.key > lowest }
        }
        return .new(reply)
    }

    /// Notes that a number has its reply.
    mutating func finish(_ number: UInt64) {
        self.finished.append(number)
        guard self.finished.count > Self.repliesMax else { return }
        let oldest = self.finished.removeFirst()
        if self.begun[oldest] != nil { self.begun.updateValue(nil, forKey: oldest) }
    }
}
