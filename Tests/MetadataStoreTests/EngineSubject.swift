import Foundation
import MetadataStore
import Runtime
import SimulatedRuntime
import Synchronization
import TestSupport
import Testing

/// An engine under test, which can be closed and opened again.
protocol EngineSubject: AnyObject {
    var engine: any KeyValueEngine { get }
    func reopen() async throws
    /// Makes the next `count` commits wait for one another, so that the machine's load does not
    /// decide which of them share a sync. Costs a sync itself.
    func gather(_ count: Int) async throws
}

/// The engine of production, in a directory of its own.
final class RocksSubject: EngineSubject {
    let directory: TemporaryDirectory
    private(set) var rocks: RocksEngine
    private let gate = SyncGate()

    init() throws {
        self.directory = try TemporaryDirectory()
        self.rocks = try self.gate.engine(self.directory.path)
    }

    var engine: any KeyValueEngine { self.rocks }

    func reopen() async throws {
        await self.rocks.close()
        self.rocks = try self.gate.engine(self.directory.path)
    }

    func gather(_ count: Int) async throws {
        let rocks = self.rocks
        self.gate.close(until: { rocks.waitingCount >= count })
        var batch = RowBatch()
        batch.delete(.rows, [0xFF, 0xFF])
        Task { [batch] in try await rocks.commit(batch, durable: true) }
        while !self.gate.isHolding { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Runs `body` on a new engine, and closes it.
    static func with(_ body: (RocksSubject) async throws -> Void) async throws {
        let subject = try RocksSubject()
        do {
            try await body(subject)
        } catch {
            await subject.rocks.close()
            throw error
        }
        await subject.rocks.close()
    }
}

/// Holds an engine's writer at the end of a sync.
private final class SyncGate: Sendable {
    private struct State {
        var mayOpen: (@Sendable () -> Bool)?
        var isHolding = false
    }

    private let state = Mutex(State())

    /// Whether a sync has come to the gate since it was closed.
    var isHolding: Bool { self.state.withLock { $0.isHolding } }

    func engine(_ path: String) throws -> RocksEngine {
        try RocksEngine(path: path) { _ in self.pass() }
    }

    /// Closes the gate for the next sync, until `mayOpen`; for a minute at most.
    func close(until mayOpen: @escaping @Sendable () -> Bool) {
        self.state.withLock { $0 = State(mayOpen: mayOpen) }
    }

    private func pass() {
        let mayOpen = self.state.withLock { state in
            defer { state = State(isHolding: state.mayOpen != nil) }
            return state.mayOpen
        }
        guard let mayOpen else { return }
        for _ in 0..<60_000 {
            if mayOpen() { return }
            Thread.sleep(forTimeInterval: 0.001)
        }
        Issue.record("The commits that were to be gathered did not come.")
    }
}

/// The engine of the simulation.
///
/// Opening it again is a crash of its machine.
final class SimulatedSubject: EngineSubject {
    private let machine: SimulatedMachine

    init(_ simulator: Simulator) { self.machine = simulator.machine("a") }

    var engine: any KeyValueEngine { self.machine.engine }

    func reopen() async throws {
        self.machine.crash()
        self.machine.restart()
    }

    /// Commits of one simulated moment share syncs without help.
    func gather(_ count: Int) async throws {}
}
