import Foundation
import S3Client
import Simulation

/// Brings a scenario's faults about, at their times.
struct Injector: Sendable {
    let scenario: Scenario
    let cluster: ChaosCluster
    let disks: Disks
    let recorder: Recorder
    let windows: Windows
    let say: @Sendable (String) -> Void

    private enum Moment {
        case begin(Int, Scenario.Event)
        case end(Int, Scenario.Event)
    }

    /// Everything in order of time; returns when the last has happened.
    ///
    /// - Returns: from starts of processes until they were ready.
    func run() async throws -> [Duration] {
        var moments: [(at: Duration, moment: Moment)] = []
        for (number, event) in self.scenario.events.enumerated() {
            moments.append((event.at, .begin(number, event)))
            if let until = event.until { moments.append((until, .end(number, event))) }
        }
        moments.sort { $0.at < $1.at }
        let begin = ContinuousClock.now
        var windows: [Int: Int] = [:]
        return try await withThrowingTaskGroup(of: Duration?.self) { starts in
            for (at, moment) in moments {
                try await Task.sleep(until: begin + at, clock: .continuous)
                switch moment {
                case .begin(let number, let event):
                    self.say("  \(event.text)")
                    if event.action.nodes.isEmpty {
                        windows[number] = self.windows.open(at: self.recorder.now)
                    }
                    for node in try await self.begin(event.action) {
                        starts.addTask { try await self.waitUntilReady(node) }
                    }
                case .end(let number, let event):
                    try await self.end(event.action)
                    if let window = windows[number] {
                        self.windows.close(window, at: self.recorder.now)
                    }
                }
            }
            var times: [Duration] = []
            for try await time in starts { if let time { times.append(time) } }
            return times
        }
    }

    /// - Returns: nil if it does not become ready; then a promise is broken.
    private func waitUntilReady(_ node: Int) async throws -> Duration? {
        let start = ContinuousClock.now
        do { try await self.cluster.waitUntilReady(node) } catch let error as NotReady {
            self.recorder.history.report(Violation(.cannotOpen, "\(error)"))
            return nil
        }
        self.windows.close(node: node, at: self.recorder.now)
        return ContinuousClock.now - start
    }

    /// - Returns: the nodes that were started and are to be ready soon.
    private func begin(_ action: Scenario.Action) async throws -> [Int] {
        let now = self.recorder.now
        switch action {
        case .kill(let nodes):
            for node in nodes {
                _ = self.windows.open(at: now, node: node)
                self.cluster.send(SIGKILL, to: node)
            }
            for node in nodes { try await self.cluster.waitForEnd(node) }
        case .stop(let nodes):
            for node in nodes {
                _ = self.windows.open(at: now, node: node)
                self.cluster.send(SIGTERM, to: node)
            }
            for node in nodes { try await self.cluster.waitForEnd(node) }
        case .start(let nodes):
            for node in nodes { try self.cluster.start(node) }
            return nodes
        case .pause(let nodes):
            for node in nodes {
                _ = self.windows.open(at: now, node: node)
                self.cluster.send(SIGSTOP, to: node)
            }
        case .link(let links, let fault):
            self.cluster.links.set(fault, on: links)
            try self.cluster.networks.apply(links)
        case .flip(let bits, let files, let nodes):
            let window = self.windows.open(at: now)
            for node in nodes {
                let count = try Damage.flip(bits, in: files, of: self.cluster.data(node))
                self.say("    \(count) bits turned in \(files.rawValue) of n\(node)")
            }
            self.windows.close(window, at: self.recorder.now)
        case .empty(let nodes):
            for node in nodes {
                guard !self.cluster.isRunning(node) else { throw ChaosError("n\(node) still runs") }
                try Damage.empty(self.cluster.data(node))
            }
        case .replace(let node): try await self.replace(node)
        case .skew(let nodes, let seconds):
            for node in nodes { self.cluster.setSkew(node, seconds: seconds) }
        case .fill(let nodes):
            _ = self.windows.open(at: now)
            for node in nodes { try Damage.fill(self.cluster.data(node)) }
        case .slowDisk(let nodes, let rate):
            _ = self.windows.open(at: now)
            for node in nodes { try self.disks.slow(node, self.cluster.pid(node), rate) }
        case .cutPower(let nodes):
            for node in nodes { _ = self.windows.open(at: now, node: node) }
            try await self.disks.cutPower(nodes, of: self.cluster)
        case .writeBack(let nodes): try self.disks.writeBack(nodes, of: self.cluster)
        }
        return []
    }

    private func end(_ action: Scenario.Action) async throws {
        switch action {
        case .pause(let nodes):
            for node in nodes {
                self.cluster.send(SIGCONT, to: node)
                self.windows.close(node: node, at: self.recorder.now)
            }
        case .link(let links, let fault):
            self.cluster.links.clear(fault, on: links)
            try self.cluster.networks.apply(links)
        case .fill(let nodes): for node in nodes { Damage.makeRoom(self.cluster.data(node)) }
        case .slowDisk(let nodes, _): for node in nodes { self.disks.endSlowness(node) }
        case .kill, .start, .stop, .flip, .empty, .replace, .skew, .cutPower, .writeBack: break
        }
    }

    /// The node with the new directory takes the place of the one that it was.
    private func replace(_ node: Int) async throws {
        guard let asked = self.cluster.numbers.first(where: { $0 != node }) else { return }
        let admin = self.cluster.adminOrigin(asked).description
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                _ = try await self.cluster.run(["ring", "replace", "n\(node)", "--admin", admin])
                return
            } catch {
                // The new one has to have been seen first.
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }

    /// Everything is well again, for good.
    func mend() async throws {
        for node in self.cluster.numbers {
            self.cluster.send(SIGCONT, to: node)
            Damage.makeRoom(self.cluster.data(node))
            self.disks.endSlowness(node)
            try self.cluster.start(node)
        }
        for node in self.cluster.numbers { try await self.cluster.waitUntilReady(node) }
    }
}
