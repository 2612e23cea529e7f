import Register
import StoreModel
import Synchronization

/// A request, and the same with the tail of its value named, if its replicas should have that.
struct ShortRequest: Sendable {
    let whole: RegisterRequest
    let named: RegisterRequest?
}

/// Tails that replicas have shown or taken lately: an accept names them instead of carrying them.
///
/// Nothing rests on it. A replica that does not have the tail says so, and is sent the whole value.
/// Source: docs/protocol/registers.md, "Tails".
final class KnownTails: Sendable {
    /// Registers remembered; beyond that all are forgotten.
    private static let countMax = 4_096

    private let leastBytes: Int
    private let state = Mutex<[RegisterKey: TailName]>([:])

    /// Segments of `leastBytes` or more are tails.
    init(leastBytes: Int) { self.leastBytes = leastBytes }

    /// The request with the tail of its value named; nil if it has none that is known.
    func named(_ request: RegisterRequest, about key: RegisterKey) -> RegisterRequest? {
        guard case .accept(let ballot, let value, let generation, let next) = request,
            let known = self.name(of: key), let split = value.split(key, from: self.leastBytes),
            split.head.tail == known
        else { return nil }
        return .accept(ballot, split.head, generation: generation, next: next)
    }

    /// Notes what a reply shows that a replica has.
    func note(_ reply: RegisterReply?, to request: RegisterRequest, about key: RegisterKey) {
        guard case .manifest = key else { return }
        switch (request, reply) {
        case (.accept(_, let value, _, _), .accepted): self.note(value, of: key)
        case (_, .promised(_, let value?)), (_, .row(_, let value?)):
            // Of many replies one is enough; the tail of a manifest hardly ever changes.
            if self.name(of: key) == nil { self.note(value, of: key) }
        default: break
        }
    }

    func forget(_ key: RegisterKey) { _ = self.state.withLock { $0.removeValue(forKey: key) } }

    private func name(of key: RegisterKey) -> TailName? { self.state.withLock { $0[key] } }

    private func note(_ value: RegisterValue, of key: RegisterKey) {
        guard let name = value.split(key, from: self.leastBytes)?.head.tail else { return }
        self.state.withLock { names in
            if names.count >= Self.countMax { names = [:] }
            names[key] = name
        }
    }
}
