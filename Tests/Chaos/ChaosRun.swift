import Foundation
import NIOCore
import S3Client
import SimulatedRuntime
import Simulation

/// Plays one scenario on processes and judges it.
struct ChaosRun: Sendable {
    let scenario: Scenario
    let name: String
    let seed: UInt64
    let binary: String
    let directory: String
    let environment: [String: String]
    /// Whether it is over once a promise is seen broken: it is to be.
    let isBroken: Bool
    let say: @Sendable (String) -> Void

    /// Keys in use change so often, so that operations of unknown outcome do not pile up.
    private static let generationSeconds = 8

    func run() async throws -> RunSummary {
        let cluster = try await ChaosCluster(
            self.scenario,
            binary: self.binary,
            directory: self.directory,
            environment: self.environment
        )
        let disks = Disks(self.scenario)
        let summary: RunSummary
        do {
            try disks.mount(cluster)
            try cluster.networks.setUp()
            summary = try await cluster.serving {
                try await self.play(on: cluster, disks)
            }
        } catch {
            await cluster.end()
            disks.unmount()
            cluster.networks.tearDown()
            throw error
        }
        await cluster.end()
        disks.unmount()
        cluster.networks.tearDown()
        return summary
    }

    private func play(on cluster: ChaosCluster, _ disks: Disks) async throws -> RunSummary {
        for node in cluster.numbers { try cluster.start(node) }
        do {
            for node in cluster.numbers { try await cluster.waitUntilReady(node) }
        } catch let error as NotReady { throw ChaosError("nothing was done to it, but \(error)") }
        let seconds = Int(self.scenario.lasts / .seconds(1))
        let recorder = Recorder(
            seed: self.seed,
            keys: self.scenario.keys,
            generations: max(1, seconds / Self.generationSeconds)
        )
        let patience = Int64(self.scenario.patience / .milliseconds(1))
        let clients = cluster.numbers.map {
            cluster.client($0, patience: .milliseconds(patience))
        }
        try await clients[0].createBucket(ChaosClient.bucket)
        let injector = Injector(
            scenario: self.scenario,
            cluster: cluster,
            disks: disks,
            recorder: recorder,
            windows: Windows(),
            say: self.say
        )
        let begin = recorder.now
        let memory = MemoryWatch(cluster)
        let readyAfter = try await memory.watching {
            try await self.work(recorder, clients, injector)
        }
        var summary = RunSummary()
        summary.seconds = Double(recorder.now - begin) / 1e9
        summary.take(recorder, injector.windows.all)
        summary.memory = memory.nodes
        (summary.checked, summary.gaveUp) = try await self.judge(recorder, cluster) {
            try await injector.mend()
        }
        summary.scenario = self.name
        summary.title = self.scenario.title
        summary.seed = self.seed
        summary.faults = self.scenario.faults
        summary.readyAfter = readyAfter.map { $0 / .seconds(1) }
        summary.violations = recorder.history.violations.map(\.description)
        summary.violations += self.scenario.expectations.flatMap { summary.failures($0) }
        summary.links = Self.text(cluster.links.counts)
        return summary
    }

    /// Has clients work while the faults happen.
    ///
    /// - Returns: from starts of processes until they were ready.
    private func work(
        _ recorder: Recorder,
        _ clients: [S3Client],
        _ injector: Injector
    ) async throws -> [Duration] {
        try await withThrowingTaskGroup(of: [Duration].self) { group in
            for number in 0..<self.scenario.clients {
                group.addTask {
                    var client = ChaosClient(
                        recorder: recorder,
                        nodes: clients,
                        pause: self.scenario.pause,
                        tries: self.scenario.tries,
                        random: .init(seed: self.seed &* 1_000 &+ UInt64(number))
                    )
                    await client.work(for: self.scenario.lasts)
                    return []
                }
            }
            group.addTask { try await injector.run() }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// Mends everything and judges; a broken promise that keeps it from going on is the verdict.
    ///
    /// - Returns: operations that were put in order, and keys on which the checker gave up.
    private func judge(
        _ recorder: Recorder,
        _ cluster: ChaosCluster,
        mend: () async throws -> Void
    ) async throws -> (checked: Int, gaveUp: Int) {
        let history = recorder.history
        var result = (checked: 0, gaveUp: 0)
        do {
            try await mend()
            self.say("  all is well again: is it as it must be?")
            let judge = Judge(
                cluster: cluster,
                recorder: recorder,
                skew: self.scenario.skew,
                say: self.say
            )
            if self.isBroken {
                result = await judge.judgeBriefly()
                if !history.violations.isEmpty { return result }
            }
            result = try await judge.judge()
            try await judge.deleteEverything()
        } catch let error as NotReady {
            // Nothing more can be judged once a node does not come back.
            history.report(Violation(.cannotOpen, "\(error)"))
        } catch  where !history.violations.isEmpty { self.say("  the judge gives up: \(error)") }
        return result
    }

    private static func text(_ counts: Links.Counts) -> String {
        [
            ("connections", counts.connections), ("MiB", counts.bytes >> 20),
            ("broken", counts.broken), ("half closed", counts.halfClosed),
            ("bits turned", counts.bitsFlipped), ("pieces late", counts.late),
            ("attempts doubled", counts.duplicates), ("packets dropped", counts.dropped),
        ]
        .filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    }
}

extension Scenario {
    /// The furthest that a clock is ever off.
    var skew: Duration {
        let seconds = self.events.map { event in
            if case .skew(_, let seconds) = event.action { abs(seconds) } else { 0 }
        }
        return .seconds(seconds.max() ?? 0)
    }

    /// What it does to the cluster; starts and replacements mend.
    var faults: Int {
        self.events.reduce(0) { sum, event in
            switch event.action {
            case .kill(let nodes), .stop(let nodes), .pause(let nodes), .empty(let nodes),
                .skew(let nodes, _), .fill(let nodes), .slowDisk(let nodes, _),
                .cutPower(let nodes):
                sum + nodes.count
            case .flip(let bits, _, let nodes): sum + bits * nodes.count
            case .link(let links, _): sum + links.count
            case .start, .replace, .writeBack: sum
            }
        }
    }
}
