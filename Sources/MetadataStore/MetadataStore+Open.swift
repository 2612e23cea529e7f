package import Runtime
import StoreModel

extension MetadataStore {
    /// Rows read at once while opening.
    private static let pageRows = 1_000

    /// Reads what the node knows of itself, and starts a new incarnation, durably.
    ///
    /// - Throws: ``MetadataError/damaged(_:)`` if the identity, the layout or a fence cannot be
    ///   read, or if there are rows but no identity: such a directory has forgotten promises and
    ///   must not be used.
    package static func open(
        engine: any KeyValueEngine,
        random: any RandomSource
    ) async throws(MetadataError) -> MetadataStore {
        var identity = try await Self.identity(in: engine) ?? Identity(random)
        guard identity.incarnation < .max else { throw .damaged("incarnations are used up") }
        identity.incarnation += 1
        var batch = RowBatch()
        batch.put(.node, NodeRow.identity, identity.sealed(under: NodeRow.identity))
        try await translated { () async throws(EngineError) in
            try await engine.commit(batch, durable: true)
        }
        return MetadataStore(
            engine: engine,
            identity: identity,
            state: try await Self.state(in: engine)
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
        }
        var start = NodeRow.fences
        while true {
            let page = try await translated { () async throws(EngineError) in
                try await engine.scan(
                    .node,
                    from: start,
                    to: NodeRow.fencesEnd,
                    limit: Self.pageRows
                )
            }
            for (key, value) in page {
                guard
                    let bucket = try? NodeRow.bucket(ofFence: key),
                    let fence = try? Fence(sealed: value, under: key)
                else { throw .damaged("fence") }
                state.raiseFence(of: bucket, to: fence.generation)
            }
            guard page.count == Self.pageRows, let last = page.last else { return state }
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
