import Content
import PeerProtocol
import Placement
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// Attempts to see a bucket through somebody else's unfinished deletion.
    private static let deletionPatience = 20
    /// Layouts by which a bucket is fenced, one after another, before its deletion is called off.
    private static let layoutPatience = 4

    package func buckets() async throws(ClusterError) -> [BucketSummary] {
        try await self.listing().buckets().map {
            BucketSummary(name: $0.0, created: $0.1.created, settings: $0.1.settings)
        }
    }

    package func createBucket(
        _ name: BucketName,
        settings: BucketSettings
    ) async throws(ClusterError) {
        let operation = "create bucket \(name)"
        let record = BucketRecord(
            state: .active,
            id: BucketID(self.doors.random.next()),
            generation: 1,
            created: self.ballots.now(),
            settings: settings
        )
        let changed = try await self.writer.change(
            .bucket(name),
            BucketChange.create(record),
            operation
        )
        guard changed.outcome == .created else {
            throw ClusterError(.bucketAlreadyOwned, operation)
        }
    }

    package func bucket(_ name: BucketName) async throws(ClusterError) -> BucketSummary {
        let record = try await self.bucketRecord(name)
        return BucketSummary(name: name, created: record.created, settings: record.settings)
    }

    /// The record of a bucket, as a quorum has it.
    ///
    /// Its state may be `deleting`.
    func bucketRecord(_ name: BucketName) async throws(ClusterError) -> BucketRecord {
        let operation = "look up bucket \(name)"
        let began = self.doors.time.nanoseconds
        let state = try await self.read(.bucket(name), operation)
        guard let body = state.body else {
            self.hints.remember(name, nil, since: began)
            throw ClusterError(.bucketNotFound, operation)
        }
        do throws(RecordError) {
            let record = try BucketRecord(decoding: body)
            self.hints.remember(name, record, since: began)
            return record
        } catch { throw ClusterError(.internalError, operation, cause: error) }
    }

    /// A bucket as it was a moment ago, if that suffices to go on without a look at it.
    func freshHint(of name: BucketName) -> BucketRecord? {
        let age = UInt64(self.settings.hintAge.wholeMicroseconds) * 1_000
        let now = self.doors.time.nanoseconds
        guard age > 0 else { return nil }
        return self.hints.hint(of: name, since: now - min(age, now))
    }

    /// Looks a bucket up, and does `work` at the same time with the bucket as it was last seen.
    ///
    /// Both happen within the operation, so the result of `work` is as good as if it had followed.
    ///
    /// - Parameters:
    ///   - name: The bucket.
    ///   - look: Reads the bucket's register.
    ///   - work: What goes on meanwhile.
    /// - Returns: the bucket, and the result of `work`; nil if the bucket was not seen before or is
    ///   another one now.
    /// - Throws: what `look` throws.
    func meanwhile<Value: Sendable>(
        in name: BucketName,
        look: @Sendable (BucketName) async throws(ClusterError) -> BucketRecord,
        _ work: @Sendable (BucketRecord) async -> Value
    ) async throws(ClusterError) -> (bucket: BucketRecord, result: Value?) {
        guard let hint = self.hints.hint(of: name) else { return (try await look(name), nil) }
        async let result = work(hint)
        let bucket = try await look(name)
        return (bucket, bucket.isSameGeneration(as: hint) ? await result : nil)
    }

    /// The record of a bucket that can be written to.
    ///
    /// A deletion in progress is given time to end; one that has been left unfinished is called
    /// off.
    func writableBucket(_ name: BucketName) async throws(ClusterError) -> BucketRecord {
        for _ in 0..<Self.deletionPatience {
            let record = try await self.bucketRecord(name)
            if record.state == .active { return record }
            await self.proposer.replicas.pause(upTo: .milliseconds(100))
        }
        let record = try await self.bucketRecord(name)
        guard record.state == .deleting else { return record }
        _ = try await self.writer.change(
            .bucket(name),
            BucketChange.abortDelete(generation: record.generation),
            "call off the deletion of bucket \(name)"
        )
        return try await self.bucketRecord(name)
    }

    /// Changes a setting of a bucket.
    ///
    /// A change of a setting that binds writes is the next generation: once this returns no write
    /// goes by the former setting, since a majority of the replicas of every key refuses it.
    package func set(
        _ setting: BucketSetting,
        of name: BucketName
    ) async throws(ClusterError) {
        let operation = "set up bucket \(name)"
        let active = try await self.writableBucket(name)
        let began = self.doors.time.nanoseconds
        let changed = try await self.writer.change(
            .bucket(name),
            BucketChange.set(active.id, setting),
            operation
        )
        guard case .set(let record) = changed.outcome else {
            throw ClusterError(.bucketNotFound, operation)
        }
        self.hints.remember(name, record, since: began)
        // Also if it was set before: whoever did may not have come this far.
        guard setting.bindsWrites else { return }
        _ = try await self.byOneLayout(operation) { layout throws(ClusterError) in
            try await self.fence(record, by: layout, operation)
        }
    }

    /// Deletes an empty bucket, with writes of other coordinators shut out while it is looked at.
    ///
    /// Source: docs/protocol/registers.md, "Deleting a bucket".
    package func deleteBucket(_ name: BucketName) async throws(ClusterError) {
        let operation = "delete bucket \(name)"
        let active = try await self.writableBucket(name)
        let begun = try await self.writer.change(
            .bucket(name),
            BucketChange.beginDelete(generation: active.generation),
            operation
        )
        guard case .deleting(let deleting) = begun.outcome else {
            throw ClusterError(.busy, operation)
        }
        var isEmpty = false
        do throws(ClusterError) {
            isEmpty = try await self.isFencedAndEmpty(deleting, name, operation)
        } catch {
            await self.callOff(deleting, name)
            throw error
        }
        guard isEmpty else {
            await self.callOff(deleting, name)
            throw ClusterError(.bucketNotEmpty, operation)
        }
        let finished = try await self.writer.change(
            .bucket(name),
            BucketChange.finishDelete(generation: deleting.generation),
            operation
        )
        guard finished.outcome == .deleted else { throw ClusterError(.busy, operation) }
    }

    /// Fences a bucket and looks whether it is empty, both by one layout.
    ///
    /// If the layout changes in between, the nodes that were fenced may not be those that matter
    /// any more: it is done again.
    private func isFencedAndEmpty(
        _ deleting: BucketRecord,
        _ name: BucketName,
        _ operation: String
    ) async throws(ClusterError) -> Bool {
        try await self.byOneLayout(operation) { layout throws(ClusterError) in
            let fenced = try await self.fence(deleting, by: layout, operation)
            return try await self.isEmpty(deleting, name, as: fenced, by: layout)
        }
    }

    /// Does something by the layout in force, and once more if it fails because that has changed.
    private func byOneLayout<Value>(
        _ operation: String,
        _ work: (Layout) async throws(ClusterError) -> Value
    ) async throws(ClusterError) -> Value {
        var attempt = 1
        while true {
            guard let layout = self.layouts.layout else { throw ClusterError(.notReady, operation) }
            do throws(ClusterError) { return try await work(layout) } catch {
                guard self.layouts.epoch != layout.epoch, attempt < Self.layoutPatience else {
                    throw error
                }
            }
            attempt += 1
        }
    }

    private func callOff(_ deleting: BucketRecord, _ name: BucketName) async {
        // Whoever meets the bucket next calls it off if this fails.
        _ = try? await self.writer.change(
            .bucket(name),
            BucketChange.abortDelete(generation: deleting.generation),
            "call off the deletion of bucket \(name)"
        )
    }

    /// Whether no version is left, nor can come: every row that a fenced node has is decided.
    ///
    /// An accept that is chosen after the fence is on a fenced node already, since each majority
    /// has one, and that node took it before it was fenced. So the fenced nodes are asked, all of
    /// them, and what any of them has alive is committed again: a majority that does not know of it
    /// yet proves nothing.
    private func isEmpty(
        _ deleting: BucketRecord,
        _ name: BucketName,
        as fenced: [NodeID],
        by layout: Layout
    ) async throws(ClusterError) -> Bool {
        let operation = "delete bucket \(name)"
        func decided(_ key: RegisterKey) async throws(ClusterError) -> ObjectRecord {
            do throws(RegisterError) {
                let state = try await self.proposer.identity(
                    key,
                    generation: deleting.generation,
                    deadline: self.settings.changeDeadline
                )
                do throws(RecordError) {
                    return try ObjectRecord(state.value)
                } catch { throw RegisterError.damaged(key) }
            } catch { throw ClusterError(error, operation) }
        }
        func isDead(_ key: RegisterKey) async throws(ClusterError) -> Bool {
            var record = try await decided(key)
            if let incoming = record.incoming {
                // A rename may have been made whose version is in neither list.
                let pending = PendingRename.incoming(incoming)
                try await self.end(pending, at: key, generation: deleting.generation, operation)
                record = try await decided(key)
            }
            return record.holders.isEmpty && record.uploads.isEmpty
        }
        let listing = self.listing(of: deleting, name)
        // A bucket with an open upload is not empty: the upload could not be completed any more.
        // Nor is one with old versions, or with nothing but delete markers.
        let subjects: [ScanRequest.Subject] = [
            .versions(deleting.id, prefix: [], delimiter: nil),
            .uploads(deleting.id, prefix: [], delimiter: nil),
        ]
        for subject in subjects {
            guard try await listing.isEmpty(subject, at: fenced, by: layout, isDead: isDead) else {
                return false
            }
        }
        return true
    }

    /// Has a majority of the replicas of every partition refuse writes of older generations.
    ///
    /// - Returns: the nodes that do so.
    private func fence(
        _ bucket: BucketRecord,
        by layout: Layout,
        _ operation: String
    ) async throws(ClusterError) -> [NodeID] {
        let request = PeerRequest.fence(bucket.id, generation: bucket.generation)
        let sets = layout.distinctReplicaSets
        func isFenced(_ nodes: [NodeID]) -> Bool {
            sets.allSatisfy { set in set.count { nodes.contains($0) } > set.count / 2 }
        }
        let replies = await gather(
            from: layout.members,
            background: self.doors.background,
            ask: { node -> Bool? in
                let reply = try? await self.caller.ask(
                    node,
                    request,
                    under: layout.epoch,
                    within: self.settings.registerTimeout
                )
                if case .done? = reply { return true }
                return nil
            },
            enough: { replies in isFenced(replies.filter { $0.reply != nil }.map(\.node)) }
        )
        let fenced = replies.filter { $0.reply != nil }.map(\.node)
        guard isFenced(fenced) else {
            throw ClusterError(
                .quorumUnavailable,
                operation,
                facts: ["fenced": "\(fenced.count)", "nodes": "\(layout.members.count)"]
            )
        }
        return fenced
    }

    package func list(_ request: ListRequest) async throws(ClusterError) -> ListPage {
        @Sendable func page(of bucket: BucketRecord) async -> Result<ListPage, ClusterError> {
            await outcome { () async throws(ClusterError) in
                try await self.listing(of: bucket, request.bucket).page(of: bucket, request)
            }
        }
        let found = try await self.meanwhile(
            in: request.bucket,
            look: self.bucketRecord,
            page
        )
        if let result = found.result { return try result.get() }
        return try await page(of: found.bucket).get()
    }

    /// Lists the objects of a bucket.
    private func listing(of bucket: BucketRecord, _ name: BucketName) -> Listing {
        self.listing { key throws(ClusterError) in
            guard case .object(bucket.id, let object) = key else { return nil }
            let target = Target(name: ObjectName(name, object), bucket: bucket)
            return try await self.record(target, "list \(key)").current?.withoutContent.encoded
        }
    }

    /// Lists buckets.
    func listing() -> Listing {
        self.listing(in: .system) { key throws(ClusterError) in
            try await self.read(key, "list \(key)").body
        }
    }

    func listing(
        in partition: PartitionID? = nil,
        _ read: @escaping @Sendable (RegisterKey) async throws(ClusterError) -> [UInt8]?
    ) -> Listing {
        Listing(
            caller: self.caller,
            layouts: self.layouts,
            doors: self.doors,
            settings: self.settings,
            partition: partition,
            read: read
        )
    }
}

extension BucketRecord {
    /// Whether it is the same bucket, and what binds writes in it is as it was.
    func isSameGeneration(as other: BucketRecord) -> Bool {
        self.id == other.id && self.generation == other.generation
    }
}
