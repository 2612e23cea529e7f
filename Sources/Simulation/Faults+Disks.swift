import Runtime
import SimulatedRuntime
import StorageNode
import Synchronization

extension Faults {
    /// The machine whose copies may go bad: always the same, so that there are never two bad
    /// copies.
    var victim: Member { self.members[Int(self.simulator.seed % UInt64(self.members.count))] }

    /// Whether nobody works through the machine, and nothing is held up there.
    func isIdle(_ member: Member) -> Bool {
        self.plan.victimStandsBetween && member.name == self.victim.name
    }

    /// Cuts all links between machines but those of the victim.
    func splitOthers() {
        let others = self.members.filter { $0.name != self.victim.name }
        for (source, target) in others.flatMap({ source in others.map { (source, $0) } })
        where source.name != target.name {
            self.network.cut(from: source.machine, to: target.machine)
        }
        self.story.tell("all but \(self.victim.name) are cut off from each other")
    }

    /// Turns a bit of a chunk where there is another copy, or of a row where a majority of others
    /// knows it.
    func flipBit(of victim: Member) {
        guard self.members.count > 1 else { return }
        if self.members.count > 2, self.draw({ $0.chance(permille: 500) }) {
            guard let family = victim.machine.engine.flipBit() else { return }
            self.story.tell("a bit of a row of \(victim.name) has turned, family \(family)")
        } else if let file = victim.machine.disk.flipBit() {
            self.story.tell("a bit of \(victim.name)/\(file) has turned")
        }
    }

    /// Turns a bit of the row that a machine has written last, where a majority of others knows it.
    func flipBitOfNewestRow(of victim: Member) {
        guard self.members.count > 2, victim.machine.engine.flipBitOfNewestRow() else { return }
        self.story.tell("a bit of the newest row of \(victim.name) has turned")
    }

    /// Cuts one machine after another off until `end`, in virtual nanoseconds.
    func takeTurns(until end: UInt64) async {
        while self.simulator.nanoseconds < end {
            let member = self.draw { $0.pick(self.members) }
            self.isolate(member)
            self.story.tell("\(member.name)'s turn to be cut off")
            await self.sleep(
                microseconds: self.draw { $0.number(in: self.plan.turnMicroseconds) }
            )
            self.network.heal()
            self.story.tell("\(member.name)'s turn is over")
            await self.sleep(microseconds: self.draw { $0.number(in: 1_000...100_000) })
        }
    }

    func isolate(_ member: Member) {
        for other in self.members where other.name != member.name {
            self.network.cut(from: member.machine, to: other.machine)
            self.network.cut(from: other.machine, to: member.machine)
        }
    }

    /// Remembers what is on one disk now; some time later the machine gets that back, or an empty
    /// disk.
    ///
    /// In between it starts once more, and all others have to know of that start: only they can
    /// tell that the disk is an old one (docs/protocol/registers.md, "Starts"). Only where the
    /// others are a majority of any three.
    func loseDisk(until end: UInt64) async {
        guard self.members.count > 2 else { return }
        let victim = self.victim
        let (rows, files) = (victim.machine.engine.snapshot, victim.machine.disk.snapshot)
        guard victim.node?.isKnownToAll == true else { return }
        let lives = victim.machine.crashes
        await self.sleep(microseconds: self.draw { $0.number(in: 1_000...500_000) })
        let isEmpty = self.draw { $0.chance(permille: 300) }
        self.crash(victim)
        while self.simulator.nanoseconds < end, !self.state.withLock({ $0.isOver }) {
            await self.sleep(microseconds: 20_000)
            guard victim.machine.crashes > lives, victim.coordinator != nil,
                victim.node?.isKnownToAll == true
            else { continue }
            victim.retire()
            self.crash(victim)
            victim.machine.engine.wipe()
            victim.machine.disk.wipe()
            if !isEmpty {
                victim.machine.engine.restore(rows)
                victim.machine.disk.restore(files)
            }
            let state = isEmpty ? "empty" : "as it was earlier"
            return self.story.tell("the disk of \(victim.name) is \(state)")
        }
    }
}
