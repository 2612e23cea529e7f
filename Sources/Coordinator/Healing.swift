import StoreModel
import Synchronization

/// What the healing of one node remembers between its rounds.
final class Healing: Sendable {
    struct State: Sendable {
        var heal = HealStatus()
        var scrub = ScrubStatus()
        /// Somebody wants a round now.
        var isRoundWanted = false
        /// Somebody wants a pass of the scrub now, from the beginning.
        var isPassWanted = false
        /// Rows of the own node are to be compared now.
        var isComparisonWanted = false
        /// The nodes that answered when they were last looked for, this one included.
        var up: Set<NodeID> = []
        /// Newest starts of other members that this node was told of, as incarnations.
        var starts: [NodeID: UInt32] = [:]
        /// Classes of manifests whose chunks are here: they never change.
        var classes: [ManifestID: StorageClass] = [:]
    }

    /// Most classes remembered; they are looked up again after that.
    private static let classesMax = 65_536

    let repairs: ChunkRepairs
    private let state = Mutex(State())

    init(_ repairs: ChunkRepairs) { self.repairs = repairs }

    func update<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        self.state.withLock { body(&$0) }
    }

    /// A member has started: while it was away, nobody could give it what it is to have.
    ///
    /// It may have been away too shortly for anybody to see.
    func noticed(_ incarnation: UInt32, of node: NodeID) {
        self.update { state in
            guard state.starts[node] ?? 0 < incarnation else { return }
            state.starts[node] = incarnation
            state.isRoundWanted = true
        }
    }

    func storageClass(of manifest: ManifestID) -> StorageClass? {
        self.state.withLock { $0.classes[manifest] }
    }

    func remember(_ storageClass: StorageClass, of manifest: ManifestID) {
        self.state.withLock { state in
            if state.classes.count >= Self.classesMax { state.classes = [:] }
            state.classes[manifest] = storageClass
        }
    }
}

extension Coordinator {
    /// How healing stands.
    package var healStatus: HealStatus {
        var status = self.healing.update { $0.heal }
        self.healing.repairs.report(into: &status)
        return status
    }

    /// How the scrub of chunks stands.
    package var scrubStatus: ScrubStatus { self.healing.update { $0.scrub } }

    /// Asks for a round of healing now.
    ///
    /// - Returns: false if one is under way already: that one goes on, and another follows.
    package func startRepair() -> Bool {
        self.healing.update { state in
            state.isRoundWanted = true
            return !state.heal.isRunning
        }
    }

    /// Asks for a pass of the scrub from the beginning, at full speed.
    ///
    /// - Returns: false if such a pass is under way already: it begins again.
    package func startScrub() -> Bool {
        self.healing.update { state in
            defer { (state.isPassWanted, state.scrub.isForced) = (true, true) }
            return !state.scrub.isForced
        }
    }
}
