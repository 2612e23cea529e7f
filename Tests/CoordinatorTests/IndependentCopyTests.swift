import NIOCore
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// Independent copies of many chunks, and what happens in their middle.
struct IndependentCopyTests {
    private static let chunkCount = 4
    private static let body = content(chunkCount * Limit.chunkBytes - 1_000)

    private static func request(
        _ change: (inout CopyRequest) -> Void = { _ in }
    ) -> CopyRequest {
        var request = CopyRequest(
            source: object("s"),
            target: object("d"),
            mode: .independent
        )
        change(&request)
        return request
    }

    /// One chunk after the other, so that there is a middle.
    private static func slow(_ settings: inout CoordinatorSettings) {
        settings.parallelPulls = 1
        settings.chunkTimeout = .seconds(1)
    }

    /// Copies, and does something once so many chunks are done.
    private static func copy(
        _ cluster: TestCluster,
        at index: Int = 0,
        _ request: CopyRequest = Self.request(),
        after chunks: Int,
        _ middle: @escaping @Sendable (CopyReport) async throws -> Void
    ) async throws -> Result<CopyResult, ClusterError> {
        let coordinator = cluster[index]
        async let copied = outcome { () throws(ClusterError) in
            try await coordinator.copy(request)
        }
        while true {
            await cluster.wait(.microseconds(200))
            guard let report = coordinator.copyReports.first else { continue }
            if report.chunksDone >= chunks {
                try await middle(report)
                break
            }
            guard report.state == .running else { break }
        }
        return await copied
    }

    /// The same, but the caller goes away.
    private static func cancelledCopy(
        _ cluster: TestCluster,
        _ request: CopyRequest = Self.request(),
        when isTime: @escaping @Sendable (CopyReport?) -> Bool
    ) async -> Result<CopyResult, ClusterError> {
        let coordinator = cluster[0]
        return await withTaskGroup(of: Result<CopyResult, ClusterError>?.self) { group in
            group.addTask {
                await outcome { () throws(ClusterError) in try await coordinator.copy(request) }
            }
            group.addTask {
                while !Task.isCancelled, !isTime(coordinator.copyReports.first) {
                    await cluster.wait(.microseconds(200))
                }
                return nil
            }
            var result: Result<CopyResult, ClusterError>?
            for await end in group {
                result = result ?? end
                group.cancelAll()
            }
            return result ?? .failure(ClusterError(.internalError, "no result"))
        }
    }

    private static func code(_ result: Result<CopyResult, ClusterError>) -> ClusterError.Code? {
        if case .failure(let error) = result { return error.code }
        return nil
    }

    // MARK: - Going on

    @Test("A copy goes on when a source dies in its middle", arguments: 0..<5)
    func sourceDies(victim: Int) throws {
        try TestCluster.run(5, settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let coordinator = (victim + 1) % 5
            let result = try await Self.copy(cluster, at: coordinator, after: 1) { _ in
                cluster.nodes[victim].machine.crash()
            }
            #expect(Self.code(result) == nil)
            let reader = cluster[(victim + 2) % 5]
            let copied = try await reader.get(object("d"))
            #expect(copied == Self.body)
        }
    }

    @Test("A chunk is taken from another source where one is damaged", arguments: 0..<3)
    func damagedSource(victim: Int) throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            for _ in 0..<200 { _ = cluster.nodes[victim].machine.disk.flipBit() }
            let result = try await cluster[0].copy(Self.request())
            #expect(result.chunksPulled == Self.chunkCount)
            for node in cluster.nodes {
                let copied = try await node.coordinator.get(object("d"))
                #expect(copied == Self.body)
            }
        }
    }

    @Test("Chunks are tried again while too few nodes are there, and what is done stays done")
    func outage() throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            cluster.clearLedgers()
            let result = try await Self.copy(cluster, after: 2) { _ in
                for pair in [(0, 1), (1, 0), (0, 2), (2, 0)] {
                    let (from, to) = (cluster.nodes[pair.0], cluster.nodes[pair.1])
                    cluster.network.cut(from: from.machine, to: to.machine)
                }
                await cluster.wait(.seconds(6))
                cluster.network.heal()
            }
            #expect(Self.code(result) == nil)
            let report = try #require(cluster[0].copyReports.first)
            #expect(report.state == .done && report.retries > 0)
            #expect(report.chunksDone == Self.chunkCount)
            let asked = try #require(cluster.nodes[0].ledger.counts["pull chunk"])
            #expect(asked < 3 * Self.chunkCount + 20, "Only what failed was asked for again.")
            let copied = try await cluster[1].get(object("d"))
            #expect(copied == Self.body)
        }
    }

    @Test("Another node stands in for a home without room", arguments: 0..<3)
    func fullTarget(full: Int) throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            cluster.nodes[full].machine.disk.adjust { $0.sizeBytes = 0 }
            let result = try await cluster[0].copy(
                Self.request { $0.storageClass = .reducedRedundancy }
            )
            #expect(result.summary.storageClass == .reducedRedundancy)
            let report = try #require(cluster[0].copyReports.first)
            #expect(!report.shares.contains { $0.node == cluster.nodes[full].storage.id })
            #expect(report.shares.reduce(0) { $0 + $1.copies } == 2 * Self.chunkCount)
            #expect(report.retries == 0)
            let copied = try await cluster[1].get(object("d"))
            #expect(copied == Self.body)
        }
    }

    // MARK: - Giving up

    /// Nothing is left but what was there before, without any audit.
    private static func expectReleased(_ cluster: TestCluster) async throws {
        await cluster.wait(.seconds(30))
        #expect(cluster.chunks == 3 * Self.chunkCount)
        let missing = await CoordinatorTests.code { _ = try await cluster[1].open(object("d")) }
        #expect(missing == .objectNotFound)
        // The pin, too: the source goes when it is deleted.
        try await cluster[1].delete(object("s"))
        await cluster.sweepAll()
        #expect(cluster.chunks == 0)
    }

    @Test("What was made is released if no node has room for the rest")
    func noRoom() throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let result = try await Self.copy(cluster, after: 2) { _ in
                for node in cluster.nodes { node.machine.disk.adjust { $0.sizeBytes = 0 } }
            }
            #expect(Self.code(result) == .storageFull)
            let report = try #require(cluster[0].copyReports.first)
            #expect((report.state, report.failure) == (.failed, .storageFull))
            #expect(report.chunksDone >= 2 && report.chunksDone < Self.chunkCount)
            #expect(report.retries == 0)
            for node in cluster.nodes {
                node.machine.disk.adjust { $0 = SimulatedDisk.Settings() }
            }
            try await Self.expectReleased(cluster)
        }
    }

    @Test("What was made is released if a chunk is nowhere intact")
    func nowhereIntact() throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let result = try await Self.copy(cluster, after: 1) { _ in
                // Every chunk of 4 MiB is hit in every volume.
                for node in cluster.nodes {
                    for file in try await node.machine.disk.list() {
                        for chunk in 0..<(2 * Self.chunkCount) {
                            let byte = UInt64(chunk * Limit.chunkBytes + 1_000_000)
                            node.machine.disk.flipBit(3, ofByte: byte, in: file)
                        }
                    }
                }
            }
            #expect(Self.code(result) == .dataUnavailable)
            let report = try #require(cluster[0].copyReports.first)
            #expect(report.retries == 5, "After 0.5, 1, 2, 4 and 8 s.")
            try await Self.expectReleased(cluster)
        }
    }

    @Test(
        "A copy whose caller goes away stops, and leaves nothing",
        arguments: [0, 1, 2]
    )
    func cancelled(chunks: Int) throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let result = await Self.cancelledCopy(cluster) { report in
                report.map { $0.chunks > 0 && $0.chunksDone >= chunks } ?? false
            }
            #expect(Self.code(result) == .cancelled)
            let report = try #require(cluster[0].copyReports.first)
            #expect((report.state, report.failure) == (.cancelled, .cancelled))
            #expect(report.chunksDone <= chunks + 1, "It stops at once.")
            try await Self.expectReleased(cluster)
        }
    }

    @Test("No chunk arrives after the others have been dropped", arguments: UInt64(0)..<8)
    func straggler(seed: UInt64) throws {
        try TestCluster.run(seed: seed, settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let result = await Self.cancelledCopy(cluster) { report in
                guard let report, report.chunksDone > 0 else { return false }
                // What this node is asked for, it does later, in any order.
                cluster.nodes[2].machine.pause(for: .milliseconds(800))
                return true
            }
            #expect(Self.code(result) == .cancelled)
            try await Self.expectReleased(cluster)
        }
    }

    @Test("Whenever the caller goes, the target is whole or as before", arguments: UInt64(0)..<24)
    func anyTime(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let (old, new) = (content(20_000), content(100_000, seed: 2))
            try await cluster[0].put(object("d"), old)
            try await cluster[0].put(object("s"), new)
            await cluster.wait()
            let end = cluster.simulator.nanoseconds + seed * 250_000
            let result = await Self.cancelledCopy(cluster) { _ in
                cluster.simulator.nanoseconds >= end
            }
            let code = Self.code(result)
            #expect(code == nil || code == .cancelled)
            await cluster.wait(.seconds(30))
            let found = try await cluster[1].get(object("d"))
            #expect(found == (code == nil ? new : old))
            await cluster.sweepAll()
            #expect(cluster.chunks == 2 * 3)
            for name in ["s", "d"] { try await cluster[2].delete(object(name)) }
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    // MARK: - What others see

    @Test("A copy under way tells how far it is, and which node has what")
    func progress() throws {
        try TestCluster.run(settings: Self.slow) { cluster in
            try await cluster[0].put(object("s"), Self.body)
            await cluster.wait()
            let result = try await Self.copy(cluster, after: 2) { report in
                #expect(report.source == object("s") && report.target == object("d"))
                #expect((report.state, report.mode) == (.running, .independent))
                #expect(report.chunks == Self.chunkCount)
                #expect(report.bytes == UInt64(Self.body.readableBytes))
                #expect(report.bytesDone == UInt64(report.chunksDone * Limit.chunkBytes))
                #expect(report.shares.map(\.node) == report.shares.map(\.node).sorted())
                #expect(report.age > .zero)
            }
            #expect(Self.code(result) == nil)
            await cluster.wait()
            let reports = cluster[0].copyReports
            #expect(reports.count == 1 && reports[0].state == .done)
            #expect(reports[0].bytesDone == UInt64(Self.body.readableBytes))
            #expect(reports[0].shares.map(\.copies) == [4, 4, 4], "Stragglers count, too.")
            #expect(cluster[1].copyReports.isEmpty, "Each node tells of its own copies.")
            let age = reports[0].age
            await cluster.wait(.seconds(300))
            #expect(cluster[0].copyReports.first?.age == age)
            await cluster.wait(.seconds(301))
            #expect(cluster[0].copyReports.isEmpty)
        }
    }

    @Test("The last copies are remembered, and those that moved nothing are not")
    func memory() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("s"), content(20_000))
            _ = try await cluster[0].copy(CopyRequest(source: object("s"), target: object("r")))
            #expect(cluster[0].copyReports.isEmpty)
            for number in 0..<(CopyTable.endedMax + 3) {
                _ = try await cluster[0].copy(
                    CopyRequest(
                        source: object("s"),
                        target: object("\(number)"),
                        mode: .independent
                    )
                )
            }
            let reports = cluster[0].copyReports
            #expect(reports.count == CopyTable.endedMax)
            #expect(reports.first?.target == object("\(CopyTable.endedMax + 2)"))
            #expect(Set(reports.map(\.id)).count == CopyTable.endedMax)
        }
    }
}
