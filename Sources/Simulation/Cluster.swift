import Coordinator
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Synchronization

/// All nodes of a run, and the network between them.
final class Cluster: Sendable {
    let simulator: Simulator
    let network: SimulatedNetwork
    private let joined: Mutex<[Member]>
    let bucket: BucketName
    let story: Story
    private let keys: [ObjectKey]
    private let settings: CoordinatorSettings
    /// What newcomers are held up at.
    private let holdsUp = Mutex<HoldsUp?>(nil)
    private let sabotage: (acceptor: AcceptorSabotage, node: NodeSabotage)

    init(
        _ simulator: Simulator,
        _ scenario: Scenario,
        settings: CoordinatorSettings,
        story: Story
    ) {
        self.simulator = simulator
        self.network = SimulatedNetwork(simulator)
        self.joined = Mutex(
            (1...scenario.nodes).map { number in
                Member(simulator.machine("n\(number)"), zone: "z\(number)")
            }
        )
        guard let bucket = BucketName("bucket") else { preconditionFailure("a name by the rules") }
        self.bucket = bucket
        self.keys = (0..<scenario.workload.allKeys).map { number in
            // Two of three keys share a prefix with their neighbour.
            let text = number % 3 == 2 ? "k\(number)" : "g\(number / 3)/\(number)"
            guard let key = ObjectKey(text) else { preconditionFailure("a key is not empty") }
            return key
        }
        self.settings = settings
        self.sabotage = (scenario.acceptorSabotage, scenario.nodeSabotage)
        self.story = story
        for member in self.all {
            scenario.nodeSabotage.spoil(member.machine)
            guard scenario.skewsFromStart else { continue }
            let most = min(3_000_000, scenario.faults.skewMicroseconds)
            let skew = simulator.draw { $0.number(in: -most...most) }
            member.machine.crash()
            member.machine.restart(skewMicroseconds: Int64(skew))
        }
    }

    /// All machines, also those that must not serve any more, and those that wait to become members
    /// or have left.
    var all: [Member] { self.joined.withLock { $0 } }

    /// Those that may serve.
    var members: [Member] { self.all.filter { !$0.isRetired && !$0.isScrapped } }

    /// Has all machines held up at rare steps, also those that come later.
    func holdUp(_ holdsUp: HoldsUp?) {
        self.holdsUp.withLock { $0 = holdsUp }
        for member in self.all { holdsUp?.hold(member) ?? member.machine.holdUp(nil) }
    }

    /// Starts one more machine, which waits to be made a member.
    func addMember() -> Member {
        let number = self.all.count + 1
        let member = Member(self.simulator.machine("n\(number)"), zone: "z\(number)")
        self.holdsUp.withLock { $0 }?.hold(member)
        self.joined.withLock { $0.append(member) }
        self.start(member)
        return member
    }

    func name(_ key: Int) -> ObjectName { ObjectName(self.bucket, self.keys[key]) }

    func start(_ member: Member) {
        member.start(
            in: self.network,
            seeds: self.all.map(\.address),
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

    /// Ends all tasks, and lets go of what they have held.
    ///
    /// - Precondition: the run is over.
    /// - Returns: what is left, as soon as nobody else has the cluster any more.
    func end() -> Remains {
        for member in self.all { member.detach() }
        let remains = Remains(of: self, tasks: self.simulator.unwind())
        self.network.drop()
        self.holdUp(nil)
        return remains
    }
}

/// Has the work of a machine held up at rare steps.
struct HoldsUp: Sendable {
    let faults: Faults
    let plan: [RareStep: HoldUp]

    func hold(_ member: Member) {
        member.machine.holdUp { [faults, plan] step in
            await faults.reach(step, at: member, plan)
        }
    }
}
