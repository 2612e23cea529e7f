import Synchronization

/// An object that is put together of equal parts, each a copy of one and the same object.
struct Composition: Sendable {
    let source: Stock
    /// A path.
    let target: String
    let parts: Int
}

/// Uploads whose parts are copied.
extension LoadRun {
    /// Parts of an upload, if the workload does not say.
    private static let partsDefault = 16

    func copyParts(_ workload: Workload, _ run: Int) async throws -> Outcome {
        var measured = LoadResult(self.settings.label, workload, run)
        let source = try await self.stock(of: workload.size)
        let parts = workload.count ?? Self.partsDefault
        let target = "\(self.bucket)/parts-\(workload.size)-\(parts)-\(run)"
        let composition = Composition(source: source, target: target, parts: parts)
        let stored = workload.size * UInt64(parts)
        let result = try await self.sampled(&measured, moved: 0, stored: stored) {
            await self.compose(composition, clients: workload.clients)
        }
        var content = source.content(0)
        content.repeats = parts
        var whole = Stock(bucket: self.bucket, prefix: "", size: stored, count: 1)
        whole.only = (path: target, content: content)
        var outcome = (measured, result.errors)
        await self.check(whole, &outcome)
        try await self.drop(whole)
        return outcome
    }

    /// Starts an upload, copies its parts, `clients` at once, and completes it.
    ///
    /// - Returns: one operation with the time of all that.
    func compose(_ composition: Composition, clients: Int) async -> PhaseResult {
        let target = composition.target
        let (path, bytes) = (composition.source.path(0), composition.source.size)
        let upload = Mutex("")
        let etags = Mutex([String](repeating: "", count: composition.parts))
        func limit(_ clients: Int, _ operations: Int) -> PhaseLimit {
            PhaseLimit(clients: clients, operations: operations, time: .seconds(3_600))
        }
        let began = ContinuousClock.now
        var result = await self.phase.run(limit(1, 1)) { client, _ throws(LoadError) in
            let id = try client.startUpload(target)
            upload.withLock { $0 = id }
        }
        let id = upload.withLock { $0 }
        if result.errorCount == 0 {
            result = await self.phase.run(limit(clients, composition.parts)) {
                client,
                number throws(LoadError) in
                let etag = try client.copyPart(
                    number + 1,
                    of: id,
                    to: target,
                    source: (path: path, bytes: bytes)
                )
                etags.withLock { $0[number] = etag }
            }
        }
        if result.errorCount == 0 {
            let found = etags.withLock { $0 }
            result = await self.phase.run(limit(1, 1)) { client, _ throws(LoadError) in
                try client.completeUpload(target, id, etags: found)
            }
        }
        let time = ContinuousClock.now - began
        if result.errorCount > 0, !id.isEmpty {
            // The bucket could not be deleted with it; if this fails, that says so.
            _ = await self.phase.run(limit(1, 1)) { client, _ throws(LoadError) in
                try client.abortUpload(target, id)
            }
        }
        var whole = PhaseResult()
        whole.begun = 1
        whole.errors = result.errors
        whole.errorCount = result.errorCount
        whole.seconds = time / .seconds(1)
        if result.errorCount == 0 { whole.record(time) }
        return whole
    }
}
