import SimulatedRuntime
import StoreModel

/// What clients do in a run, drawn from its seed.
package struct Workload: Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case put, get, head, delete, copy, list, deleteBucket
        /// One step of a multipart upload.
        case upload
        /// In no run unless asked for (``Scenario/keepVersions()``).
        case setVersioning, deleteVersion
        /// Within pairs of keys: 0 and 1, 2 and 3, …
        case rename
    }

    package var clients = 4
    package var keys = 4
    /// Further keys, written in the heavy part alone: what that does to them has to be healed.
    package var restingKeys = 2
    package var allKeys: Int { self.keys + self.restingKeys }
    /// Longest pause between two operations of a client, in microseconds.
    package var pauseMicroseconds = 300_000
    /// How often each kind comes, relative to the others; in this order when drawn.
    package var weights: [(kind: Kind, weight: Int)] = [
        (.put, 35), (.get, 20), (.head, 5), (.delete, 10), (.copy, 22), (.list, 8),
        (.deleteBucket, 0),
    ]
    /// Of 1,000 writes, so many have a condition.
    package var conditionPermille = 200
    /// Of 1,000 conditions, so many are that there is nothing.
    package var absentPermille = 500
    /// A condition names one of so many that were last written or read.
    package var namedLately = 6
    /// Bodies of more than one chunk, at most; they take time.
    package var largeBodies = 2
    /// Of 1,000 bodies that are not large, so many have chunks.
    package var chunkedPermille = 350

    /// Of 1,000 objects, so many are of the reduced class.
    package var reducedPermille = 200
    /// Of 1,000 operations on a key, so many go through the machine that is the key's own.
    package var ownPermille = 0
    /// Longest pause of a client between two pieces of a body, in microseconds.
    package var bodyPauseMicroseconds = 0

    /// Of 1,000 copies, so many are given up in the middle by whoever asked for them.
    package var givingUpPermille = 0
    /// Of 100 steps of uploads, so many abort one, instead of completing it.
    package var abortPercent = 7

    package init() {}

    init(_ random: inout SplitMix64) {
        self.clients = random.number(in: 2...6)
        self.keys = random.number(in: 2...5)
        self.pauseMicroseconds = random.pick([150_000, 400_000, 800_000])
        self.conditionPermille = random.pick([0, 150, 400])
        self.chunkedPermille = random.pick([100, 350, 700])
        self.largeBodies = random.pick([0, 0, 1, 2])
        self.ownPermille = random.pick([0, 0, 500, 900])
        self.bodyPauseMicroseconds = random.pick([0, 0, 0, 100_000])
        let copies = random.pick([10, 25, 60])
        let deletes = random.pick([5, 10, 25])
        let buckets = random.pick([0, 0, 0, 3])
        self.weights = [
            (.put, 35), (.get, 20), (.head, 5), (.delete, deletes), (.copy, copies), (.list, 8),
            (.deleteBucket, buckets),
        ]
    }

    var hasUploads: Bool { self.weights.contains { $0.kind == .upload && $0.weight > 0 } }

    /// The key that a key's object may be renamed to, in runs where that is done.
    func partner(of key: Int) -> Int? {
        guard self.weights.contains(where: { $0.kind == .rename && $0.weight > 0 }),
            key < self.keys, key ^ 1 < self.keys
        else { return nil }
        return key ^ 1
    }

    var keepsVersions: Bool { self.weights.contains { $0.kind == .setVersioning && $0.weight > 0 } }

    var deletesBuckets: Bool { self.weights.contains { $0.kind == .deleteBucket && $0.weight > 0 } }

    func kind(_ random: inout SplitMix64) -> Kind {
        let total = self.weights.reduce(0) { $0 + $1.weight }
        var ticket = random.number(in: 0...(total - 1))
        for (kind, weight) in self.weights {
            ticket -= weight
            if ticket < 0 { return kind }
        }
        return .get
    }

    /// A size of a body that is inline, or one chunk.
    func size(_ random: inout SplitMix64) -> Int {
        guard random.chance(permille: self.chunkedPermille) else {
            return random.pick([0, 1, 100, 5_000, Limit.inlineBytes])
        }
        return random.pick([
            Limit.inlineBytes + 1, 40_000, Limit.blockBytes, Limit.blockBytes + 1, 300_000,
        ])
    }

    /// A size of a body of two chunks.
    func largeSize(_ random: inout SplitMix64) -> Int {
        Limit.chunkBytes + random.number(in: 1...300_000)
    }

    /// No body has chunks: nothing is uploaded in parts, nor put to rest.
    mutating func keepInline() {
        self.restingKeys = 0
        self.chunkedPermille = 0
        self.largeBodies = 0
        self.weights.removeAll { $0.kind == .upload }
    }
}
