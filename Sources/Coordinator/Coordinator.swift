import Content
package import PeerProtocol
package import Placement
import Register
package import Runtime
package import StoreModel

/// Answers clients: drives reads, writes and copies over the replicas of the whole cluster.
///
/// Holds no durable state, and nothing that another coordinator must know. A class since it has so
/// many parts: they would be retained one by one for each step of each request.
package final class Coordinator: ObjectStore {
    package let settings: CoordinatorSettings
    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let ballots: BallotSource
    let proposer: RegisterProposer<ClusterReplicas>
    let writer: RegisterWriter
    let forwarder: ChangeForwarder
    /// Makes the changes that other nodes ask this one for.
    package let receiver: ChangeReceiver
    let chunks: ChunkReplicas
    let healing: Healing
    let manifests: ManifestKeeper
    let undertakings: Undertakings
    let uploads: ByteBudget
    let hints = BucketHints()
    let instruments: CoordinatorInstruments
    let copies: CopyTable
    let eraseMarker = SweepMarker()
    let garbageMarker = SweepMarker()
    let auditMemory = AuditMemory()
    let segmentLists = SegmentLists()

    /// Composes a coordinator for the node that `network` calls its own.
    ///
    /// `undertakings` is where that node answers from when it is asked what is under way here.
    package init(
        network: LoopbackNetwork,
        layouts: LayoutHolder,
        doors: Doors,
        ballots: BallotSource,
        settings: CoordinatorSettings,
        undertakings: Undertakings = Undertakings()
    ) {
        let caller = PeerCaller(network: network, layouts: layouts)
        let instruments = CoordinatorInstruments()
        let health = NodeHealth(time: doors.time, suspicion: settings.suspicion)
        self.settings = settings
        self.caller = caller
        self.layouts = layouts
        self.doors = doors
        self.ballots = ballots
        self.proposer = RegisterProposer(
            replicas: ClusterReplicas(
                caller: caller,
                layouts: layouts,
                doors: doors,
                ballots: ballots,
                settings: settings,
                instruments: instruments,
                tails: KnownTails(leastBytes: settings.tailBytes),
                readOrder: ReadOrder(
                    own: caller.own,
                    health: health,
                    slow: NodeHealth(time: doors.time, suspicion: settings.suspicion)
                ),
                health: health,
                silence: SilenceAlarm(after: settings.readSilence, doors: doors)
            ),
            absenceTrust: min(.seconds(60), settings.tombstoneAge / 2)
        )
        self.writer = RegisterWriter(
            proposer: self.proposer,
            doors: doors,
            settings: settings,
            instruments: instruments
        )
        self.forwarder = ChangeForwarder(
            caller: caller,
            layouts: layouts,
            health: health,
            doors: doors,
            settings: settings,
            instruments: instruments,
            incarnation: ballots.incarnation
        )
        self.manifests = ManifestKeeper(
            writer: self.writer,
            caller: caller,
            layouts: layouts,
            doors: doors,
            ballots: ballots,
            undertakings: undertakings,
            settings: settings
        )
        self.undertakings = undertakings
        self.healing = Healing(ChunkRepairs(self.manifests, instruments))
        self.receiver = ChangeReceiver(
            incarnation: ballots.incarnation,
            manifests: self.manifests,
            layouts: layouts,
            doors: doors,
            settings: settings,
            starts: self.forwarder.starts,
            healing: self.healing,
            instruments: instruments
        )
        self.chunks = ChunkReplicas(
            caller: caller,
            layouts: layouts,
            doors: doors,
            health: health,
            left: LeftWrites(caller: caller, health: health, doors: doors, settings),
            repairs: self.healing.repairs,
            settings: settings,
            instruments: instruments
        )
        self.instruments = instruments
        self.copies = CopyTable(doors, instruments)
        self.uploads = ByteBudget(bytes: settings.uploadBytes)
        // A node that starts again may be asked for something before it has joined again.
        if let index = layouts.layout?.index(of: network.own) { ballots.become(node: index) }
    }

    /// The layout in force; nil before the first.
    package var layout: LayoutRecord? { self.layouts.layout?.record }

    /// How its changes of registers were made since it started.
    package var writeCounts: WriteCounts { self.instruments.writes.value }

    func newVersion() -> VersionID {
        VersionID(high: self.doors.random.next(), low: self.doors.random.next())
    }

    /// Reads one register, as evidence or for an answer.
    func read(
        _ key: RegisterKey,
        generation: UInt64 = 0,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> RegisterState {
        do throws(RegisterError) {
            return try await self.proposer.read(
                key,
                generation: generation,
                deadline: self.settings.changeDeadline
            )
        } catch { throw ClusterError(error, operation()) }
    }
}

extension ClusterError {
    /// What a register's error means for the operation that met it.
    init(_ error: RegisterError, _ operation: String) {
        switch error {
        case .unavailable(let needed, let answered, let mayHaveHappened):
            self.init(
                mayHaveHappened ? .outcomeUnknown : .quorumUnavailable,
                operation,
                facts: ["needed": "\(needed)", "answered": "\(answered)"]
            )
        case .contended: self.init(.busy, operation, cause: error)
        case .unknownOutcome: self.init(.outcomeUnknown, operation, cause: error)
        case .fenced: self.init(.bucketNotFound, operation, cause: error)
        case .damaged: self.init(.internalError, operation, cause: error)
        case .noLayout: self.init(.notReady, operation)
        }
    }
}
