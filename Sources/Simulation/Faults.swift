import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization

/// Makes the cluster suffer as the plan says.
///
///     gentle: the network alone, a little   heavy: everything   then all is mended, for good
final class Faults: Sendable {
    struct State {
        var hasBegun = false
        var isHeavy = false
        var isOver = false
        /// Machines with a sync that has failed or will: they have to be restarted.
        var broken: [String] = []
    }

    let plan: FaultPlan
    let simulator: Simulator
    let network: SimulatedNetwork
    let members: [Member]
    let story: Story
    /// Starts a machine that is down.
    private let start: @Sendable (Member) -> Void
    let state = Mutex(State())

    init(
        _ plan: FaultPlan,
        _ simulator: Simulator,
        _ network: SimulatedNetwork,
        _ members: [Member],
        _ story: Story,
        start: @escaping @Sendable (Member) -> Void
    ) {
        self.plan = plan
        self.simulator = simulator
        self.network = network
        self.members = members
        self.story = story
        self.start = start
    }

    func draw<Value>(_ body: (inout SplitMix64) -> Value) -> Value {
        self.simulator.draw(body)
    }

    func sleep(microseconds: Int) async {
        await self.simulator.sleep(nanoseconds: UInt64(microseconds) * 1_000)
    }

    /// Lets the first part begin.
    func beginGently() {
        var faults = self.draw { self.plan.linkFaults(&$0) }
        faults.lossPermille /= 10
        faults.latePermille /= 4
        self.state.withLock { $0.hasBegun = true }
        self.network.setFaults(faults)
        self.story.tell("gentle part: \(faults)")
    }

    /// Lets the cluster form as it may: some machines crash while it does.
    func beginRoughly() {
        self.network.setFaults(self.draw { self.plan.linkFaults(&$0) })
        self.story.tell("a rough start")
        guard self.plan.has(.crashes) else { return }
        for member in self.members where self.draw({ $0.chance(permille: 500) }) {
            self.simulator.after(.milliseconds(self.draw { $0.number(in: 1...700) })) {
                self.crash(member)
            }
        }
    }

    /// One fault after another until `end`, in virtual nanoseconds.
    func rage(until end: UInt64) async {
        self.state.withLock { $0.isHeavy = true }
        let faults = self.draw { self.plan.linkFaults(&$0) }
        self.network.setFaults(faults)
        if self.plan.has(.slowDisks) {
            let slow = self.draw { $0.pick(self.members) }
            slow.machine.disk.adjust { $0.syncMicroseconds = 20_000...200_000 }
            self.story.tell("the disk of \(slow.name) is slow")
        }
        if self.plan.has(.fullDisks) {
            let full = self.draw { $0.pick(self.members) }
            full.machine.disk.adjust { $0.sizeBytes = 0 }
            self.story.tell("the disk of \(full.name) is full")
        }
        self.story.tell("heavy part: \(faults)")
        if self.plan.victimStandsBetween { self.splitOthers() }
        if self.plan.has(.turns) {
            self.simulator.doors().background.run { await self.takeTurns(until: end) }
        }
        if self.plan.has(.lostDisks) {
            self.simulator.doors().background.run { await self.loseDisk(until: end) }
        }
        let sudden: [FaultPlan.Kind] = [
            .cuts, .isolation, .clogs, .crashes, .blackouts, .brokenSyncs, .bitFlips, .pauses,
        ]
        let kinds = sudden.filter { self.plan.has($0) }
        while self.simulator.nanoseconds < end {
            await self.sleep(microseconds: self.draw { $0.number(in: self.plan.pauseMicroseconds) })
            guard self.simulator.nanoseconds < end, !kinds.isEmpty else { continue }
            self.strike(self.draw { $0.pick(kinds) })
        }
    }

    private func strike(_ kind: FaultPlan.Kind) {
        let member = self.draw { $0.pick(self.members) }
        switch kind {
        case .cuts:
            let other = self.draw { $0.pick(self.members) }
            self.network.cut(from: member.machine, to: other.machine)
            self.story.tell("cut from \(member.name) to \(other.name)")
            self.healLater()
        case .isolation:
            self.isolate(member)
            self.story.tell("\(member.name) is cut off")
            self.healLater()
        case .clogs:
            let other = self.draw { $0.pick(self.members) }
            let duration = self.draw { $0.number(in: 100...3_000) }
            self.network.clog(
                from: member.machine,
                to: other.machine,
                for: .milliseconds(duration)
            )
            self.story.tell("clogged from \(member.name) to \(other.name) for \(duration) ms")
        case .crashes: self.crash(member)
        case .blackouts:
            self.story.tell("blackout")
            for member in self.members { self.crash(member) }
        case .brokenSyncs:
            guard member.coordinator != nil else { return }
            if self.draw({ $0.chance(permille: 500) }) {
                member.machine.disk.failNextSync()
            } else {
                member.machine.engine.failNextSync()
            }
            self.state.withLock { $0.broken.append(member.name) }
            self.story.tell("a sync of \(member.name) will fail")
            self.simulator.after(.milliseconds(self.draw { $0.number(in: 100...1_500) })) {
                self.crash(member)
            }
        case .bitFlips:
            self.flipBit(of: self.victim)
        case .pauses:
            let duration = self.draw { $0.number(in: 50...2_500) }
            member.machine.pause(for: .milliseconds(duration))
            self.story.tell("\(member.name) stands still for \(duration) ms")
        case .loss, .duplicates, .lateness, .skew, .startingClocks, .slowDisks, .fullDisks,
            .turns, .lostDisks:
            break
        }
    }

    func healLater() {
        self.simulator.after(.milliseconds(self.draw { $0.number(in: 100...3_000) })) {
            guard !self.state.withLock({ $0.isOver }) else { return }
            self.network.heal()
            self.story.tell("cuts mended")
        }
    }

    func crash(_ member: Member) {
        guard !self.state.withLock({ $0.isOver }), member.crash(self.network) else { return }
        self.state.withLock { state in state.broken.removeAll { $0 == member.name } }
        self.story.tell("\(member.name) crashes")
        self.bringBackLater(member)
    }

    func bringBackLater(_ member: Member) {
        let down = self.draw { $0.number(in: self.plan.downMilliseconds) }
        self.simulator.after(.milliseconds(down)) {
            self.bringBack(member)
        }
    }

    func bringBack(_ member: Member) {
        guard !member.machine.isUp, !member.isScrapped else { return }
        let most = self.plan.skewMicroseconds
        let skew = self.draw { $0.number(in: -most...most) }
        if self.plan.has(.startingClocks) {
            // No battery: each life begins at the same instant, give or take a little.
            let elapsed = Int64(self.simulator.nanoseconds / 1_000)
            member.machine.restart(skewMicroseconds: Int64(skew % 100_000) - elapsed)
        } else {
            member.machine.restart(skewMicroseconds: self.plan.has(.skew) ? Int64(skew) : 0)
        }
        self.story.tell("\(member.name) is switched on")
        self.start(member)
    }

    /// Mends everything.
    func mend() {
        self.network.setFaults(.none)
        self.network.heal()
        self.story.tell("all is mended")
        let broken = self.state.withLock { state in
            state.isOver = true
            return state.broken
        }
        for member in self.members {
            if broken.contains(member.name) { _ = member.crash(self.network) }
            member.machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            self.bringBack(member)
        }
    }
}
