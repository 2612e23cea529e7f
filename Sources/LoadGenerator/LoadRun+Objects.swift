/// Operations on whole objects.
extension LoadRun {
    func put(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        if let earlier = self.stocks[workload.size] { try await self.drop(earlier) }
        var stock = Stock(
            bucket: self.bucket,
            prefix: "put-\(workload.size)-\(workload.clients)-\(run)",
            size: workload.size,
            count: 0
        )
        let empty = stock
        let result = try await self.sampled(
            &measured,
            moved: workload.size,
            stored: workload.size
        ) {
            await self.phase.run(self.limit(workload)) { client, number throws(LoadError) in
                try client.put(empty.path(number), empty.content(number))
            }
        }
        stock.count = result.begun
        self.stocks[workload.size] = stock
        var outcome = (measured, result.errors)
        await self.check(stock, &outcome)
        return outcome
    }

    /// GET or HEAD of objects chosen by chance.
    func read(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        let stock = try await self.stock(of: workload.size)
        let isHead = workload.operation == .head
        let checksums = isHead ? [] : stock.checksums(self.phase.pool)
        let result = try await self.sampled(
            &measured,
            moved: isHead ? 0 : workload.size,
            stored: 0
        ) {
            await self.phase.run(self.limit(workload)) { client, _ throws(LoadError) in
                let number = Int.random(in: 0..<stock.count, using: &client.chance)
                let path = stock.path(number)
                if isHead {
                    try client.head(path, bytes: stock.size)
                } else {
                    try client.get(path, bytes: stock.size, checksum: checksums[number])
                }
            }
        }
        return (measured, result.errors)
    }

    /// Copies of all objects of the size in turn, each to a new key.
    func copy(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        let sources = try await self.stock(of: workload.size)
        let isIndependent = workload.operation == .independentCopy
        let name = workload.operation.rawValue
        let prefix = "\(self.bucket)/\(name)-\(workload.size)-\(workload.clients)-\(run)"
        let result = try await self.sampled(&measured, moved: 0, stored: workload.size) {
            await self.phase.run(self.limit(workload)) { client, number throws(LoadError) in
                let source = sources.path(number % sources.count)
                let target = "\(prefix)/\(number)"
                try client.copy(source, to: target, isIndependent: isIndependent)
            }
        }
        var outcome = (measured, result.errors)
        await self.checkCopies(result.begun, of: sources, prefix, &outcome)
        if workload.size > Self.keptBytesMax {
            try await self.prepare(result.begun, clients: 8) { client, number throws(LoadError) in
                try client.delete("\(prefix)/\(number)")
            }
        }
        return outcome
    }

    private func checkCopies(
        _ count: Int,
        of sources: Stock,
        _ prefix: String,
        _ outcome: inout Outcome
    ) async {
        // Large ones take as long to be read as to be measured: then one has to do.
        let isLarge = sources.size > 256 << 20
        let chosen: Set = isLarge ? [count - 1] : [0, count / 2, count - 1]
        for number in chosen.sorted() where number >= 0 {
            var copy = Stock(bucket: self.bucket, prefix: prefix, size: sources.size, count: 1)
            copy.only = (
                path: "\(prefix)/\(number)",
                content: sources.content(number % sources.count)
            )
            await self.check(copy, &outcome)
        }
    }

    /// Deletes what is there of the size.
    func delete(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        let stock = try await self.stock(of: workload.size)
        let limit = self.limit(workload)
        let bounded = PhaseLimit(
            clients: limit.clients,
            operations: min(limit.operations, stock.count),
            time: limit.time
        )
        let result = try await self.sampled(&measured, moved: 0, stored: 0) {
            await self.phase.run(bounded) { client, number throws(LoadError) in
                try client.delete(stock.path(number))
            }
        }
        self.stocks[workload.size] = nil
        return (measured, result.errors)
    }
}
