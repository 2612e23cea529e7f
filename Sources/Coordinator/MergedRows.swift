import PeerProtocol
import Runtime
import StoreModel

/// The rows of several nodes, key by key: for each key all that the nodes have of it.
///
/// A node that does not answer is left out from then on. At most one page of each is in memory.
struct MergedRows {
    private struct Source {
        let node: NodeID
        var page: ArraySlice<ScannedRow> = []
        /// Where its next page begins.
        var after: [UInt8]?
        var isAtEnd = false
        var hasFailed = false
    }

    private let caller: PeerCaller
    private let subject: ScanRequest.Subject
    private let epoch: UInt64
    private let timeout: Duration
    private var sources: [Source]

    /// - Parameters:
    ///   - caller: How nodes are asked.
    ///   - nodes: Whose rows.
    ///   - subject: A subject whose rows come in the order of their keys.
    ///   - epoch: The layout by which they have to answer.
    ///   - timeout: Longest wait for one page.
    init(
        _ caller: PeerCaller,
        _ nodes: [NodeID],
        _ subject: ScanRequest.Subject,
        under epoch: UInt64,
        timeout: Duration
    ) {
        self.caller = caller
        self.subject = subject
        self.epoch = epoch
        self.timeout = timeout
        self.sources = nodes.map { Source(node: $0) }
    }

    /// Nodes that have been heard to their end.
    var complete: Set<NodeID> {
        Set(self.sources.filter { $0.isAtEnd && !$0.hasFailed }.map(\.node))
    }

    /// What the nodes have of the next key; nil at the end.
    mutating func next() async -> [ScannedRow]? {
        var first: RegisterKey?
        for place in self.sources.indices {
            await self.fill(place)
            guard let key = self.sources[place].page.first?.key else { continue }
            if first.map({ key < $0 }) ?? true { first = key }
        }
        guard let first else { return nil }
        var rows: [ScannedRow] = []
        for place in self.sources.indices {
            guard let row = self.sources[place].page.first, row.key == first else { continue }
            rows.append(row)
            self.sources[place].page.removeFirst()
        }
        return rows
    }

    /// Has the node's next row at hand, unless there is none.
    private mutating func fill(_ place: Int) async {
        while self.sources[place].page.isEmpty, !self.sources[place].isAtEnd {
            let source = self.sources[place]
            let scan = ScanRequest(self.subject, after: source.after, limit: Limit.scanRows)
            var page = await self.page(scan, of: source.node)
            if page == nil { page = await self.page(scan, of: source.node) }
            // Pages go forward, or there would be no end of them.
            if let next = page?.next, let after = source.after,
                !after.lexicographicallyPrecedes(next)
            {
                page = nil
            }
            self.sources[place].page = page?.rows[...] ?? []
            self.sources[place].after = page?.next
            self.sources[place].isAtEnd = page?.next == nil
            self.sources[place].hasFailed = page == nil
        }
    }

    private func page(_ scan: ScanRequest, of node: NodeID) async -> ScanPage? {
        let reply = try? await self.caller.ask(
            node,
            .scan(scan),
            under: self.epoch,
            within: self.timeout
        )
        guard case .rows(let page)? = reply else { return nil }
        return page
    }
}
