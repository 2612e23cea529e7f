import PeerProtocol
import Register
import StoreModel

/// The rows of some ranges of a partition as one node has them, page by page.
struct BallotStream {
    private let caller: PeerCaller
    private let node: NodeID
    private let partition: PartitionID
    private let timeout: Duration
    /// The layout by which the node has to act; nil for the present one.
    private let epoch: UInt64?
    /// What is still to be asked for; empty once all has been.
    private var ranges: [UInt16]
    private var after: [UInt8]?
    private var page: ArraySlice<RowBallot> = []

    init(
        _ caller: PeerCaller,
        _ node: NodeID,
        _ partition: PartitionID,
        ranges: [UInt16],
        timeout: Duration,
        under epoch: UInt64? = nil
    ) {
        self.caller = caller
        self.node = node
        self.partition = partition
        self.ranges = ranges
        self.timeout = timeout
        self.epoch = epoch
    }

    /// The next row in order of range and key, without moving on; nil at the end.
    mutating func peek() async throws(PeerCallError) -> RowBallot? {
        while self.page.isEmpty, !self.ranges.isEmpty { try await self.fetch() }
        return self.page.first
    }

    mutating func moveOn() { self.page = self.page.dropFirst() }

    private mutating func fetch() async throws(PeerCallError) {
        let reply = try await self.caller.ask(
            self.node,
            .ballots(
                BallotRequest(
                    partition: self.partition,
                    ranges: self.ranges,
                    after: self.after,
                    limit: BallotPage.rowsMax
                )
            ),
            under: self.epoch,
            within: self.timeout
        )
        guard case .ballots(let page) = reply else { throw .invalid(.invalid("ballots")) }
        self.page = page.rows[...]
        guard page.isTruncated, let last = page.rows.last else {
            self.ranges = []
            return
        }
        let range = RowDigest.range(of: last.row)
        guard let index = self.ranges.firstIndex(where: { $0 == range }),
            index > 0 || self.after.map({ $0.lexicographicallyPrecedes(last.row) }) ?? true
        else { throw .invalid(.invalid("order of ballots")) }
        self.ranges.removeFirst(index)
        self.after = last.row
    }
}
