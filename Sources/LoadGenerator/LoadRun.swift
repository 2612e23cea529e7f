import Synchronization

/// Runs workloads one after the other, and measures each.
///
/// What one has stored the next may read: `put:1KiB:16 get:1KiB:16` reads what was put. Where
/// nothing of that size is there yet, it is put first, unmeasured.
package final class LoadRun {
    /// Objects up to here are stored in numbers when a workload needs some.
    private static let smallBytesMax: UInt64 = 64 << 10
    /// Beyond this, what a run has stored is deleted before the next, to bound the disk.
    static let keptBytesMax: UInt64 = 1 << 20

    /// Pages of keys that are deleted at the end before we give up.
    private static let emptyingPagesMax = 10_000

    let settings: LoadSettings
    let phase: Phase
    /// By size.
    var stocks: [UInt64: Stock] = [:]
    /// Keys that were stored to be listed.
    var listed: Set<UInt64> = []

    package init(_ settings: LoadSettings) {
        self.settings = settings
        self.phase = Phase(
            origins: settings.origins,
            identity: settings.identity,
            pool: ContentPool(seed: settings.seed),
            seed: settings.seed
        )
    }

    var bucket: String { "/\(self.settings.bucket)" }

    /// Runs all workloads, each as often as the settings say; `report` gets what each run showed.
    ///
    /// - Parameters:
    ///   - workloads: In the order in which they run.
    ///   - report: Is given a measurement, and the first few errors of its operations.
    /// - Throws: if something that is needed for a workload fails, such as making the bucket.
    package func run(
        _ workloads: [Workload],
        report: (LoadResult, [LoadError]) -> Void
    ) async throws {
        let bucket = self.bucket
        try await self.prepare(1, clients: 1) { client, _ throws(LoadError) in
            try client.createBucket(bucket)
        }
        for workload in workloads {
            for run in 1...self.settings.runs {
                for (measured, errors) in try await self.measure(workload, run) {
                    report(measured, errors)
                }
            }
        }
        if !self.settings.keepsBucket { try await self.empty() }
    }

    typealias Outcome = (LoadResult, [LoadError])

    private func measure(_ workload: Workload, _ run: Int) async throws -> [Outcome] {
        switch workload.operation {
        case .put: [try await self.put(workload, run)]
        case .get, .head: [try await self.read(workload, run)]
        case .copy, .independentCopy: [try await self.copy(workload, run)]
        case .delete: [try await self.delete(workload, run)]
        case .copyParts: [try await self.copyParts(workload, run)]
        case .list, .listFolder, .listPrefixes: [try await self.list(workload, run)]
        case .mix: try await self.mix(workload, run)
        }
    }

    // MARK: Steps that all share

    func limit(_ workload: Workload) -> PhaseLimit {
        PhaseLimit(
            clients: workload.clients,
            operations: workload.count ?? self.settings.operations,
            time: workload.count == nil ? self.settings.time : self.settings.time * 10
        )
    }

    /// Runs a phase between two samples of what everything costs.
    func sampled(
        _ measured: inout LoadResult,
        moved: UInt64,
        stored: UInt64,
        _ run: () async throws -> PhaseResult
    ) async throws -> PhaseResult {
        // Whoever still works for what came before has time to end.
        try await Task.sleep(for: .milliseconds(200))
        let before = CostSample(self.settings.processes)
        let result = try await run()
        // What goes on after the answer is part of the price.
        try await Task.sleep(for: .milliseconds(100))
        let after = CostSample(self.settings.processes)
        measured.fill(result, bytes: moved)
        measured.fill(before, after, bytes: stored)
        return result
    }

    /// Does something unmeasured; any failure ends the bench.
    func prepare(
        _ count: Int,
        clients: Int,
        _ operation: @escaping @Sendable (LoadClient, Int) throws(LoadError) -> Void
    ) async throws {
        let limit = PhaseLimit(
            clients: max(1, min(clients, count)),
            operations: count,
            time: .seconds(3_600)
        )
        let result = await self.phase.run(limit, operation)
        if let error = result.errors.first { throw error }
    }

    /// Objects of that size: those that were put, or new ones.
    func stock(of size: UInt64) async throws -> Stock {
        if let stock = self.stocks[size], stock.count > 0 { return stock }
        let part: UInt64 = 1 << 30
        if size > part, size % part == 0 { return try await self.composed(size, of: part) }
        let count = size <= Self.smallBytesMax ? 500 : size <= Self.keptBytesMax ? 16 : 1
        let stock = Stock(bucket: self.bucket, prefix: "stock-\(size)", size: size, count: count)
        try await self.prepare(count, clients: 16) { client, number throws(LoadError) in
            try client.put(stock.path(number), stock.content(number))
        }
        self.stocks[size] = stock
        return stock
    }

    /// One object that is larger than what one request stores: of copied parts.
    private func composed(_ size: UInt64, of part: UInt64) async throws -> Stock {
        let source = try await self.stock(of: part)
        var content = source.content(0)
        content.repeats = Int(size / part)
        let target = "\(self.bucket)/composed-\(size)"
        let composition = Composition(source: source, target: target, parts: content.repeats)
        let result = await self.compose(composition, clients: 1)
        if let error = result.errors.first { throw error }
        var stock = Stock(bucket: self.bucket, prefix: "", size: size, count: 1)
        stock.only = (path: target, content: content)
        self.stocks[size] = stock
        return stock
    }

    /// Deletes the objects of a run that would fill the disk.
    func drop(_ stock: Stock) async throws {
        guard stock.size > Self.keptBytesMax else { return }
        try await self.prepare(stock.count, clients: 8) { client, number throws(LoadError) in
            try client.delete(stock.path(number))
        }
    }

    /// Reads some objects back, unmeasured; what is wrong counts as errors of the run.
    func check(_ stock: Stock, _ outcome: inout Outcome) async {
        guard stock.count > 0 else { return }
        let count = min(stock.count, stock.size > 256 << 20 ? 1 : 8)
        let pool = self.phase.pool
        let limit = PhaseLimit(clients: 1, operations: count, time: .seconds(600))
        let result = await self.phase.run(limit) { client, index throws(LoadError) in
            let number = index * (stock.count / count)
            let content = stock.content(number)
            try client.get(
                stock.path(number),
                bytes: content.bytes,
                checksum: pool.checksum(of: content)
            )
        }
        outcome.0.errors += result.errorCount
        outcome.1 += result.errors
    }

    /// Deletes the bucket with all it holds.
    private func empty() async throws {
        let bucket = self.bucket
        let keys = Mutex<[String]>([])
        for _ in 0..<Self.emptyingPagesMax {
            try await self.prepare(1, clients: 1) { client, _ throws(LoadError) in
                let page = try client.list(bucket, prefix: "", isDelimited: false, after: nil)
                keys.withLock { $0 = page.keys }
            }
            let found = keys.withLock { $0 }
            if found.isEmpty { break }
            try await self.prepare(found.count, clients: 16) { client, number throws(LoadError) in
                try client.delete("\(bucket)/\(found[number])")
            }
        }
        try await self.prepare(1, clients: 1) { client, _ throws(LoadError) in
            try client.deleteBucket(bucket)
        }
    }
}
