/// What a client did to one key, and what it learnt.
///
/// A key's state is the tag of the version it holds: the number of the put or copy that made it; 0
/// if it holds none.
package struct KeyOperation: Hashable, Sendable {
    package enum Condition: Hashable, Sendable, CustomStringConvertible {
        case none
        case absent
        /// The key holds the body of this put.
        case body(of: Int)

        package var description: String {
            switch self {
            case .none: "no condition"
            case .absent: "if absent"
            case .body(let put): "if it has the body of #\(put)"
            }
        }
    }

    package enum Action: Hashable, Sendable, CustomStringConvertible {
        /// Saw this state.
        case read(Int)
        case write(Int, if: Condition)
        case delete
        case deleteIf(Condition)
        /// Saw that there is something, but not what.
        case present
        /// Saw the body of this put, whichever version had it.
        case presentBody(of: Int)
        /// Removed what was there.
        case remove
        /// Was told that the condition is false.
        case refused(Condition)
        /// Was told that there is nothing to compare with.
        case missing
        /// Took what this key held, nil if it is not known what, to the other key of its pair, on
        /// which the condition is one.
        case rename(Int?, if: Condition)

        package var description: String {
            switch self {
            case .read(0): "found nothing"
            case .read(let tag): "read tag \(tag)"
            case .write(let tag, .none): "wrote tag \(tag)"
            case .write(let tag, let condition): "wrote tag \(tag) \(condition)"
            case .delete: "deleted"
            case .deleteIf(let condition): "deleted \(condition)"
            case .present: "found something"
            case .presentBody(let put): "found the body of #\(put)"
            case .remove: "removed what was there"
            case .refused(let condition): "refused \(condition)"
            case .missing: "refused, nothing there"
            case .rename(let tag, let condition):
                "took \(tag.map { "tag \($0)" } ?? "what there was") away, \(condition)"
            }
        }

        /// Whether there is a state that it changes.
        var mayChange: Bool {
            switch self {
            case .write, .delete, .deleteIf, .remove, .rename: true
            case .read, .present, .presentBody, .refused, .missing: false
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
    /// Which key of a pair it is on: 0, or 1.
    package var place = 0

    package init(number: Int, _ action: Action, invoked: UInt64, responded: UInt64?) {
        self.number = number
        self.action = action
        self.invoked = invoked
        self.responded = responded
    }
}
