import StoreModel

/// Copies that nodes are asked for together: as many as fit one message to each.
struct HealBatch {
    /// In the order of the manifests.
    private(set) var copies: [(chunk: ChunkName, storageClass: StorageClass, homes: [NodeID])] = []
    private(set) var names: [NodeID: [ChunkName]] = [:]

    var isFull: Bool { self.names.values.contains { $0.count >= Limit.chunkNames } }

    mutating func add(_ chunk: ChunkName, as storageClass: StorageClass, _ homes: [NodeID]) {
        self.copies.append((chunk, storageClass, homes))
        for home in homes { self.names[home, default: []].append(chunk) }
    }
}

/// A chunk that is not on all of its homes.
struct Shortage: Hashable, Sendable {
    let chunk: ChunkName
    let storageClass: StorageClass
    /// How many of its homes have it.
    let holders: Int
}
