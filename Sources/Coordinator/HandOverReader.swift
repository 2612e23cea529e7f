import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Rows of one partition, read from a majority of its former replicas, with what is to be done with
/// each.
struct HandOverBatch: Sendable {
    /// Values accepted at their ballots, to be sent to those behind.
    var rows: [InstalledRow] = []
    /// For each of the rows the nodes that have it.
    var holders: [[NodeID]] = []
    /// What cannot be copied is committed anew.
    var identities: [RegisterKey] = []
}

/// Reads a partition page by page, in the order of the index: first which rows there are, then how
/// they stand, promises included, then the values that somebody may lack.
struct HandOverReader {
    private let part: HandOverPart
    private let handOver: HandOver
    private let floors: [PartitionFloors]
    private var streams: [BallotStream]

    /// - Precondition: a floor for each source.
    init(_ part: HandOverPart, _ handOver: HandOver, floors: [PartitionFloors]) {
        self.part = part
        self.handOver = handOver
        self.floors = floors
        let ranges = (0..<RowDigest.ranges).map { UInt16($0) }
        self.streams = part.sources.map { node in
            BallotStream(
                handOver.caller,
                node,
                part.partition,
                ranges: ranges,
                timeout: handOver.settings.registerTimeout,
                under: part.epoch
            )
        }
    }

    /// nil at the end.
    mutating func next() async throws(PeerCallError) -> HandOverBatch? {
        let keys = try await self.nextKeys()
        guard !keys.isEmpty else { return nil }
        var held: [[HeldRow]] = []
        for node in self.part.sources { held.append(try await self.rows(keys, of: node)) }
        var batch = HandOverBatch()
        var wanted: [(place: Int, ballot: Ballot, isChosen: Bool)] = []
        for place in keys.indices {
            guard let key = try? RegisterKey(row: keys[place]) else { continue }
            switch self.step(key, held.map { $0[place] }) {
            case .nothing: break
            case .identity: batch.identities.append(key)
            case .install(let ballot, let isChosen): wanted.append((place, ballot, isChosen))
            }
        }
        for (source, node) in self.part.sources.enumerated() {
            // The first that has it sends it.
            let mine = wanted.filter { row in
                held.firstIndex { $0[row.place].accepted == row.ballot } == source
            }
            let values = try await self.rows(mine.map { keys[$0.place] }, of: node, values: true)
            for (row, value) in zip(mine, values) {
                let key = keys[row.place]
                guard case .row(_, row.ballot, let value?) = value else {
                    // It has moved on meanwhile.
                    if let key = try? RegisterKey(row: key) { batch.identities.append(key) }
                    continue
                }
                batch.rows.append(
                    InstalledRow(
                        key: key,
                        ballot: row.ballot,
                        generation: row.isChosen ? .max : 0,
                        value: value
                    )
                )
                batch.holders.append(
                    self.part.sources.indices.filter { held[$0][row.place].accepted == row.ballot }
                        .map { self.part.sources[$0] }
                )
            }
        }
        return batch
    }

    private func step(_ key: RegisterKey, _ rows: [HeldRow]) -> HandOverStep {
        HandOverStep(
            rows,
            floors: self.floors.map { floors in
                if case .manifest = key { return floors.manifests }
                return floors.objects
            },
            ignoresPromises: self.handOver.settings.sabotage.contains(.installIgnoresPromise)
        )
    }

    /// The next rows that any of the sources has, in order.
    private mutating func nextKeys() async throws(PeerCallError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        while keys.count < HeldRowsRequest.keysMax {
            var first: RowBallot?
            for place in self.streams.indices {
                guard let row = try await self.streams[place].peek() else { continue }
                if first.map({ RowBallot.precedes(row, $0) }) ?? true { first = row }
            }
            guard let first else { break }
            for place in self.streams.indices
            where try await self.streams[place].peek()?.row == first.row {
                self.streams[place].moveOn()
            }
            keys.append(first.row)
        }
        return keys
    }

    /// The rows in the order of their keys, however many answers that takes.
    private func rows(
        _ keys: [[UInt8]],
        of node: NodeID,
        values: Bool = false
    ) async throws(PeerCallError) -> [HeldRow] {
        var rows: [HeldRow] = []
        while rows.count < keys.count {
            let request = HeldRowsRequest(
                partition: self.part.partition,
                keys: Array(keys[rows.count...]),
                withValues: values
            )
            let reply = try await self.handOver.ask(
                node,
                .heldRows(request),
                under: self.part.epoch
            )
            guard case .heldRows(let page) = reply, !page.isEmpty,
                page.count <= keys.count - rows.count
            else { throw .invalid(.invalid("held rows")) }
            rows += page
        }
        return rows
    }
}

extension HeldRow {
    /// nil if the row is damaged.
    fileprivate var accepted: Ballot? {
        if case .row(_, let accepted, _) = self { return accepted }
        return nil
    }
}

extension HandOver {
    /// Brings a batch to the latter replicas.
    ///
    /// - Returns: true once a majority of them has each row, at the ballot read or above it.
    func write(
        _ batch: HandOverBatch,
        _ part: HandOverPart
    ) async throws(PeerCallError) -> Bool {
        var holders = batch.holders.map { nodes in nodes.filter { part.targets.contains($0) } }
        let replies = await gather(
            from: part.targets,
            background: self.doors.background,
            ask: { node -> [Int]? in
                let behind = batch.rows.indices.filter { !batch.holders[$0].contains(node) }
                return await self.install(behind, of: batch, part.partition, at: node)
            },
            enough: { _ in false }
        )
        for (node, places) in replies {
            for place in places ?? [] { holders[place].append(node) }
        }
        var identities = batch.identities
        for place in batch.rows.indices where holders[place].count < part.needed {
            guard let key = try? RegisterKey(row: batch.rows[place].key) else { continue }
            identities.append(key)
        }
        return await self.commitAll(identities)
    }

    /// - Returns: places of the rows that the node has taken.
    private func install(
        _ places: [Int],
        of batch: HandOverBatch,
        _ partition: PartitionID,
        at node: NodeID
    ) async -> [Int] {
        var taken: [Int] = []
        var rest = places[...]
        while !rest.isEmpty {
            var page: [Int] = []
            var bytes = 0
            while let place = rest.first, page.count < HeldRowsRequest.keysMax,
                bytes < HeldRowsRequest.pageBytes
            {
                rest = rest.dropFirst()
                page.append(place)
                bytes += batch.rows[place].value.body?.count ?? 0
            }
            let request = InstallRequest(partition: partition, rows: page.map { batch.rows[$0] })
            let reply = try? await self.ask(node, .install(request), under: self.joint.epoch)
            guard case .installed(let outcomes)? = reply, outcomes.count == page.count else {
                break
            }
            taken += zip(page, outcomes).filter(\.1).map(\.0)
        }
        return taken
    }

    private func commitAll(_ keys: [RegisterKey]) async -> Bool {
        var rest = keys[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(self.settings.parallelRepairs))
            rest = rest.dropFirst(batch.count)
            let outcomes = await gather(
                from: batch,
                background: self.doors.background,
                ask: { key -> Bool? in await self.commitAgain(key) },
                enough: { _ in false }
            )
            guard outcomes.allSatisfy({ $0.reply == true }) else { return false }
        }
        return true
    }
}
