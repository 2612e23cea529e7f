import Runtime
import SimulatedRuntime
import Synchronization

/// How often a rare step is held up, and for how long.
package struct HoldUp: Hashable, Sendable {
    /// Of 1,000 times that the step is reached, so many are held up.
    package var permille: Int
    package var microseconds: ClosedRange<Int>
    /// Of 1,000 that are held up in the heavy part, so many see their machine crash meanwhile.
    package var crashPermille: Int
    /// Of 1,000 that are held up in the heavy part, so many see another machine suffer meanwhile:
    /// it crashes, or a bit turns if machines do not crash in this run.
    package var strikePermille: Int

    package init(
        _ permille: Int,
        _ microseconds: ClosedRange<Int>,
        crashPermille: Int = 0,
        strikePermille: Int = 0
    ) {
        self.permille = permille
        self.microseconds = microseconds
        self.crashPermille = crashPermille
        self.strikePermille = strikePermille
    }

    /// Those that came later wait for scenarios which ask for them.
    ///
    /// So what a seed draws stays as it is.
    private static let drawn = RareStep.allCases.filter { step in
        ![.switchLayout, .leave, .handOver, .install, .giveBack, .rename].contains(step)
    }

    /// Draws which steps a run holds up: none, in most runs.
    static func draw(_ random: inout SplitMix64) -> [RareStep: HoldUp] {
        guard random.chance(permille: 300) else { return [:] }
        var plan: [RareStep: HoldUp] = [:]
        for step in Self.drawn where random.chance(permille: 300) {
            plan[step] = HoldUp(
                random.pick([20, 100, 300]),
                1_000...random.pick([10_000, 60_000, 300_000]),
                crashPermille: random.pick([0, 0, 0, 100])
            )
        }
        return plan
    }

    /// As Swift.
    var source: String {
        "HoldUp(\(self.permille), \(self.microseconds), crashPermille: \(self.crashPermille), "
            + "strikePermille: \(self.strikePermille))"
    }
}

extension Faults {
    /// Holds a machine's work up at a step, if the seed says so, until all is mended.
    func reach(_ step: RareStep, at member: Member, _ plan: [RareStep: HoldUp]) async {
        guard let holdUp = plan[step], !self.isIdle(member) else { return }
        let (isRunning, isHeavy) = self.state.withLock { ($0.hasBegun && !$0.isOver, $0.isHeavy) }
        guard isRunning, self.draw({ $0.chance(permille: holdUp.permille) }) else { return }
        let (pause, crashes) = self.draw {
            ($0.number(in: holdUp.microseconds), $0.chance(permille: holdUp.crashPermille))
        }
        if isHeavy, holdUp.strikePermille > 0 {
            self.strike(besides: member, within: pause, permille: holdUp.strikePermille)
        }
        guard crashes, isHeavy, self.plan.has(.crashes) else {
            return await self.sleep(microseconds: pause)
        }
        self.simulator.after(.microseconds(pause)) {
            self.story.tell("\(member.name) has been held up at \(step.rawValue)")
            self.crash(member)
        }
        // Not to go on.
        await self.sleep(microseconds: pause + 1_000_000)
    }

    /// Has another machine suffer within so many microseconds, if the seed says so.
    private func strike(besides member: Member, within pause: Int, permille: Int) {
        guard self.draw({ $0.chance(permille: permille) }) else { return }
        self.simulator.after(.microseconds(self.draw { $0.number(in: 0...pause) })) {
            guard self.plan.has(.crashes) else { return self.flipBitOfNewestRow(of: self.victim) }
            let others = self.members.filter { $0.name != member.name && $0.coordinator != nil }
            guard !others.isEmpty else { return }
            self.crash(self.draw { $0.pick(others) })
        }
    }
}
