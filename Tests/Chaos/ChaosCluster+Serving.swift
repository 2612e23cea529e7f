extension ChaosCluster {
    /// Runs `body` with the proxies in place.
    func serving<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            let (ready, signal) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                defer { signal.finish() }
                try await self.serveLinks { signal.yield(()) }
                return nil
            }
            for await _ in ready { break }
            group.addTask { try await body() }
            while let result = try await group.next() {
                if let result {
                    group.cancelAll()
                    return result
                }
            }
            throw ChaosError("the proxies have ended")
        }
    }
}
