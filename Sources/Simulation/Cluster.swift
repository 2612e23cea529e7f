import Coordinator
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel

/// All nodes of a run, and the network between them.
final class Cluster: Sendable {
    let simulator: Simulator
    let network: SimulatedNetwork
    let members: [Member]
    let bucket: BucketName
    let story: Story
    private let keys: [ObjectKey]
    private let settings: CoordinatorSettings
    private let sabotage: AcceptorSabotage

    init(
        _ simulator: Simulator,
        nodes: Int,
        keys: Int,
        settings: CoordinatorSettings,
        sabotage: AcceptorSabotage,
        story: Story
    ) {
        self.simulator = simulator
        self.network = SimulatedNetwork(simulator)
        self.members = (1...nodes).map { number in
            Member(simulator.machine("n\(number)"), zone: "z\(number)")
        }
        guard let bucket = BucketName("bucket") else { preconditionFailure("a name by the rules") }
        self.bucket = bucket
        self.keys = (0..<keys).map { number in
            guard let key = ObjectKey("k\(number)") else {
                preconditionFailure("a key is not empty")
            }
            return key
        }
        self.settings = settings
        self.sabotage = sabotage
        self.story = story
    }

    func name(_ key: Int) -> ObjectName { ObjectName(self.bucket, self.keys[key]) }

    func start(_ member: Member) {
        member.start(
            in: self.network,
            seeds: self.members.map(\.address),
            settings: self.settings,
            sabotage: self.sabotage,
            story: self.story
        )
    }

    @Sendable static func firstLayout(_ nodes: [LayoutNode]) -> LayoutRecord {
        do {
            return try LayoutPlan.first(nodes: nodes)
        } catch { preconditionFailure("no layout for \(nodes): \(error)") }
    }

    /// Waits until all nodes are ready.
    ///
    /// False if they are not in time.
    func waitUntilReady(within limit: Duration) async -> Bool {
        for _ in 0..<(Int(limit.components.seconds) * 10) {
            if self.members.allSatisfy({ $0.coordinator != nil }) { return true }
            await self.simulator.sleep(nanoseconds: 100_000_000)
        }
        return false
    }

    /// Lets go of all memory that tasks of crashed machines would keep alive.
    func drop() {
        self.network.drop()
        for member in self.members {
            member.machine.disk.wipe()
            member.machine.engine.wipe()
        }
    }
}
