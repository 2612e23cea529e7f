/// Why the engine could not do what was asked.
package enum EngineError: Error, Hashable, Sendable {
    case full
    /// A sync failed or the store is damaged: it must not be used any more.
    case failed(String)
}

/// A group of rows with an order of its own.
package enum RowFamily: UInt8, Hashable, Sendable, CaseIterable {
    /// Register rows, by register key.
    case rows = 0
    /// Register rows again, by partition: for sweep, hand-over and anti-entropy.
    case partitions = 1
    /// Where chunks are. Derived from the volumes; not synced.
    case chunks = 2
    /// What the node knows of itself: identity, incarnation, layout, fences, floors.
    case node = 3
    /// Parts of register rows that are long and never change, by register key.
    case tails = 4
}

/// Changes that become visible and durable together, applied in order.
package struct RowBatch: Sendable {
    package enum Change: Hashable, Sendable {
        case put(RowFamily, key: [UInt8], value: [UInt8])
        case delete(RowFamily, key: [UInt8])
    }

    package private(set) var changes: [Change] = []

    package init() {}

    package mutating func put(_ family: RowFamily, _ key: [UInt8], _ value: [UInt8]) {
        self.changes.append(.put(family, key: key, value: value))
    }

    package mutating func delete(_ family: RowFamily, _ key: [UInt8]) {
        self.changes.append(.delete(family, key: key))
    }
}

/// Where a walk over rows goes on.
package enum WalkStep: Hashable, Sendable {
    case next
    /// With the first row whose key does not precede this, which is behind the present one.
    case seek([UInt8])
    case stop
}

extension [UInt8] {
    /// A copy.
    package init(_ span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe Array($0) }
    }
}

extension RawSpan {
    /// Whether the bytes begin with these.
    package func starts(with prefix: [UInt8], at start: Int = 0) -> Bool {
        guard self.byteCount >= start + prefix.count else { return false }
        return prefix.indices.allSatisfy { index in
            unsafe self.unsafeLoad(fromByteOffset: start + index, as: UInt8.self) == prefix[index]
        }
    }
}

/// An ordered store of rows: atomic batches, durable once synced, scans in byte order of the keys.
///
/// After a crash a prefix of the committed batches is there, in order, and at least every batch
/// whose durable commit had returned.
package protocol KeyValueEngine: Sendable {
    func get(_ family: RowFamily, _ key: [UInt8]) async throws(EngineError) -> [UInt8]?

    /// Walks over rows with `start <= key < end` in order, as they were at one instant; `end` nil
    /// means to the last row.
    ///
    /// Calls `visit` with a state that begins as `state`, and with the key and the value of a row,
    /// and goes on as it says. It must neither block nor take long: a thread of the engine, or the
    /// engine itself, waits for it.
    ///
    /// - Returns: the state in the end.
    func walk<State: Sendable>(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        _ state: State,
        visit: @escaping @Sendable (inout State, RawSpan, RawSpan) -> WalkStep
    ) async throws(EngineError) -> State

    /// Applies the batch. With `durable`, returns only after a sync that covers it; commits that
    /// arrive while one sync runs share the next.
    func commit(_ batch: RowBatch, durable: Bool) async throws(EngineError)

    /// Syncs made since the engine was opened. For tests and metrics.
    var syncCount: Int { get }
}

extension KeyValueEngine {
    /// Rows with `start <= key < end` in order, at most `limit`; `end` nil means to the last row.
    package func scan(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        limit: Int
    ) async throws(EngineError) -> [(key: [UInt8], value: [UInt8])] {
        typealias Rows = [(key: [UInt8], value: [UInt8])]
        if limit <= 0 { return [] }
        return try await self.walk(family, from: start, to: end, Rows()) { rows, key, value in
            rows.append((Array(key), Array(value)))
            return rows.count < limit ? .next : .stop
        }
    }
}
