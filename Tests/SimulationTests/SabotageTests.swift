import Simulation
import Testing

/// A check that never failed on a planted bug proves nothing.
@Suite(.serialized)
struct SabotageTests {
    /// Seeds within which a planted bug has to be found.
    private static let budget: UInt64 = 25

    /// One rule of each kind: of registers, listings, disks, holds, chunks.
    ///
    /// `triolet-sim --mutations` breaks them all, in the release build.
    private static let quick: [SabotageName] = [
        .noFloor, .listSkipsSettlement, .rowsBeforeSync, .copyWithoutHold, .noHealing,
        .renameForgetsFence,
    ]

    @Test("Each rule that is broken on purpose is noticed", arguments: Self.quick)
    func caught(rule: SabotageName) {
        for seed in 1...Self.budget {
            var scenario = Scenario(seed: seed)
            scenario.break(rule)
            if !World.run(scenario).violations.isEmpty { return }
        }
        Issue.record("\(rule) is not caught by \(Self.budget) seeds")
    }

    @Test("The same runs are clean if the rule is kept", arguments: Self.quick)
    func kept(rule: SabotageName) {
        var scenario = Scenario(seed: 1)
        scenario.break(rule)
        #expect(World.run(scenario.withRulesKept).violations == [])
    }
}
