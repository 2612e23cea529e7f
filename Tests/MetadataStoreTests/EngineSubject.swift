import MetadataStore
import Runtime

/// The engine under test, which can be closed and opened again.
final class EngineSubject {
    private let directory: TemporaryDirectory
    private var rocks: RocksEngine

    init() throws {
        self.directory = try TemporaryDirectory()
        self.rocks = try RocksEngine(path: self.directory.path)
    }

    var engine: any KeyValueEngine { self.rocks }

    func reopen() async throws {
        await self.rocks.close()
        self.rocks = try RocksEngine(path: self.directory.path)
    }

    func close() async throws { await self.rocks.close() }
}
