package import Coordinator
package import Register
package import Runtime
import SimulatedRuntime
import StoreModel

/// What a run is made of.
package struct Scenario: Sendable {
    package var seed: UInt64
    package var nodes: Int
    package var faults: FaultPlan
    package var workload: Workload
    package var sabotage: Sabotage
    package var acceptorSabotage: AcceptorSabotage
    package var nodeSabotage: NodeSabotage
    /// Whether wall clocks disagree from the start, not only after crashes.
    package var skewsFromStart: Bool
    /// Longest wait for a replica's answer about a register.
    package var registerTimeout: Duration
    /// How long tombstones stay, if they are erased soon.
    package var tombstoneAge: Duration
    /// Whether tombstones are erased soon after they are there.
    package var erasesSoon: Bool
    /// Whether messages are lost and machines crash before there is a layout.
    package var formsUnderFire: Bool
    /// Whether holds are audited all the time, also those of operations under way.
    package var audits: Bool
    /// Versions that hold one manifest before a child is made: few, so that there are children.
    package var versionHolders: Int
    /// Segments of so many bytes are the tail of their row: few, so that there are tails.
    package var tailBytes: Int
    /// Whether the nodes' own audits leave alone what is under way.
    package var auditSpares: Bool
    /// Steps at which work is held up, in the first two parts.
    package var holdUps: [RareStep: HoldUp]
    /// Pause between two sweeps of a node while clients are at work, on average; nil for what is
    /// usual.
    package var sweepPause: Duration?
    /// The same for audits.
    package var auditPause: Duration?
    /// How long dropped content is kept for readers.
    package var releaseGrace: Duration
    /// Changes of the layout under load; nil for none.
    package var layoutChanges: LayoutChanges?
    /// Attempts that a change loses before it is forwarded; 0 forwards every change.
    package var forwardAfter: Int
    /// Whether a run goes on until content is where it should be, and nowhere else.
    package var tidies: Bool
    /// Length of each of the three parts, in virtual time.
    package var part: Duration

    /// All of it drawn from the seed.
    package init(seed: UInt64) {
        var random = SplitMix64(seed: seed ^ 0x7472_696F_6C65_7400)
        self.seed = seed
        self.nodes = random.pick([3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 1, 2])
        self.faults = FaultPlan(&random)
        self.workload = Workload(&random)
        self.audits = random.chance(permille: 400)
        self.formsUnderFire = random.chance(permille: 300)
        self.erasesSoon = random.chance(permille: 250)
        self.versionHolders = random.pick([1, 2, 3, Limit.versionHolders])
        self.tailBytes = Limit.tailBytes
        self.forwardAfter = 3
        self.sabotage = []
        self.acceptorSabotage = []
        self.nodeSabotage = []
        self.skewsFromStart = self.faults.has(.skew) && random.chance(permille: 500)
        self.registerTimeout = .milliseconds(500)
        self.tombstoneAge = .milliseconds(150)
        self.auditSpares = true
        self.holdUps = [:]
        self.releaseGrace = .seconds(1)
        self.tidies = true
        self.part = .seconds(3)
        self.workload.weights.append((.upload, random.pick([0, 0, 20, 60])))
        self.drawTails()
        self.drawForwarding()
        self.drawPatience()
        self.drawRenames()
        self.drawLayoutChanges()
        var rare = SplitMix64(seed: seed ^ 0x7261_7265_0000_0001)
        self.holdUps = HoldUp.draw(&rare)
    }

    /// In some runs clients go away in the middle of copies.
    ///
    /// Drawn apart, so that the other runs stay as they are.
    private mutating func drawPatience() {
        var random = SplitMix64(seed: self.seed ^ 0x7061_7469_656E_6365)
        self.workload.givingUpPermille = random.pick([0, 200, 600])
    }

    /// In some runs objects are renamed.
    ///
    /// Drawn apart, so that the other runs stay as they are.
    private mutating func drawRenames() {
        var random = SplitMix64(seed: self.seed ^ 0x7265_6E61_6D65_0000)
        let weight = random.pick([0, 0, 0, 10, 40])
        if weight > 0 { self.workload.weights.append((.rename, weight)) }
    }

    /// A run is 40 bytes long: in most runs all manifests with segments have tails, in some those
    /// of two runs or more.
    private mutating func drawTails() {
        var random = SplitMix64(seed: self.seed ^ 0x7461_696C_7300_0000)
        self.tailBytes = random.pick([40, 40, 40, 80, Limit.tailBytes])
    }

    /// Drawn apart, so that the other runs stay as they are.
    private mutating func drawLayoutChanges() {
        var random = SplitMix64(seed: self.seed ^ 0x6C61_796F_7574_0002)
        if self.nodes >= 3, random.chance(permille: Self.layoutPermille) { self.changeLayouts() }
    }

    /// Of 1,000 seeds with three nodes or more, so many change the layout.
    private static let layoutPermille = 200

    /// Some coordinators forward all their changes, and some keys have a crowd around them.
    ///
    /// Drawn apart, so that the other runs stay as they are.
    private mutating func drawForwarding() {
        var random = SplitMix64(seed: self.seed ^ 0x666F_7277_6172_6400)
        self.forwardAfter = random.pick([0, 1, 3, 3])
        guard random.chance(permille: 200) else { return }
        self.workload.clients = 6
        self.workload.keys = 2
        self.workload.pauseMicroseconds = min(self.workload.pauseMicroseconds, 80_000)
    }

    private mutating func change(_ changes: LayoutChanges) {
        self.layoutChanges = changes
        // Whoever takes a replica away makes sure that the others are whole.
        let kinds = self.faults.kinds.filter { $0 != .lostDisks && $0 != .bitFlips }
        if kinds != self.faults.kinds { self.faults.kinds = kinds }
    }

    /// Has the layout change, whatever the seed says.
    package mutating func changeLayouts() {
        var random = SplitMix64(seed: self.seed ^ 0x6C61_796F_7574_0001)
        self.nodes = max(3, self.nodes)
        self.change(LayoutChanges(&random))
    }
}
