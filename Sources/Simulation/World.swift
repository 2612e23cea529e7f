import Coordinator
import Runtime
import SimulatedRuntime
import StoreModel

/// Runs a whole cluster, its clients and its misfortunes, and judges what came of it.
///
/// Three parts of equal length: the first is gentle, the second is not, and in the third everything
/// is mended. Then all operations have to end, everything has to be readable through every node,
/// and when the sweeps are done, content has to be where it should, and nowhere else.
package struct World: Sendable {
    /// Longest wait for anything once all is mended, in virtual time.
    private static let patience = Duration.seconds(60)
    /// Times 20 s that audits and sweeps may take to tidy up.
    private static let tidyingMax = 10

    private let scenario: Scenario
    let cluster: Cluster
    let history: History
    private let faults: Faults
    private let clients: [Client]
    private let changer: LayoutChanger?

    private init(_ scenario: Scenario, _ simulator: Simulator, _ story: Story) {
        let cluster = Cluster(
            simulator,
            scenario,
            settings: Self.settings(scenario),
            story: story
        )
        let history = History(keys: scenario.workload.allKeys)
        let large = LargeBodies(scenario.workload.largeBodies)
        let uploads = KnownUploads()
        self.scenario = scenario
        self.cluster = cluster
        self.history = history
        self.faults = Faults(
            scenario.faults,
            simulator,
            cluster.network,
            cluster.all,
            story
        ) { cluster.start($0) }
        cluster.holdUp(HoldsUp(faults: self.faults, plan: scenario.holdUps))
        if scenario.faults.has(.startingClocks) { simulator.clockTick = 100_000 }
        self.changer = scenario.layoutChanges.map { LayoutChanger($0, cluster, history) }
        let uses: @Sendable (Member) -> Bool = { [faults] in !faults.isIdle($0) }
        // Two more than work: one writes what is to rest, the last looks at everything at the end.
        self.clients = (1...(scenario.workload.clients + 2)).map { number in
            Client(
                number: number,
                cluster: cluster,
                workload: scenario.workload,
                history: history,
                oracle: BodyOracle(seed: scenario.seed),
                story: story,
                large: large,
                uploads: uploads,
                rules: scenario.nodeSabotage,
                uses: uses
            )
        }
    }

    /// Times short enough for a run of some seconds.
    private static func settings(_ scenario: Scenario) -> CoordinatorSettings {
        var settings = CoordinatorSettings()
        settings.registerTimeout = scenario.registerTimeout
        settings.chunkTimeout = .seconds(1)
        settings.changeDeadline = .seconds(3)
        settings.suspicion = .milliseconds(500)
        settings.pullPatience = .seconds(3)
        settings.pullPause = .milliseconds(100)
        settings.openManifestBytes = UInt64(Limit.blockBytes)
        settings.releaseGrace = scenario.releaseGrace
        settings.sweepInterval =
            scenario.erasesSoon && scenario.sweepPause == nil
            ? min(.milliseconds(100), scenario.tombstoneAge) : .seconds(3)
        // Operations may take longer than half of that: to those a missing row proves nothing.
        settings.tombstoneAge = scenario.erasesSoon ? scenario.tombstoneAge : .seconds(2)
        settings.catchUpInterval = .seconds(4)
        settings.partBytesMin = 0
        settings.shortPartBytes = 20_000
        settings.borrowChunks = 1
        settings.auditInterval = .seconds(3)
        settings.auditAge = .zero
        settings.auditSpares = scenario.auditSpares
        settings.versionHolders = scenario.versionHolders
        settings.tailBytes = scenario.tailBytes
        settings.healInterval = .seconds(15)
        settings.healProbe = scenario.tidies ? .seconds(2) : .seconds(3_600)
        settings.healRetry = .seconds(4)
        settings.chunkScrubPeriod = .seconds(40)
        settings.chunkScrubPause = .seconds(2)
        settings.repairPause = .milliseconds(500)
        settings.contentPatience = .seconds(5)
        settings.stewardInterval = .seconds(2)
        settings.stewardTurn = .seconds(4)
        settings.forwardAfter = scenario.forwardAfter
        settings.sabotage = scenario.sabotage
        return settings
    }

    /// Runs the scenario to its end.
    package static func run(_ scenario: Scenario) -> RunReport {
        var (report, remains) = Self.result(of: scenario)
        report.leftBehind = remains.names
        return report
    }

    /// Runs the scenario, and takes everything down.
    private static func result(of scenario: Scenario) -> (RunReport, Remains) {
        let simulator = Simulator(seed: scenario.seed)
        let story = Story(simulator)
        let world = World(scenario, simulator, story)
        do {
            try simulator.run { await world.live() }
        } catch {
            let pending = world.history.pending.joined(separator: ", ")
            world.history.report(Violation(.noProgress, "\(error); pending: \(pending)"))
        }
        world.last.noteCompletions()
        let (checked, gaveUp) = world.history.check(pairs: world.workload.partner(of:))
        let counts = world.history.counts
        let report = RunReport(
            scenario: scenario,
            violations: world.history.violations,
            operations: counts.total,
            copies: counts.copies,
            succeeded: counts.succeeded,
            unknown: counts.unknown,
            checked: checked,
            gaveUp: gaveUp,
            layoutChanges: world.changer?.done ?? 0,
            crashes: world.cluster.all.reduce(0) { $0 + $1.machine.crashes },
            writes: world.cluster.all.reduce(WriteCounts()) { $0 + $1.writes },
            steps: simulator.steps,
            virtualSeconds: simulator.nanoseconds / 1_000_000_000,
            traceHash: simulator.traceHash,
            story: story.lines
        )
        return (report, world.cluster.end())
    }

    private var simulator: Simulator { self.cluster.simulator }

    var workload: Workload { self.scenario.workload }

    private var inspection: Inspection {
        Inspection(
            cluster: self.cluster,
            history: self.history
        ) { [spoils = self.scenario.faults.spoilsCopies, changer = self.changer] in
            spoils || changer?.lacksCopies == true ? 1 : 0
        }
    }

    private var last: Client { self.clients[self.clients.count - 1] }

    private func live() async {
        let plan = self.scenario.faults
        self.cluster.story.tell(
            "\(self.scenario.nodes) nodes, \(self.scenario.workload.clients) clients, "
                + "\(self.scenario.workload.keys) keys, faults: "
                + (plan.kinds.isEmpty ? "none" : plan.kinds.map(\.rawValue).joined(separator: " "))
        )
        if self.scenario.formsUnderFire { self.faults.beginRoughly() }
        for member in self.cluster.members { self.cluster.start(member) }
        guard await self.cluster.waitUntilReady(within: Self.patience) else {
            self.history.report(Violation(.noProgress, "the cluster does not form"))
            return
        }
        guard await self.createBucket() else { return }
        await self.work()
        guard await self.settle() else { return }
        self.checkRetired()
        await self.readEverything()
        await self.writeEverywhere()
        guard self.scenario.tidies else { return await self.endLayoutChanges() }
        await self.abortUploads()
        // The sweeps of the last replica in line have to get their turn.
        await self.simulator.sleep(nanoseconds: 65_000_000_000)
        await self.readEverything()
        let inspection = self.inspection
        await inspection.checkHolds(keys: self.scenario.workload.allKeys)
        await inspection.checkContent(keys: self.scenario.workload.allKeys)
        // Where a node is gone for good, what it may still need is not cleared away.
        guard !self.cluster.all.contains(where: \.isRetired) else { return }
        await inspection.checkHealed(keys: self.scenario.workload.allKeys)
        inspection.checkLayouts()
        await self.checkLeaks(inspection)
    }

    /// Waits for the last change of the layout, and reads everything once more.
    private func endLayoutChanges() async {
        let inspection = self.inspection
        for _ in 0..<Int(Self.patience.components.seconds) where inspection.isLayoutJoint {
            await self.simulator.sleep(nanoseconds: 1_000_000_000)
        }
        inspection.checkLayouts()
        await self.readEverything()
    }

    /// Waits until nothing is kept that nobody needs: what crashes and lost messages have left is
    /// found by the audits.
    private func checkLeaks(_ inspection: Inspection) async {
        let keys = self.scenario.workload.allKeys
        var leaks = await inspection.leaks(keys: keys)
        for _ in 0..<Self.tidyingMax where !leaks.isEmpty {
            await self.simulator.sleep(nanoseconds: 20_000_000_000)
            leaks = await inspection.leaks(keys: keys)
        }
        for leak in leaks { self.history.report(Violation(.leak, leak)) }
        guard !leaks.isEmpty else { return }
        self.cluster.story.tell("\(leaks.count) leaks")
    }

    /// Creates the bucket, however often that takes.
    private func createBucket() async -> Bool {
        for _ in 0..<Int(Self.patience.components.seconds) {
            for member in self.cluster.members where member.coordinator != nil {
                if await self.last.createBucket(at: member) { return true }
            }
            await self.simulator.sleep(nanoseconds: 1_000_000_000)
        }
        self.history.report(Violation(.noProgress, "the bucket cannot be created"))
        return false
    }

    /// All three parts, until every client has ended.
    private func work() async {
        let part = UInt64(self.scenario.part.milliseconds) * 1_000_000
        let start = self.simulator.nanoseconds
        let doors = self.simulator.doors()
        let ends = EndCount(self.scenario.workload.clients)
        for client in self.clients.prefix(self.scenario.workload.clients) {
            doors.background.run {
                await client.work(until: start + 3 * part)
                ends.add()
            }
        }
        if self.scenario.audits {
            let auditor = Auditor(
                cluster: self.cluster,
                inspection: self.inspection,
                keys: self.scenario.workload.allKeys
            )
            doors.background.run { await auditor.work(until: start + 3 * part) }
        }
        if let pause = self.scenario.sweepPause {
            doors.background.run {
                await self.tidy(every: pause, until: start + 3 * part) { _ = await $0.sweep() }
            }
        }
        if let pause = self.scenario.auditPause {
            doors.background.run {
                await self.tidy(every: pause, until: start + 3 * part) { _ = await $0.audit() }
            }
        }
        if let changer = self.changer {
            doors.background.run { await changer.work(until: start + 2 * part) }
        }
        if self.scenario.faults != .none {
            self.faults.beginGently()
            await self.simulator.sleep(nanoseconds: part)
            let writer = self.clients[self.scenario.workload.clients]
            doors.background.run { await writer.writeResting(until: start + 2 * part) }
            await self.faults.rage(until: start + 2 * part)
        } else {
            await self.simulator.sleep(nanoseconds: 2 * part)
        }
        self.faults.mend()
        // Everybody back, and what the heavy part has left not yet overwritten.
        _ = await self.cluster.waitUntilReady(within: Self.patience)
        for key in 0..<self.scenario.workload.allKeys {
            await self.last.get(
                key,
                at: self.simulator.draw { $0.pick(self.cluster.members) },
                isWhole: true
            )
        }
        await self.inspection.checkHolds(keys: self.scenario.workload.allKeys)
        await self.inspection.checkContent(keys: self.scenario.workload.allKeys)
        await self.inspection.checkUploads(keys: self.scenario.workload.allKeys)
        await self.simulator.sleep(nanoseconds: part)
        for _ in 0..<Int(Self.patience.components.seconds) where !ends.isComplete {
            await self.simulator.sleep(nanoseconds: 1_000_000_000)
        }
        if !ends.isComplete {
            let pending = self.history.pending.joined(separator: ", ")
            self.history.report(Violation(.noProgress, "operations do not end: \(pending)"))
        }
    }

    /// Has all nodes sweep, or audit, far more often than they do by themselves, until `end`, in
    /// virtual nanoseconds.
    private func tidy(
        every pause: Duration,
        until end: UInt64,
        _ work: @escaping @Sendable (Coordinator) async -> Void
    ) async {
        let microseconds = Int(pause.milliseconds) * 1_000
        let doors = self.simulator.doors()
        for member in self.cluster.members {
            doors.background.run {
                while self.simulator.nanoseconds < end {
                    let wait = self.simulator.draw { $0.number(in: 1...(2 * microseconds)) }
                    await self.simulator.sleep(nanoseconds: UInt64(wait) * 1_000)
                    guard let coordinator = member.coordinator else { continue }
                    await member.machine.perform { await work(coordinator) }
                }
            }
        }
    }

    /// Waits until all nodes are back.
    private func settle() async -> Bool {
        if await self.cluster.waitUntilReady(within: Self.patience) { return true }
        for member in self.cluster.members where member.coordinator == nil {
            self.history.report(
                Violation(.cannotOpen, "\(member.name): \(member.failure ?? "still starting")")
            )
        }
        return false
    }

    /// Reads every key through every node, and lists: nothing may fail any more.
    private func readEverything() async {
        for member in self.cluster.members {
            for key in 0..<self.scenario.workload.allKeys {
                guard await !self.last.get(key, at: member, isWhole: true) else { continue }
                self.history.report(
                    Violation(.contentAtRisk, "k\(key) cannot be read through \(member.name)")
                )
            }
            let failed = self.history.counts.failed
            await self.last.listAll(at: member)
            if self.history.counts.failed > failed {
                self.history.report(
                    Violation(.noProgress, "the bucket cannot be listed through \(member.name)")
                )
            }
        }
    }

    /// Closes what clients have left open, parts and all.
    private func abortUploads() async {
        await self.inspection.checkUploads(keys: self.scenario.workload.allKeys)
        // As a client would, again: a promise that was kept for long leaves one write uncertain.
        for _ in 0..<3 where await self.last.abortUploads(at: self.cluster.members[0]) { return }
        self.history.report(Violation(.noProgress, "uploads cannot be aborted"))
    }

    /// Puts and copies through every node: none may fail any more, but a second attempt is allowed.
    ///
    /// As a client would: a promise that was kept while others made many changes leaves one write
    /// uncertain if a replica is still away, being replaced (seed 67732147058). Through a node
    /// whose clock is behind it may take more attempts: a manifest is born below the floor that
    /// others have raised, until the clock is there.
    private func writeEverywhere() async {
        for (number, member) in self.cluster.members.enumerated() {
            var isDone = false
            for attempt in 0..<(self.isSkewed ? 12 : 2) where !isDone {
                if attempt > 0 { await self.simulator.sleep(nanoseconds: 1_000_000_000) }
                isDone = await self.write(number % self.scenario.workload.keys, at: member)
            }
            guard !isDone else { continue }
            self.history.report(
                Violation(.noProgress, "\(member.name) cannot write although all is well")
            )
        }
    }

    private var isSkewed: Bool {
        self.scenario.faults.has(.skew) || self.scenario.faults.has(.startingClocks)
    }

    /// - Returns: whether a put and a copy of it came to a known end.
    private func write(_ key: Int, at member: Member) async -> Bool {
        let before = self.history.counts
        await self.last.put(key, at: member)
        await self.last.copy(key, to: (key + 1) % self.scenario.workload.keys, at: member)
        let after = self.history.counts
        return after.failed == before.failed && after.unknown == before.unknown
    }
}
