import Register
import Runtime
import StoreModel
import Synchronization
import Wire

/// The tail of one row, in the family `tails` under the key of the row.
///
///     digest u64 | bytes
///
/// Layout: docs/format/metadata.md, "Tails".
struct TailRow: Hashable, Sendable, BinaryRecord {
    let digest: UInt64
    let bytes: [UInt8]

    init(_ name: TailName, _ bytes: [UInt8]) {
        self.digest = name.digest
        self.bytes = bytes
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.digest = try reader.read()
        self.bytes = try reader.readRaw(reader.left)
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(self.digest)
        writer.writeRaw(self.bytes)
    }

    /// Only values of manifests have tails.
    static func mayBe(at row: [UInt8]) -> Bool {
        guard let key = try? RegisterKey(row: row), case .manifest = key else { return false }
        return true
    }
}

/// How rows are kept.
struct RowSettings: Sendable {
    /// Segments of so many bytes are kept apart from their rows.
    let tailBytes: Int
    let sabotage: AcceptorSabotage
}

/// Tails: what of a value is long and stays is written once.
///
/// The rules see values that name their tails, and they are the same rules: equal names stand for
/// equal tails. A tail is written in the batch of the row that first names it and goes in the batch
/// of the row that does not name it any more. A row whose tail is missing or damaged is damaged.
/// Source: docs/protocol/registers.md, "Tails".
extension MetadataStore {
    /// Times a row is read again because it changed between it and its tail.
    private static let rereadsMax = 1_000

    /// The request with the tail of its value named, and the tail if it was sent along.
    func split(
        _ request: RegisterRequest,
        of key: RegisterKey
    ) -> (request: RegisterRequest, tail: [UInt8]?) {
        switch request {
        case .accept(let ballot, let value, let generation, let next):
            guard let split = value.split(key, from: self.tailBytes) else { return (request, nil) }
            return (.accept(ballot, split.head, generation: generation, next: next), split.tail)
        case .repair(let ballot, let value):
            guard let split = value.split(key, from: self.tailBytes) else { return (request, nil) }
            return (.repair(ballot, split.head), split.tail)
        case .prepare, .read, .erase: return (request, nil)
        }
    }

    /// Whether there is a tail for the row: the one it has, or the one that was sent.
    func hasTail(of row: AcceptorRow, before: AcceptorRow, sent tail: [UInt8]?) -> Bool {
        guard let name = row.value?.tail, name != before.value?.tail else { return true }
        return tail != nil
    }

    /// Writes the tail of a row that is new, and takes away one that has served.
    func changeTail(
        of key: [UInt8],
        from before: AcceptorRow,
        to after: AcceptorRow,
        _ tail: [UInt8]?,
        in batch: inout RowBatch
    ) {
        let (old, new) = (before.value?.tail, after.value?.tail)
        if old == new { return }
        if let new, let tail {
            batch.put(.tails, key, TailRow(new, tail).sealed(under: key))
        } else if old != nil {
            batch.delete(.tails, key)
        }
    }

    /// A tail that was found damaged is read by few requests; the row counts as damaged for all of
    /// them.
    func isKnownDamaged(_ row: AcceptorRow, _ key: [UInt8]) -> Bool {
        row.value?.tail != nil && self.stored.withLock { $0.damaged.contains(key) }
    }

    /// The reply with its value whole; nil if that is damaged.
    ///
    /// - Precondition: nobody changes the row, which is `row`, meanwhile.
    func whole(
        _ reply: RegisterReply,
        of key: RegisterKey,
        _ row: AcceptorRow
    ) async throws(MetadataError) -> RegisterReply? {
        guard case .promised(let accepted, let value?) = reply, value.tail != nil else {
            return reply
        }
        guard let whole = try await self.joined(row, key.row) else { return nil }
        return .promised(accepted: accepted, value: whole.value)
    }

    /// - Returns: an empty row if there is none, nil if there is one but it is damaged.
    func wholeRow(_ key: [UInt8]) async throws(MetadataError) -> AcceptorRow? {
        guard let value = try await self.value(of: key) else { return AcceptorRow() }
        if let row = try await self.wholeRow(key, value) { return row }
        return self.sabotage.contains(.corruptIsAbsent) ? AcceptorRow() : nil
    }

    /// A row that was read as `value`, whole; nil if it is damaged.
    ///
    /// No lock keeps the row as it is between reading it and its tail. A tail that does not fit
    /// proves damage only if the row is the same afterwards: then it was so all the time.
    func wholeRow(
        _ key: [UInt8],
        _ value: [UInt8]
    ) async throws(MetadataError) -> AcceptorRow? {
        var value = value
        for _ in 0..<Self.rereadsMax {
            guard let row = try? AcceptorRow(sealed: value, under: key) else { return nil }
            if row.value?.tail == nil { return row }
            if self.isKnownDamaged(row, key) { return nil }
            if let whole = try await self.joined(row, key) { return whole }
            guard let now = try await self.value(of: key) else { return AcceptorRow() }
            if now == value { return nil }
            value = now
        }
        return nil
    }

    /// The row with its tail in its place; nil if there is no such tail.
    private func joined(
        _ row: AcceptorRow,
        _ key: [UInt8]
    ) async throws(MetadataError) -> AcceptorRow? {
        guard let value = row.value, let name = value.tail else { return row }
        let stored = try await translated { () async throws(EngineError) in
            try await self.engine.get(.tails, key)
        }
        if let stored, let tail = try? TailRow(sealed: stored, under: key),
            tail.digest == name.digest, let whole = value.joined(tail.bytes)
        {
            return row.with(whole)
        }
        guard self.sabotage.contains(.missingTailIsEmpty) else { return nil }
        return row.with(value.withEmptyTail)
    }
}
