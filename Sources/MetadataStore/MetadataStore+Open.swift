package import Register
package import Runtime
import StoreModel
import Wire

extension MetadataStore {
    /// Rows read at once while opening.
    private static let pageRows = 1_000

    /// Reads what the node knows of itself, and starts a new incarnation, durably.
    ///
    /// Segments of `tailBytes` or more are kept apart from their rows.
    ///
    /// - Throws: ``MetadataError/damaged(_:)`` if the identity, the layout or a fence cannot be
    ///   read, or if there are rows but no identity: such a directory has forgotten promises and
    ///   must not be used.
    package static func open(
        engine: any KeyValueEngine,
        random: any RandomSource,
        tailBytes: Int = Limit.tailBytes,
        sabotage: AcceptorSabotage = []
    ) async throws(MetadataError) -> MetadataStore {
        var identity = try await Self.identity(in: engine) ?? Identity(random)
        let retired = try await translated { () async throws(EngineError) in
            try await engine.get(.node, NodeRow.retired)
        }
        guard retired == nil else {
            throw .damaged("put back to an earlier state: start with an empty directory instead")
        }
        guard identity.incarnation < .max else { throw .damaged("incarnations are used up") }
        identity.incarnation += 1
        let start = NodeStart(incarnation: identity.incarnation, number: random.next())
        var batch = RowBatch()
        batch.put(.node, NodeRow.identity, identity.sealed(under: NodeRow.identity))
        OwnStarts.put(start, into: &batch)
        try await translated { () async throws(EngineError) in
            try await engine.commit(batch, durable: true)
        }
        try await Self.completeIndex(in: engine)
        return MetadataStore(
            engine: engine,
            identity: identity,
            start: start,
            state: try await Self.state(in: engine),
            settings: RowSettings(tailBytes: tailBytes, sabotage: sabotage)
        )
    }

    /// - Returns: nil in a new directory.
    private static func identity(
        in engine: any KeyValueEngine
    ) async throws(MetadataError) -> Identity? {
        let key = NodeRow.identity
        let value = try await translated { () async throws(EngineError) in
            try await engine.get(.node, key)
        }
        if let value {
            guard let identity = try? Identity(sealed: value, under: key) else {
                throw .damaged("identity")
            }
            return identity
        }
        for family in [RowFamily.rows, .node] {
            let rows = try await translated { () async throws(EngineError) in
                try await engine.scan(family, from: [], to: NodeRow.ownEnd, limit: 1)
            }
            guard rows.isEmpty else { throw .damaged("rows without an identity") }
        }
        return nil
    }

    private static func state(
        in engine: any KeyValueEngine
    ) async throws(MetadataError) -> NodeState {
        var state = NodeState()
        let key = NodeRow.layout
        let layout = try await translated { () async throws(EngineError) in
            try await engine.get(.node, key)
        }
        if let layout {
            guard let layout = try? LayoutRecord(sealed: layout, under: key) else {
                throw .damaged("layout")
            }
            state.layout = layout
            state.epoch = layout.epoch
        }
        let ceilingKey = NodeRow.ceiling
        let ceiling = try await translated { () async throws(EngineError) in
            try await engine.get(.node, ceilingKey)
        }
        if let ceiling {
            guard let ceiling = try? PromiseCeiling(sealed: ceiling, under: ceilingKey) else {
                throw .damaged("ceiling of promises")
            }
            state.raiseCeiling(to: ceiling)
        }
        try await Self.eachRow(in: engine, .node, NodeRow.fences, NodeRow.fencesEnd) {
            key,
            value throws(MetadataError) in
            guard
                let bucket = try? NodeRow.bucket(ofFence: key),
                let fence = try? Fence(sealed: value, under: key)
            else { throw .damaged("fence") }
            state.raiseFence(of: bucket, to: fence.generation)
        }
        try await Self.eachRow(in: engine, .node, NodeRow.floors, NodeRow.floorsEnd) {
            key,
            value throws(MetadataError) in
            guard
                let domain = try? NodeRow.subject(of: key, FloorDomain.self),
                let floor = try? Ballot(sealed: value, under: key)
            else { throw .damaged("floor") }
            state.raiseFloor(of: domain, to: floor)
        }
        try await Self.eachRow(in: engine, .node, NodeRow.starts, NodeRow.startsEnd) {
            key,
            value throws(MetadataError) in
            guard
                let node = try? NodeRow.subject(of: key, NodeID.self),
                let start = try? NodeStart(sealed: value, under: key)
            else { throw .damaged("start of another node") }
            state.note(start, of: node)
        }
        try await Self.eachRow(in: engine, .node, NodeRow.ownStarts, NodeRow.ownStartsEnd) {
            key,
            value throws(MetadataError) in
            guard
                let incarnation = try? NodeRow.subject(of: key, Incarnation.self),
                let number = try? StartNumber(sealed: value, under: key)
            else { throw .damaged("start of this node") }
            state.ownStarts.add(incarnation, number)
        }
        try await Self.eachRow(in: engine, .node, NodeRow.joining, NodeRow.joiningEnd) {
            key,
            _ throws(MetadataError) in
            guard let partition = try? NodeRow.subject(of: key, PartitionID.self) else {
                throw .damaged("partition without floors")
            }
            state.joining.insert(partition)
        }
        return state
    }

    /// Reads rows in order, page by page.
    private static func eachRow(
        in engine: any KeyValueEngine,
        _ family: RowFamily,
        _ start: [UInt8],
        _ end: [UInt8]?,
        pageRows: Int = MetadataStore.pageRows,
        _ body: ([UInt8], [UInt8]) throws(MetadataError) -> Void
    ) async throws(MetadataError) {
        var start = start
        while true {
            let page = try await translated { () async throws(EngineError) in
                try await engine.scan(family, from: start, to: end, limit: pageRows)
            }
            for (key, value) in page { try body(key, value) }
            guard page.count == pageRows, let last = page.last else { return }
            start = last.key + [0]
        }
    }

    /// Rows read at once to index them; each may take 4 MiB.
    private static let indexedRows = 32

    /// Indexes the rows of a directory that was written before there was an index.
    ///
    /// If it is cut short it begins again: the note that the index is complete comes last.
    private static func completeIndex(
        in engine: any KeyValueEngine
    ) async throws(MetadataError) {
        let done = try await translated { () async throws(EngineError) in
            try await engine.get(.node, NodeRow.index)
        }
        guard done == nil else { return }
        var start: [UInt8] = []
        while true {
            let page = try await translated { () async throws(EngineError) in
                try await engine.scan(.rows, from: start, to: nil, limit: Self.indexedRows)
            }
            var batch = RowBatch()
            for (key, value) in page {
                guard let register = try? RegisterKey(row: key),
                    let row = try? AcceptorRow(sealed: value, under: key), row.accepted != .zero
                else { continue }
                let index = PartitionRow.key(of: key, in: register.partition)
                batch.put(.partitions, index, row.accepted.sealed(under: index))
                if row.isTombstone {
                    let round = row.accepted.round
                    batch.put(.partitions, TombstoneRow.key(of: key, round: round), [])
                }
            }
            let isLast = page.count < Self.indexedRows
            if isLast { batch.put(.node, NodeRow.index, []) }
            let changes = batch
            try await translated { () async throws(EngineError) in
                try await engine.commit(changes, durable: isLast)
            }
            guard !isLast, let last = page.last else { return }
            start = last.key + [0]
        }
    }
}

extension Identity {
    /// The identity of a new directory, before its first incarnation.
    fileprivate init(_ random: any RandomSource) {
        self.init(node: NodeID(high: random.next(), low: random.next()), incarnation: 0)
    }
}
