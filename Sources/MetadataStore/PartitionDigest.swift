import Register
import StoreModel

/// The digests of one partition's ranges: counted from the index page by page, while rows change,
/// and kept up to date from then on.
///
/// A page is older than the moment it is counted at, so a change that has ended since then is
/// remembered until its place has been counted, and one that is under way counts as not made yet.
struct PartitionDigest: Sendable {
    private(set) var ranges = [RowDigest](repeating: .none, count: RowDigest.ranges)
    /// The exclusive or of all ranges.
    private(set) var sum = RowDigest.none
    private(set) var isComplete = false
    /// The last index key counted; empty before the first page.
    private(set) var counted: [UInt8] = []
    /// What changes that have ended left behind `counted`, by index key.
    private var ended: [[UInt8]: Ballot] = [:]

    private func isCounted(_ key: [UInt8]) -> Bool {
        self.isComplete || !self.counted.lexicographicallyPrecedes(key)
    }

    /// A change has ended: its row is durable.
    mutating func changed(_ key: [UInt8], from before: Ballot, to after: Ballot) {
        guard self.isCounted(key) else {
            self.ended[key] = after
            return
        }
        self.toggle(key, before)
        self.toggle(key, after)
    }

    /// Counts the next page of the index.
    ///
    /// `underWay` has the ballots from before changes that have begun and not ended.
    mutating func count(
        _ page: [(key: [UInt8], accepted: Ballot)],
        isLast: Bool,
        underWay: [[UInt8]: Ballot]
    ) {
        precondition(!self.isComplete, "Counted already.")
        let last = page.last?.key
        precondition(isLast || last != nil, "A page in the middle has rows.")
        func isInPage(_ key: [UInt8]) -> Bool {
            guard !self.isCounted(key) else { return false }
            return isLast || !(last ?? []).lexicographicallyPrecedes(key)
        }
        var ballots = Dictionary(page, uniquingKeysWith: { first, _ in first })
        ballots.merge(self.ended.filter { isInPage($0.key) }) { _, later in later }
        ballots.merge(underWay.filter { isInPage($0.key) }) { _, before in before }
        for (key, ballot) in ballots { self.toggle(key, ballot) }
        if let last { self.counted = last }
        self.isComplete = isLast
        self.ended = self.ended.filter { !self.isCounted($0.key) }
    }

    private mutating func toggle(_ key: [UInt8], _ accepted: Ballot) {
        let row = PartitionRow.row(of: key)
        let digest = RowDigest(of: row, accepted: accepted)
        self.ranges[RowDigest.range(of: row)].toggle(digest)
        self.sum.toggle(digest)
    }
}
