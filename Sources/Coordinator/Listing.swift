import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Lists keys by asking every node for its rows and settling each key by a majority of its
/// replicas.
///
/// A completed write is seen by every listing that starts later. A page is not a snapshot: each
/// entry was true at some instant during the request. Source: docs/protocol/registers.md,
/// "Listing".
struct Listing: Sendable {
    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let settings: CoordinatorSettings
    /// The partition that all rows are in; nil if they may be in any.
    var partition: PartitionID?
    /// The chosen value of one register, when the replicas that answered do not agree.
    let read: @Sendable (RegisterKey) async throws(ClusterError) -> [UInt8]?
    /// How many entries of a page a row stands for.
    var weigh: @Sendable ([UInt8]) -> Int = { _ in 1 }

    /// Rounds of scans for one page.
    ///
    /// Only groups whose first keys turn out deleted need more than two.
    private static let roundsMax = 10_000

    /// Layouts by which one page is asked for, one after another, before it fails.
    private static let layoutPatience = 5

    // MARK: - Objects

    /// What stands in a page: a row that is alive, or a group of such rows.
    enum Entry: Sendable {
        case row(RegisterKey, [UInt8])
        case commonPrefix([UInt8])
    }

    /// What a page consists of so far.
    private struct Gathered {
        private(set) var entries: [Entry] = []
        /// Entries that are still wanted.
        private(set) var left: Int
        private let weigh: @Sendable ([UInt8]) -> Int

        init(wanted: Int, weigh: @escaping @Sendable ([UInt8]) -> Int) {
            self.left = wanted
            self.weigh = weigh
        }

        mutating func append(_ entry: Entry) {
            self.entries.append(entry)
            if case .row(_, let record) = entry {
                self.left -= max(1, self.weigh(record))
            } else {
                self.left -= 1
            }
        }
    }

    func page(
        of bucket: BucketRecord,
        _ request: ListRequest
    ) async throws(ClusterError) -> ListPage {
        let page = try await self.entries(
            .objects(bucket.id, prefix: request.prefix, delimiter: request.delimiter),
            after: request.after,
            limit: request.limit
        )
        var entries: [ListPage.Entry] = []
        for entry in page.entries {
            switch entry {
            case .commonPrefix(let prefix): entries.append(.commonPrefix(prefix))
            case .row(let key, let record):
                if let object = try Self.object(key, record, bucket) { entries.append(object) }
            }
        }
        return ListPage(entries: entries, next: page.next)
    }

    /// The next entries of a subject that is a range of rows.
    ///
    /// - Parameters:
    ///   - subject: The range.
    ///   - start: Entries behind this one are wanted.
    ///   - limit: Most entries; the last row may count for more than is left.
    /// - Returns: the entries, and where the next page starts; nil at the end.
    /// - Throws: `quorumUnavailable`.
    func entries(
        _ subject: ScanRequest.Subject,
        after start: [UInt8]?,
        limit: Int
    ) async throws(ClusterError) -> (entries: [Entry], next: [UInt8]?) {
        guard limit > 0 else { return ([], nil) }
        var gathered = Gathered(wanted: limit + 1, weigh: self.weigh)
        var after = start
        for _ in 0..<Self.roundsMax {
            let scan = ScanRequest(
                subject,
                after: after,
                limit: min(Limit.scanRows, gathered.left + 1)
            )
            let round = try await self.round(scan)
            let resume = try await self.settle(round, scan, into: &gathered)
            if gathered.left <= 0 { break }
            guard let next = resume ?? round.horizon else { return (gathered.entries, nil) }
            after = Self.start(next, behind: gathered.entries.last)
        }
        var entries = gathered.entries
        entries.removeLast(max(0, entries.count - limit))
        return (entries, entries.last.map(Self.name) ?? after)
    }

    /// Where the next round starts: behind the whole group if the group has been emitted.
    private static func start(_ next: [UInt8], behind last: Entry?) -> [UInt8] {
        if case .commonPrefix(let prefix)? = last, next.starts(with: prefix) { return prefix }
        return next
    }

    private static func name(_ entry: Entry) -> [UInt8] {
        switch entry {
        case .row(let key, _): Self.bytes(key)
        case .commonPrefix(let prefix): prefix
        }
    }

    /// Turns a round's rows into entries.
    ///
    /// - Returns: where to scan again because a group's reported keys were all gone; nil if not
    ///   needed.
    private func settle(
        _ round: ListingRound,
        _ request: ScanRequest,
        into gathered: inout Gathered
    ) async throws(ClusterError) -> [UInt8]? {
        var index = 0
        while index < round.keys.count, gathered.left > 0 {
            guard let group = Self.group(of: round.key(index), request) else {
                let record = try await self.settle(index, of: round)
                if let record { gathered.append(.row(round.key(index), record)) }
                index += 1
                continue
            }
            var firstWitness: [UInt8]?
            var isLive = false
            while index < round.keys.count, Self.bytes(round.key(index)).starts(with: group) {
                defer { index += 1 }
                if isLive { continue }
                if firstWitness == nil, round.rows(index).contains(where: { $0.content != .dead }) {
                    firstWitness = Self.bytes(round.key(index))
                }
                isLive = try await self.settle(index, of: round) != nil
            }
            if isLive {
                gathered.append(.commonPrefix(group))
            } else if let firstWitness {
                // Some node skipped the rest of the group behind a key that is gone: look inside.
                return firstWitness
            }
        }
        return nil
    }

    /// The common prefix that a key falls under; nil if it is listed by itself.
    private static func group(of key: RegisterKey, _ request: ScanRequest) -> [UInt8]? {
        guard let (prefix, delimiter) = request.grouping else { return nil }
        return CommonPrefix.of(Self.bytes(key), prefix: prefix, delimiter: delimiter)
    }

    private static func bytes(_ key: RegisterKey) -> [UInt8] {
        switch key {
        case .object(_, let key): key.bytes
        case .bucket(let name): Array(name.text.utf8)
        case .part(_, let key, _, let number): number.encoded + key.bytes
        case .manifest, .layout, .accessKeys: preconditionFailure("A listing of \(key)")
        }
    }

    private static func object(
        _ key: RegisterKey,
        _ record: [UInt8],
        _ bucket: BucketRecord
    ) throws(ClusterError) -> ListPage.Entry? {
        guard case .object(_, let key) = key else { return nil }
        do throws(RecordError) {
            return .object(key, ObjectSummary(try Version(decoding: record), in: bucket))
        } catch {
            throw ClusterError(.internalError, "list \(key)", cause: error)
        }
    }

    /// Whether none of the nodes has a row of the bucket that turns out to be alive.
    ///
    /// - Parameters:
    ///   - subject: What rows of the bucket are looked at.
    ///   - nodes: Each of them has to answer.
    ///   - layout: By this layout.
    ///   - isDead: Decides what becomes of a register, for good.
    /// - Returns: whether the bucket has none of them.
    /// - Throws: `quorumUnavailable` if a node does not answer, and what `isDead` throws.
    func isEmpty(
        _ subject: ScanRequest.Subject,
        at nodes: [NodeID],
        by layout: Layout,
        isDead: (RegisterKey) async throws(ClusterError) -> Bool
    ) async throws(ClusterError) -> Bool {
        var after: [UInt8]?
        for _ in 0..<Self.roundsMax {
            let round = try await self.round(
                ScanRequest(subject, after: after, limit: Limit.scanRows),
                of: nodes,
                by: layout
            ) { answered in answered.count == nodes.count }
            for index in round.keys.indices
            where round.rows(index).contains(where: { $0.content != .dead }) {
                guard try await isDead(round.key(index)) else { return false }
            }
            guard let horizon = round.horizon else { return true }
            after = horizon
        }
        throw ClusterError(.busy, "look whether a bucket is empty")
    }

    // MARK: - Buckets

    /// All buckets that exist, in order of name.
    func buckets() async throws(ClusterError) -> [(BucketName, BucketRecord)] {
        var buckets: [(BucketName, BucketRecord)] = []
        var after: [UInt8]?
        for _ in 0..<Self.roundsMax {
            let round = try await self.round(
                ScanRequest(.buckets, after: after, limit: Limit.scanRows)
            )
            for index in round.keys.indices {
                guard let record = try await self.settle(index, of: round),
                    case .bucket(let name) = round.key(index)
                else { continue }
                do throws(RecordError) {
                    buckets.append((name, try BucketRecord(decoding: record)))
                } catch { throw ClusterError(.internalError, "list buckets", cause: error) }
            }
            guard let horizon = round.horizon else { break }
            after = horizon
        }
        return buckets
    }

    // MARK: - Rounds

    /// Asks all nodes, until every partition's majority has answered.
    ///
    /// All of them by one layout; if another comes between, all are asked again.
    private func round(_ scan: ScanRequest) async throws(ClusterError) -> ListingRound {
        var attempt = 1
        while true {
            guard let layout = self.layouts.layout else { throw ClusterError(.notReady, "list") }
            let nodes = self.partition.map { layout.replicaSet(of: $0) } ?? layout.members
            let sets =
                self.partition.map { layout.quorumSets(of: $0) } ?? layout.distinctReplicaSets
            do throws(ClusterError) {
                return try await self.round(scan, of: nodes, by: layout) { answered in
                    sets.allSatisfy { ListingRound.isMajority(answered, of: $0) }
                }
            } catch {
                guard self.layouts.epoch != layout.epoch, attempt < Self.layoutPatience else {
                    throw error
                }
            }
            attempt += 1
        }
    }

    /// Asks nodes until `enough` of them have answered.
    private func round(
        _ scan: ScanRequest,
        of nodes: [NodeID],
        by layout: Layout,
        enough: ([NodeID]) -> Bool
    ) async throws(ClusterError) -> ListingRound {
        let pages = await gather(
            from: nodes,
            background: self.doors.background,
            ask: { node in await self.scan(node, scan, by: layout) },
            enough: { replies in enough(replies.filter { $0.reply != nil }.map(\.node)) }
        )
        let answered = pages.filter { $0.reply != nil }.map(\.node)
        let isLax = self.settings.sabotage.contains(.omitPartitionWithoutMajority)
        guard enough(answered) || isLax else {
            throw ClusterError(
                .quorumUnavailable,
                "list",
                facts: ["answered": "\(answered.count)", "nodes": "\(nodes.count)"]
            )
        }
        return ListingRound(
            pages.compactMap { page in page.reply.map { (node: page.node, page: $0) } },
            by: layout,
            isMajority: enough(answered),
            name: Self.bytes
        )
    }

    private func scan(_ node: NodeID, _ scan: ScanRequest, by layout: Layout) async -> ScanPage? {
        let reply = try? await self.caller.ask(
            node,
            .scan(scan),
            under: layout.epoch,
            within: self.settings.registerTimeout
        )
        guard case .rows(let page)? = reply else { return nil }
        return page
    }

    /// The truth about one key: what a majority of its replicas says, or else a read of the
    /// register.
    ///
    /// - Returns: the record; nil if it is gone.
    private func settle(
        _ index: Int,
        of round: ListingRound
    ) async throws(ClusterError) -> [UInt8]? {
        let key = round.key(index)
        guard
            let place = round.settled(
                index,
                isLax: self.settings.sabotage.contains(.listSkipsSettlement)
            )
        else { return try await self.read(key) }
        switch round.row(place).content {
        case .live(let record): return record
        case .dead, .corrupt: return nil
        // The register is read, and what it takes to know what is there.
        case .unsettled: return try await self.read(key)
        }
    }
}
