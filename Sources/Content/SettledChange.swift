package import Register
package import StoreModel

/// A change of an object that is made only where no rename is pending: whoever meets one ends it
/// first.
///
/// Every change goes by this but for those that make up a rename, and those of the sweep. Source:
/// docs/protocol/renaming.md.
package struct SettledChange<Base: RegisterChange>: RegisterChange {
    package enum Outcome: Sendable {
        case settled(Base.Outcome)
        /// Nothing changes.
        case pending(PendingRename)
    }

    package let base: Base
    /// Broken on purpose: the mark of a version that has moved away is dropped as if nothing
    /// depended on it.
    package var dropsMove = false

    package init(_ base: Base) { self.base = base }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var value = value
        if let pending = try ObjectRecord.pending(in: value?.body) {
            guard self.dropsMove, case .moved = pending else { return .keep(.pending(pending)) }
            value = try value?.withoutPendingRename
        }
        switch try self.base.apply(to: value, ballot: ballot) {
        case .write(let body, let hasGarbage, let nextAbove, let outcome):
            return .write(
                body: body,
                hasGarbage: hasGarbage,
                nextAbove: nextAbove,
                .settled(outcome)
            )
        case .keep(let outcome): return .keep(.settled(outcome))
        case .retry(let ceiling): return .retry(above: ceiling)
        }
    }
}

extension RegisterValue {
    fileprivate var withoutPendingRename: RegisterValue {
        get throws(RecordError) {
            var record = try ObjectRecord(self)
            record.pending = nil
            return RegisterValue(
                changeNumber: self.changeNumber,
                lineage: self.lineage,
                body: record.encoded,
                hasGarbage: !record.garbage.isEmpty
            )
        }
    }
}

extension SettledChange: BinaryRecord, ForwardableChange where Base: ForwardableChange {
    package init(from reader: inout ByteReader) throws(RecordError) {
        self.init(try Base(from: &reader))
    }

    package func encode(into writer: inout ByteWriter) { self.base.encode(into: &writer) }
}

extension SettledChange.Outcome: BinaryRecord where Base.Outcome: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .settled(try Base.Outcome(from: &reader))
        case 1: self = .pending(try PendingRename(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .settled(let outcome):
            writer.write(UInt8(0))
            outcome.encode(into: &writer)
        case .pending(let rename):
            writer.write(UInt8(1))
            rename.encode(into: &writer)
        }
    }
}
