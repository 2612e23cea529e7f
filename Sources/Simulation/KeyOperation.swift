/// What a client did to one key, and what it learnt.
///
/// A key's state is the tag of the version it holds: the number of the put or copy that made it; 0
/// if it holds none.
package struct KeyOperation: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        case none
        case absent
        /// The key holds the body of this put.
        case body(of: Int)
    }

    package enum Action: Hashable, Sendable {
        /// Saw this state.
        case read(Int)
        case write(Int, if: Condition)
        case delete
        /// Was told that the condition is false.
        case refused(Condition)
        /// Was told that there is nothing to compare with.
        case missing

        /// Whether there is a state that it changes.
        var mayChange: Bool {
            switch self {
            case .write, .delete: true
            case .read, .refused, .missing: false
            }
        }
    }

    /// The number of the operation it is part of.
    package let number: Int
    package let action: Action
    /// Virtual nanoseconds.
    package let invoked: UInt64
    /// Nil if the client does not know whether it happened: it may happen at any later time, or
    /// never.
    package let responded: UInt64?

    package init(number: Int, _ action: Action, invoked: UInt64, responded: UInt64?) {
        self.number = number
        self.action = action
        self.invoked = invoked
        self.responded = responded
    }
}
