/// Ends the program: why, for people, and the exit code.
struct Failure: Error, CustomStringConvertible {
    /// What scripts may rely on.
    enum Kind: Int32 {
        case failed = 1
        /// Wrong flags, settings or files.
        case usage = 2
        /// The cluster does not have all its nodes.
        case degraded = 3
        /// Nothing of that name is known.
        case notFound = 4
    }

    let description: String
    let kind: Kind

    init(_ description: String, _ kind: Kind = .failed) {
        self.description = description
        self.kind = kind
    }
}
