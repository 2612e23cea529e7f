import Synchronization

/// Several operations at once, in shares.
extension LoadRun {
    /// One measurement of all together, and one with the times of each operation.
    func mix(_ workload: Workload, _ run: Int) async throws -> [Outcome] {
        var measured = LoadResult(self.settings.label, workload, run)
        let stock = try await self.stock(of: workload.size)
        let checksums = stock.checksums(self.phase.pool)
        let prefix = "\(self.bucket)/mix-\(workload.size)-\(workload.clients)-\(run)"
        let total = workload.shares.reduce(0) { $0 + $1.weight }
        let apart = Mutex<[Workload.Operation: PhaseResult]>([:])
        let result = try await self.sampled(&measured, moved: workload.size, stored: 0) {
            await self.phase.run(self.limit(workload)) { client, number throws(LoadError) in
                var draw = Int.random(in: 0..<total, using: &client.chance)
                let share = workload.shares.first { share in
                    draw -= share.weight
                    return draw < 0
                }
                guard let operation = share?.operation else { return }
                let chosen = Int.random(in: 0..<stock.count, using: &client.chance)
                let (path, target) = (stock.path(chosen), "\(prefix)/\(number)")
                let began = ContinuousClock.now
                switch operation {
                case .put: try client.put(target, Content(key: target, size: stock.size))
                case .head: try client.head(path, bytes: stock.size)
                case .copy: try client.copy(path, to: target, isIndependent: false)
                default: try client.get(path, bytes: stock.size, checksum: checksums[chosen])
                }
                let time = ContinuousClock.now - began
                apart.withLock { $0[operation, default: PhaseResult()].record(time) }
            }
        }
        let found = apart.withLock { $0 }
        let parts = workload.shares.map(\.operation).map { operation in
            var part = LoadResult(self.settings.label, workload, run)
            part.operation = "mix/\(operation.rawValue)"
            var one = found[operation] ?? PhaseResult()
            one.seconds = result.seconds
            part.fill(one, bytes: operation == .put || operation == .get ? workload.size : 0)
            return part
        }
        return [(measured, result.errors)] + parts.map { ($0, []) }
    }
}
