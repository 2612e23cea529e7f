import Placement
import StoreModel

extension Layout {
    /// The nodes that are to have a chunk, best first; in a joint layout those of the latter sets.
    ///
    /// Others may have it for a while: they stood in for a node that was away, or were its homes
    /// before.
    func homes(of chunk: ChunkName, as storageClass: StorageClass) -> [NodeID] {
        let set = self.quorumSets(of: chunk.partition).last ?? []
        return Array(set.prefix(storageClass.replicas))
    }
}
