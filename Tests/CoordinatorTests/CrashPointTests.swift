import ChunkStore
import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Synchronization
import Testing

/// The node that coordinates an operation, and keeps a replica, dies before one of its jobs: at
/// every `await` of it in turn.
struct CrashPointTests {
    enum Operation: String, CaseIterable {
        case put, copy, independentCopy, delete, complete, rename
    }

    private static let old = content(20_000, seed: 1)
    private static let source = content(30_000, seed: 2)
    private static let parts = [content(25_000, seed: 3), content(400, seed: 4)]

    /// What the key holds before and after the operation; nil for nothing.
    private static func results(_ operation: Operation) -> [ByteBuffer?] {
        switch operation {
        case .put, .copy, .independentCopy, .rename: [Self.old, Self.source]
        case .delete: [Self.old, nil]
        case .complete: [Self.old, ByteBuffer(bytes: Self.parts.map(\.readableBytesView).joined())]
        }
    }

    /// A cluster with the key, a source and an upload whose parts are there.
    private static func run(
        _ body: @escaping @Sendable (TestCluster, UploadName, [PartSummary]) async throws -> Void
    ) throws {
        try TestCluster.run(
            settings: {
                $0.auditAge = .zero
                $0.partBytesMin = 0
            },
            { cluster in
                try await cluster[1].put(object("k"), Self.old)
                try await cluster[1].put(object("s"), Self.source)
                let upload = try await cluster[1].createUpload(object("k"))
                var parts: [PartSummary] = []
                for (index, part) in Self.parts.enumerated() {
                    parts.append(try await cluster[1].put(index + 1, of: upload, part))
                }
                await cluster.wait()
                try await body(cluster, upload, parts)
            }
        )
    }

    private static func perform(
        _ operation: Operation,
        by coordinator: Coordinator,
        _ upload: UploadName,
        _ parts: [PartSummary]
    ) async throws {
        switch operation {
        case .put: try await coordinator.put(object("k"), Self.source)
        case .copy, .independentCopy:
            var request = CopyRequest(source: object("s"), target: object("k"))
            request.mode = operation == .copy ? .reference : .independent
            _ = try await coordinator.copy(request)
        case .delete: try await coordinator.delete(object("k"))
        case .complete: _ = try await coordinator.complete(upload, parts)
        case .rename:
            let request = RenameRequest(object("s").key, to: object("k").key, in: photos)
            _ = try await coordinator.rename(request)
        }
    }

    /// Jobs of the node while the operation, and what it leaves for later, goes on: 31 to 123.
    private static func jobs(_ operation: Operation) throws -> Int {
        let count = Mutex(0)
        try Self.run { cluster, upload, parts in
            let machine = cluster.nodes[0].machine
            let before = machine.jobs
            _ = await machine.perform {
                try? await Self.perform(operation, by: cluster[0], upload, parts)
            }
            await cluster.wait(.milliseconds(20))
            count.withLock { $0 = machine.jobs - before }
        }
        return count.withLock { $0 }
    }

    @Test(
        "A node that dies at any await of an operation leaves it made or not made",
        arguments: Operation.allCases
    )
    func everyAwait(operation: Operation) throws {
        let jobs = try Self.jobs(operation)
        var found: Set<ByteBuffer?> = []
        for job in 1...jobs {
            found.insert(try Self.crash(operation, beforeJob: job))
        }
        #expect(found == Set(Self.results(operation)), "Some crashes come early, and some late.")
    }

    /// - Returns: what the key holds afterwards.
    private static func crash(_ operation: Operation, beforeJob job: Int) throws -> ByteBuffer? {
        let result = Mutex<ByteBuffer?>(nil)
        try Self.run { cluster, upload, parts in
            let victim = cluster.nodes[0]
            victim.machine.doors.background.run {
                try? await Self.perform(operation, by: victim.coordinator, upload, parts)
            }
            victim.machine.crash(beforeJob: job)
            await cluster.wait(.seconds(1))
            victim.machine.crash()  // Some runs have a few jobs less.
            cluster.network.crashed(victim.storage.id)
            let left = try await Self.found(object("k"), cluster[1])
            #expect(Self.results(operation).contains(left), "\(operation) before job \(job)")
            let back = try await cluster.restarted(0)
            await back.wait(.seconds(30))
            let isOpen = await code { try await back[0].abortUpload(upload) }
            #expect(isOpen == nil || isOpen == .uploadNotFound)
            await back.tidyUp()
            // A chunk that two nodes had when the third died counts as stored.
            for node in back.nodes { _ = await node.coordinator.heal() }
            for index in 0..<3 {
                let now = try await Self.found(object("k"), back[index])
                #expect(now == left, "\(operation) before job \(job): seen once, it stays")
                let isMoved = operation == .rename && left == Self.source
                let source = try await Self.found(object("s"), back[index])
                #expect(source == (isMoved ? nil : Self.source), "\(operation) before job \(job)")
            }
            // The source's chunk, and those of what the key holds, on three nodes each.
            let own =
                switch operation {
                case _ where left == nil: 0
                case .copy where left == Self.source, .rename where left == Self.source: 0
                case .complete where left != Self.old: Self.parts.count
                default: 1
                }
            #expect(back.chunks == 3 * (1 + own), "\(operation) before job \(job)")
            result.withLock { $0 = left }
        }
        return result.withLock { $0 }
    }

    private static func found(
        _ name: ObjectName,
        _ coordinator: Coordinator
    ) async throws -> ByteBuffer? {
        do {
            return try await coordinator.get(name)
        } catch let error as ClusterError where error.code == .objectNotFound { return nil }
    }
}
