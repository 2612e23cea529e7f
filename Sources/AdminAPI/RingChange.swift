/// Who is to join or leave: the body of `POST /v1/ring/change`.
///
/// Nodes are named by name, by the first digits of their id, and those that are to join also by
/// the address of their peer port. Either `add` or `remove` or `replace` is given.
package struct RingChange: Hashable, Sendable, Codable {
    package struct Replacement: Hashable, Sendable, Codable {
        package var old: String
        /// Nil: the node that waits under the name of the old one.
        package var new: String?

        package init(old: String, new: String?) {
            self.old = old
            self.new = new
        }
    }

    package var add: String?
    package var remove: String?
    package var replace: Replacement?

    package init(add: String? = nil, remove: String? = nil, replace: Replacement? = nil) {
        self.add = add
        self.remove = remove
        self.replace = replace
    }
}

/// What became of a change that somebody asked for.
package struct RingOutcome: Hashable, Sendable {
    /// False if it goes on.
    package var isDone: Bool
    package var report: RingReport

    package init(isDone: Bool, report: RingReport) {
        self.isDone = isDone
        self.report = report
    }
}
