import Synchronization

/// Lists.
extension LoadRun {
    static let folderKeys = 1_000
    private static let listedBytes: UInt64 = 16

    /// Walks all that there is to list, over and over; an operation is a page.
    func list(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        try await self.fill(workload.size)
        let walk = Walk(bucket: self.bucket, keys: Int(workload.size))
        let operation = workload.operation
        let pages = Mutex(PhaseResult())
        let listed = Mutex(0)
        let result = try await self.sampled(&measured, moved: 0, stored: 0) {
            var result = await self.phase.run(self.limit(workload)) {
                client,
                number throws(LoadError) in
                var times: [Duration] = []
                let count = try walk.run(operation, client, number, &times)
                listed.withLock { $0 += count }
                pages.withLock { pages in times.forEach { pages.record($0) } }
            }
            // Of pages instead of walks.
            result.times = pages.withLock { $0.times }
            return result
        }
        measured.keys = listed.withLock { $0 }
        if result.seconds > 0 {
            measured.keysPerSecond = Double(measured.keys) / result.seconds
        }
        return (measured, result.errors)
    }

    /// Stores the keys that are listed, unless they are there.
    private func fill(_ keys: UInt64) async throws {
        guard self.listed.insert(keys).inserted else { return }
        let walk = Walk(bucket: self.bucket, keys: Int(keys))
        try await self.prepare(walk.keys, clients: 32) { client, number throws(LoadError) in
            let path = walk.path(number)
            try client.put(path, Content(key: path, size: Self.listedBytes))
        }
    }
}

/// Keys in folders of a thousand, and the ways to list them.
private struct Walk: Sendable {
    let bucket: String
    let keys: Int

    private var prefix: String { "list-\(self.keys)/" }
    private var folders: Int { (self.keys + LoadRun.folderKeys - 1) / LoadRun.folderKeys }

    func path(_ number: Int) -> String {
        let key = String(String(100_000_000 + number).dropFirst())
        return "\(self.bucket)/\(self.folder(number / LoadRun.folderKeys))\(key)"
    }

    private func folder(_ number: Int) -> String {
        "\(self.prefix)\(String(String(1_000_000 + number).dropFirst()))/"
    }

    /// One walk; `times` gets the time of each page.
    ///
    /// - Returns: how many keys, or common prefixes, were listed.
    /// - Throws: also if those are not all that there are, in order.
    func run(
        _ operation: Workload.Operation,
        _ client: LoadClient,
        _ number: Int,
        _ times: inout [Duration]
    ) throws(LoadError) -> Int {
        let folder = number % self.folders
        var prefix = self.prefix
        var expected = self.keys
        switch operation {
        case .listFolder:
            prefix = self.folder(folder)
            expected = min(LoadRun.folderKeys, self.keys - folder * LoadRun.folderKeys)
        case .listPrefixes: expected = self.folders
        default: break
        }
        var token: String?
        var count = 0
        var last = ""
        repeat {
            let began = ContinuousClock.now
            let page = try client.list(
                self.bucket,
                prefix: prefix,
                isDelimited: operation != .list,
                after: token
            )
            times.append(ContinuousClock.now - began)
            for name in operation == .listPrefixes ? page.prefixes : page.keys {
                guard name > last else { throw LoadError("\(name) is listed after \(last)") }
                last = name
                count += 1
            }
            token = page.next
        } while token != nil && count <= expected
        guard count == expected else {
            throw LoadError("\(count) listed below \(prefix), not \(expected)")
        }
        return count
    }
}
