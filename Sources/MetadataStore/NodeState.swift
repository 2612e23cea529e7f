import StoreModel

/// What a node keeps in memory of its own rows.
struct NodeState: Sendable {
    var layout: LayoutRecord?
    /// The epoch under which requests are carried out; that of ``layout``, or already the next
    /// while the next is being made durable.
    var epoch: UInt64 = 0
    /// Partitions that the node has joined and whose floors it has not been told.
    var joining: Set<PartitionID> = []
    /// The least generation that accepts must carry, by bucket; 16 bytes for each bucket ever
    /// deleted.
    private(set) var fences: [BucketID: UInt64] = [:]

    /// What erased rows have left; 20 bytes for each partition and sort of register.
    private(set) var floors: [FloorDomain: Ballot] = [:]
    /// Nothing in this round or above has ever been promised here.
    private(set) var ceiling = PromiseCeiling(round: 0)
    /// The newest start seen of each other node, at most ``Limit/nodes``.
    private(set) var starts: [NodeID: NodeStart] = [:]
    /// The newest starts on the node's own directory.
    var ownStarts = OwnStarts()
    /// Keys of rows found damaged and not repaired yet, at most ``damagedMax``.
    private(set) var damaged: Set<[UInt8]> = []

    /// Damaged rows remembered; more are found again when they are asked for.
    static let damagedMax = 1_000

    /// A floor is only ever raised.
    mutating func raiseFloor(of domain: FloorDomain, to ballot: Ballot) {
        self.floors[domain] = max(self.floors[domain] ?? .zero, ballot)
    }

    mutating func raiseCeiling(to ceiling: PromiseCeiling) {
        self.ceiling = PromiseCeiling(round: max(self.ceiling.round, ceiling.round))
    }

    mutating func note(_ start: NodeStart, of node: NodeID) { self.starts[node] = start }

    mutating func noteDamage(of row: [UInt8]) {
        if self.damaged.count < Self.damagedMax { self.damaged.insert(row) }
    }

    mutating func forgetDamage(of row: [UInt8]) { self.damaged.remove(row) }

    /// A fence is only ever raised.
    mutating func raiseFence(of bucket: BucketID, to generation: UInt64) {
        self.fences[bucket] = max(self.fences[bucket] ?? 0, generation)
    }
}

/// The value of a fence's row.
struct Fence: Hashable, Sendable, BinaryRecord {
    let generation: UInt64

    init(generation: UInt64) { self.generation = generation }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.generation = try reader.read()
    }

    func encode(into writer: inout ByteWriter) { writer.write(self.generation) }
}

/// The registers that share a floor: those of a partition, its manifests apart.
///
///     partition u16 | u8, 1 for manifests
///
/// Rounds of manifests do not follow the clock: under the floor of objects hardly one could be
/// created any more. Source: docs/protocol/registers.md, "Erasing tombstones".
struct FloorDomain: Hashable, Sendable, BinaryRecord {
    let partition: PartitionID
    let isManifests: Bool

    init(_ partition: PartitionID, isManifests: Bool) {
        self.partition = partition
        self.isManifests = isManifests
    }

    init(_ key: RegisterKey) {
        self.partition = key.partition
        if case .manifest = key { self.isManifests = true } else { self.isManifests = false }
    }

    init(from reader: inout ByteReader) throws(RecordError) {
        self.partition = try PartitionID(from: &reader)
        self.isManifests = try reader.readBool()
    }

    func encode(into writer: inout ByteWriter) {
        self.partition.encode(into: &writer)
        writer.write(self.isManifests)
    }
}

/// A round that no promise of this node has reached, durable before any promise comes near.
///
/// What a damaged row had promised is unknown, but it was below this. Rounds follow the clock in
/// microseconds, so with a step of a second ahead the ceiling is written about once a second, in
/// the batch of the promise that needs it.
struct PromiseCeiling: Hashable, Sendable, BinaryRecord {
    /// Rounds that a new ceiling is above the promise that needs it.
    static let step: UInt64 = 1_000_000

    let round: UInt64

    init(round: UInt64) { self.round = round }

    /// The next ceiling for a promise in that round.
    init(above round: UInt64) { self.round = round + Self.step }

    init(from reader: inout ByteReader) throws(RecordError) { self.round = try reader.read() }

    func encode(into writer: inout ByteWriter) { writer.write(self.round) }
}
