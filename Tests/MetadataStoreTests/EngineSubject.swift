import MetadataStore
import Runtime
import SimulatedRuntime
import TestSupport

/// An engine under test, which can be closed and opened again.
protocol EngineSubject: AnyObject {
    var engine: any KeyValueEngine { get }
    func reopen() async throws
}

/// The engine of production, in a directory of its own.
final class RocksSubject: EngineSubject {
    let directory: TemporaryDirectory
    private(set) var rocks: RocksEngine

    init() throws {
        self.directory = try TemporaryDirectory()
        self.rocks = try RocksEngine(path: self.directory.path)
    }

    var engine: any KeyValueEngine { self.rocks }

    func reopen() async throws {
        await self.rocks.close()
        self.rocks = try RocksEngine(path: self.directory.path)
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
}
