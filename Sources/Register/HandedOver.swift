package import StoreModel

/// One row as a replica has it, for those who hand rows over.
///
///     0 | nothing: damaged
///     1 | promised ballot | accepted ballot | value? (absent unless asked for)
///
/// A register without a row has two zeroes. Source: docs/protocol/layout.md, "Handing rows over".
package enum HeldRow: Hashable, Sendable, BinaryRecord {
    case damaged
    case row(promised: Ballot, accepted: Ballot, value: RegisterValue?)

    package init(_ row: AcceptorRow?, withValue: Bool) {
        if let row {
            self = .row(
                promised: row.promised,
                accepted: row.accepted,
                value: withValue ? row.value : nil
            )
        } else {
            self = .damaged
        }
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .damaged
        case 1:
            self = .row(
                promised: try Ballot(from: &reader),
                accepted: try Ballot(from: &reader),
                value: try reader.readOptional { reader throws(RecordError) in
                    let value = try RegisterValue(from: &reader)
                    guard value.tail == nil else { throw .invalid("value without its tail") }
                    return value
                }
            )
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .damaged: writer.write(UInt8(0))
        case .row(let promised, let accepted, let value):
            writer.write(UInt8(1))
            promised.encode(into: &writer)
            accepted.encode(into: &writer)
            writer.writeOptional(value) { $1.encode(into: &$0) }
        }
    }
}

/// The floors of one partition: of manifests, and of everything else.
///
///     objects ballot | manifests ballot | complete u8
package struct PartitionFloors: Hashable, Sendable, BinaryRecord {
    package var objects: Ballot
    package var manifests: Ballot
    /// False as long as the node has joined the partition and has not been told its floors.
    package var isComplete: Bool

    package init(objects: Ballot = .zero, manifests: Ballot = .zero, isComplete: Bool = true) {
        self.objects = objects
        self.manifests = manifests
        self.isComplete = isComplete
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.objects = try Ballot(from: &reader)
        self.manifests = try Ballot(from: &reader)
        self.isComplete = try reader.readBool()
    }

    package func encode(into writer: inout ByteWriter) {
        self.objects.encode(into: &writer)
        self.manifests.encode(into: &writer)
        writer.write(self.isComplete)
    }

    /// The higher of each.
    package mutating func merge(_ other: PartitionFloors) {
        self.objects = max(self.objects, other.objects)
        self.manifests = max(self.manifests, other.manifests)
    }
}

/// The least generation that accepts on objects of a bucket must carry.
///
///     bucket u64 | generation u64
package struct BucketFence: Hashable, Sendable, BinaryRecord {
    package let bucket: BucketID
    package let generation: UInt64

    package init(bucket: BucketID, generation: UInt64) {
        self.bucket = bucket
        self.generation = generation
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.bucket = try BucketID(from: &reader)
        self.generation = try reader.read()
    }

    package func encode(into writer: inout ByteWriter) {
        self.bucket.encode(into: &writer)
        writer.write(self.generation)
    }
}

/// What may be done with one register when its former replicas hand it over, by what a majority of
/// them has.
///
/// Pure: the rule that must not be broken. A value may be copied to those behind, as if its accept
/// had been sent once more, if nothing higher was promised by any of the majority; whoever was
/// promised more has to be outbid instead, by an identity change of both sets of replicas. Source:
/// docs/protocol/layout.md, "Handing rows over".
package enum HandOverStep: Hashable, Sendable {
    /// Nobody has accepted anything.
    case nothing
    /// Those behind get the value accepted at this ballot; chosen already if all of them show it.
    case install(Ballot, isChosen: Bool)
    case identity

    /// - Parameters:
    ///   - rows: What each of a majority of former replicas has, all of which have gone on to the
    ///     joint layout.
    ///   - floors: Of each of them, in the register's domain: what a register without a row has
    ///     promised.
    ///   - ignoresPromises: Breaks the rule on purpose.
    package init(
        _ rows: [HeldRow],
        floors: [Ballot],
        ignoresPromises: Bool = false
    ) {
        precondition(!rows.isEmpty && rows.count == floors.count, "A floor for each row.")
        var ballots: [Ballot] = []
        var promised = Ballot.zero
        for (row, floor) in zip(rows, floors) {
            guard case .row(let promise, let accepted, _) = row else {
                self = .identity
                return
            }
            ballots.append(accepted)
            promised = max(promised, accepted == .zero ? max(promise, floor) : promise)
        }
        let newest = ballots.reduce(.zero, max)
        if newest == .zero {
            self = .nothing
        } else if promised <= newest || ignoresPromises {
            self = .install(newest, isChosen: ballots.allSatisfy { $0 == newest })
        } else {
            self = .identity
        }
    }
}
