import Synchronization

/// Something that is done once: when its time comes, or earlier.
final class Alarm: Sendable {
    private enum State {
        case unarmed
        case armed(@Sendable () -> Void)
        case spent
    }

    private let state = Mutex(State.unarmed)

    init() {}

    init(_ action: @escaping @Sendable () -> Void) {
        self.state.withLock { $0 = .armed(action) }
    }

    /// True once it has gone off or was disarmed: nothing will come of it.
    var isSpent: Bool {
        self.state.withLock { state in
            if case .spent = state { return true }
            return false
        }
    }

    /// Says what is to be done; does it at once if the alarm has gone off before.
    func arm(_ action: @escaping @Sendable () -> Void) {
        let isLate = self.state.withLock { state in
            if case .spent = state { return true }
            state = .armed(action)
            return false
        }
        if isLate { action() }
    }

    /// Does it now, if it has not been done.
    func goOff() {
        let action: (@Sendable () -> Void)? = self.state.withLock { state in
            defer { state = .spent }
            if case .armed(let action) = state { return action }
            return nil
        }
        action?()
    }

    /// Lets it never be done.
    func disarm() { self.state.withLock { $0 = .spent } }
}
