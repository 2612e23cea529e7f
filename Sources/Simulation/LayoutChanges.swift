import Coordinator
import Placement
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Synchronization

/// Which changes of the layout a run sees while clients are at work.
package struct LayoutChanges: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A new machine joins.
        case add
        /// A machine leaves.
        case remove
        /// A new machine takes the place of one that is well.
        case swap
        /// A machine loses its disk, starts empty, and takes its own place.
        case replace
    }

    package var kinds: [Kind]
    /// Pause between two changes, in microseconds.
    package var pauseMicroseconds: ClosedRange<Int>
    /// Of 1,000 machines that have left, so many are scrapped at once; the others go on to serve
    /// clients.
    package var scrapPermille = 500
    /// Whether changes are carried out by nodes that stay, and not by just any.
    package var asksStayers = false

    package init(kinds: [Kind], pauseMicroseconds: ClosedRange<Int>) {
        self.kinds = kinds
        self.pauseMicroseconds = pauseMicroseconds
    }

    /// As Swift.
    var source: String {
        let kinds = self.kinds.map { ".\($0.rawValue)" }.joined(separator: ", ")
        return "LayoutChanges(kinds: [\(kinds)], pauseMicroseconds: \(self.pauseMicroseconds))"
    }

    /// Draws them.
    init(_ random: inout SplitMix64) {
        let kinds = Kind.allCases.filter { _ in random.chance(permille: 600) }
        let shortest = random.pick([50_000, 300_000, 1_000_000])
        self.init(
            kinds: kinds.isEmpty ? [.replace] : kinds,
            pauseMicroseconds: shortest...(shortest * 4)
        )
    }
}

/// Changes the layout of a cluster again and again, as an operator would.
///
/// One change at a time: before a machine is taken away, the one before has been made up for.
/// Whoever carries a change out may crash in the middle; then another node is asked to.
final class LayoutChanger: Sendable {
    /// Nodes of the layout, at least: with fewer replicas nothing could be lost.
    private static let nodesMin = 3
    /// Machines, at most.
    private static let machinesMax = 9
    /// Attempts to have one change carried out.
    private static let attemptsMax = 200

    private let plan: LayoutChanges
    private let cluster: Cluster
    private let history: History
    private let doneCount = Mutex(0)
    private let lacking = Mutex(false)

    init(_ plan: LayoutChanges, _ cluster: Cluster, _ history: History) {
        self.plan = plan
        self.cluster = cluster
        self.history = history
    }

    /// Changes that have been carried out.
    var done: Int { self.doneCount.withLock { $0 } }

    /// Whether a machine has lost its disk, and nobody has taken its place yet.
    var lacksCopies: Bool { self.lacking.withLock { $0 } }

    private var simulator: Simulator { self.cluster.simulator }

    private func sleep(_ milliseconds: UInt64) async {
        await self.simulator.sleep(nanoseconds: milliseconds * 1_000_000)
    }

    /// Begins changes until `end`, in virtual nanoseconds; the last may end later.
    func work(until end: UInt64) async {
        while self.simulator.nanoseconds < end {
            let pause = self.simulator.draw { $0.number(in: self.plan.pauseMicroseconds) }
            await self.simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
            guard self.simulator.nanoseconds < end else { return }
            await self.change(self.simulator.draw { $0.pick(self.plan.kinds) })
        }
    }

    private func change(_ kind: LayoutChanges.Kind) async {
        let inside = self.cluster.members.filter { $0.isMember }
        let mayGrow = self.cluster.members.count < Self.machinesMax
        let member = self.simulator.draw { $0.pick(inside) }
        switch kind {
        case .add where mayGrow:
            if let node = await self.newcomer() { await self.carryOut(.add(node)) }
        case .remove where inside.count > Self.nodesMin:
            guard let id = member.id else { return }
            member.isMember = false
            await self.carryOut(.remove(id))
            self.scrap(member)
        case .swap where mayGrow:
            guard let id = member.id, let node = await self.newcomer() else { return }
            member.isMember = false
            await self.carryOut(.replace(id, by: node))
            self.scrap(member)
        case .replace where inside.count >= Self.nodesMin:
            guard let id = member.id else { return }
            self.lacking.withLock { $0 = true }
            if let node = await self.emptied(member) {
                await self.carryOut(.replace(id, by: node))
                self.lacking.withLock { $0 = false }
            }
        case .add, .remove, .swap, .replace: break
        }
    }

    /// Takes a machine that has left away, with all that it has: nothing may need it any more.
    private func scrap(_ member: Member) {
        guard self.simulator.draw({ $0.chance(permille: self.plan.scrapPermille) }) else { return }
        member.scrap()
        _ = member.crash(self.cluster.network)
        member.wipe()
        self.cluster.story.tell("\(member.name) is scrapped")
    }

    /// A new machine that waits to be made a member.
    private func newcomer() async -> LayoutNode? {
        let member = self.cluster.addMember()
        self.cluster.story.tell("\(member.name) is new")
        return await self.description(of: member, other: nil)
    }

    /// A machine after it has lost its disk: a new node under an old name.
    private func emptied(_ member: Member) async -> LayoutNode? {
        let former = member.id
        _ = member.crash(self.cluster.network)
        member.wipe()
        self.cluster.story.tell("\(member.name) has lost its disk")
        await self.sleep(UInt64(self.simulator.draw { $0.number(in: 10...1_000) }))
        return await self.description(of: member, other: former)
    }

    private func description(of member: Member, other former: NodeID?) async -> LayoutNode? {
        for _ in 0..<Self.attemptsMax {
            if !member.machine.isUp {
                member.machine.restart()
                self.cluster.start(member)
            }
            if let node = member.node, node.id != former { return node.description }
            await self.sleep(50)
        }
        self.history.report(Violation(.noProgress, "\(member.name) does not start"))
        return nil
    }

    private func carryOut(_ change: MembershipChange) async {
        self.cluster.story.tell("\(change)")
        for _ in 0..<Self.attemptsMax {
            let ready = self.cluster.members.filter { member in
                member.coordinator != nil && (member.isMember || !self.plan.asksStayers)
            }
            guard !ready.isEmpty else {
                await self.sleep(100)
                continue
            }
            let member = self.simulator.draw { $0.pick(ready) }
            guard let coordinator = member.coordinator else { continue }
            let result: Result<LayoutRecord, ClusterError>? = await member.machine.perform {
                do throws(ClusterError) {
                    return .success(try await coordinator.changeLayout(change))
                } catch { return .failure(error) }
            }
            switch result {
            case .success(let layout)?:
                self.cluster.story.tell("\(change): done, epoch \(layout.epoch)")
                self.doneCount.withLock { $0 += 1 }
                return
            case .failure(let error)?: self.cluster.story.tell("\(change): \(error)")
            case nil: self.cluster.story.tell("\(change): \(member.name) crashed")
            }
            await self.sleep(200)
        }
        self.history.report(Violation(.noProgress, "\(change) cannot be carried out"))
    }
}

extension Inspection {
    private var newestLayout: Layout? {
        let layouts = self.cluster.members.compactMap { $0.node?.layouts.layout }
        return layouts.max { $0.epoch < $1.epoch }
    }

    var isLayoutJoint: Bool { self.newestLayout?.isJoint == true }

    /// All nodes act by one layout, and it is stable.
    func checkLayouts() {
        let newest = self.newestLayout
        if let newest, newest.isJoint {
            self.history.report(
                Violation(.noProgress, "the layout of epoch \(newest.epoch) is joint for ever")
            )
        }
        for member in self.cluster.members {
            guard let layout = member.node?.layouts.layout, let newest else { continue }
            if layout.epoch == newest.epoch, layout != newest {
                self.history.report(
                    Violation(.noProgress, "two layouts of epoch \(layout.epoch)")
                )
            }
        }
    }
}
