import Simulation
import Testing

@Suite(.serialized)
struct WorldTests {
    @Test("Under all faults no promise is broken", arguments: UInt64(1)...8)
    func faults(seed: UInt64) {
        let report = World.run(Scenario(seed: seed))
        #expect(report.violations == [])
        #expect(report.gaveUp == 0)
        #expect(report.succeeded > 20)
        #expect(report.checked > report.succeeded / 2)
        #expect(report.leftBehind == [])
    }

    @Test("Without faults everything succeeds, and nothing is left over")
    func calm() {
        var scenario = Scenario(seed: 1_000)
        scenario.faults = .none
        let report = World.run(scenario)
        #expect(report.violations == [])
        #expect(report.unknown == 0)
        #expect(report.crashes == 0)
    }

    @Test("Nor where versions are kept, by turns, and old ones deleted", arguments: UInt64(1)...6)
    func versions(seed: UInt64) {
        var scenario = Scenario(seed: seed)
        scenario.keepVersions()
        let report = World.run(scenario)
        #expect(report.violations == [])
        #expect(report.succeeded > 20)
        #expect(report.leftBehind == [])
    }

    @Test("Nor where objects are renamed, above all", arguments: UInt64(1)...4)
    func renames(seed: UInt64) {
        var scenario = Scenario(seed: seed)
        scenario.rename()
        let report = World.run(scenario)
        #expect(report.violations == [])
        #expect(report.gaveUp == 0)
        #expect(report.succeeded > 20)
        #expect(report.leftBehind == [])
    }

    @Test("A write that is refused after a retry gives its hold back", arguments: [UInt64(7_016)])
    func refusedAfterRetry(seed: UInt64) {
        #expect(World.run(Scenario(seed: seed)).violations == [])
    }

    @Test("A bucket that somebody tries to delete does not look gone", arguments: [UInt64(6), 1])
    func busyBucket(seed: UInt64) {
        var scenario = Scenario(seed: seed)
        scenario.nodes = 3
        scenario.audits = false
        scenario.faults = FaultPlan(
            kinds: [.lateness, .clogs, .loss],
            pauseMicroseconds: 100_000...300_000
        )
        scenario.workload.keys = 2
        scenario.workload.clients = 6
        scenario.workload.pauseMicroseconds = 100_000
        scenario.workload.weights = [
            (.put, 25), (.get, 20), (.list, 30), (.delete, 5), (.deleteBucket, 20),
        ]
        #expect(World.run(scenario).violations == [])
    }

    @Test("A node whose disk is put back or emptied does not serve", arguments: UInt64(1)...4)
    func lostDisks(seed: UInt64) {
        var scenario = Scenario(seed: seed)
        scenario.break(.rolledBackDiskAccepted)
        let report = World.run(scenario.withRulesKept)
        #expect(report.violations == [])
    }

    @Test(
        "A disk that is put back and crashes before anybody answers is noticed at its next start",
        arguments: [UInt64(51_864_252_418)]
    )
    func putBackAndCrashed(seed: UInt64) {
        #expect(World.run(Scenario(seed: seed)).violations == [])
    }

    @Test("A node that was refused spoils no other that starts", arguments: [UInt64(50_364)])
    func refusedNode(seed: UInt64) {
        var scenario = Scenario(seed: seed)
        scenario.nodes = 5
        scenario.faults = FaultPlan(
            kinds: [.crashes, .lostDisks],
            pauseMicroseconds: 60_000...180_000
        )
        #expect(World.run(scenario).violations == [])
    }

    @Test("A failing run shrinks to a smaller one that fails in the same way")
    func shrinks() {
        var scenario = Scenario(seed: 1)
        scenario.break(.negativeWithoutIdentity)
        var shrinker = Shrinker(scenario)
        let first = shrinker.firstViolation
        #expect(first != nil)
        var steps: [String] = []
        shrinker.run(stepsMax: 3) { steps.append($0) }
        #expect(!steps.isEmpty)
        #expect(shrinker.firstViolation?.kind == first?.kind)
        #expect(shrinker.scenario.source.contains("scenario.nodes = 3"))
    }

    @Test("The same seed gives the same run, to the byte", arguments: [UInt64(5), 11])
    func replays(seed: UInt64) {
        let first = World.run(Scenario(seed: seed))
        let second = World.run(Scenario(seed: seed))
        #expect(first.traceHash == second.traceHash)
        #expect(first.story == second.story)
        #expect(first.steps == second.steps)
    }

    @Test("Different seeds give different runs")
    func seedsDiffer() {
        let hashes = (UInt64(1)...3).map { World.run(Scenario(seed: $0)).traceHash }
        #expect(Set(hashes).count == 3)
    }
}
