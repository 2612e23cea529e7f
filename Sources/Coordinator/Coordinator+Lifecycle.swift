import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// What a pass over the buckets with lifecycle rules did.
package struct LifecycleSummary: Hashable, Sendable {
    /// Objects of the own share that were looked at.
    package var judged = 0
    /// Current versions that are gone or hidden.
    package var objects = 0
    /// Old versions, and delete markers that hid nothing, that are gone.
    package var versions = 0
    /// Uploads aborted.
    package var uploads = 0
    /// Keys and buckets left for later: a majority is missing, or too much waits for release.
    package var failures = 0
    /// Longest list of keys that were changed at the same time.
    package var parallelMax = 0

    package init() {}
}

/// A pass under way.
private struct LifecyclePass {
    var summary = LifecycleSummary()
    /// The members that answered when they were asked last, and when that was, in nanoseconds.
    var up: (nodes: Set<NodeID>, asOf: UInt64)?
}

/// Lifecycle rules: removing what their owner wants gone.
///
/// Each node looks at its own rows, and changes the keys whose first replica it is among those that
/// are up. The truth is in the change itself (``ExpireChange``), so it is harmless if two nodes, or
/// one that starts again, do the same. Source: docs/protocol/content.md, "Lifecycle rules".
extension Coordinator {
    /// Looks a day has: often enough for a node that was down, or something that could not be done.
    private static let looksPerDay: UInt64 = 24
    /// How long it is believed which nodes are up.
    private static let upAge = Duration.seconds(30)
    /// Changes of one key in one pass: all its versions and uploads are gone by then.
    private static let changesMax = 10

    var lifecycleDay: LifecycleDay {
        LifecycleDay(microseconds: max(1, self.settings.lifecycleDay.wholeMicroseconds))
    }

    /// One pass each day, at its beginning; returns when the task is cancelled.
    ///
    /// The first one comes some time after the start. What a pass leaves is tried again the same
    /// day.
    package func runLifecycle() async {
        let day = self.lifecycleDay
        var done: UInt64?
        while !Task.isCancelled {
            let now = self.doors.time.wallMicroseconds
            let left = day.microseconds - now % day.microseconds
            let pause = min(left, max(1, day.microseconds / Self.looksPerDay))
            await self.doors.time.sleep(for: .microseconds(pause))
            let today = day.number(at: self.doors.time.wallMicroseconds)
            guard !Task.isCancelled, today != done else { continue }
            let summary = await self.expire()
            done = summary.failures == 0 ? today : nil
        }
    }

    /// One pass over the own share of all buckets that have rules.
    package func expire() async -> LifecycleSummary {
        let start = self.doors.time.nanoseconds
        var pass = LifecyclePass()
        do throws(ClusterError) {
            for (name, bucket) in try await self.listing().buckets() {
                guard bucket.settings[.lifecycle] != nil else { continue }
                await self.expire(in: name, bucket.id, &pass)
            }
        } catch { pass.summary.failures += 1 }
        let seconds = Double(self.doors.time.nanoseconds - start) / 1e9
        self.instruments.expired(pass.summary, seconds: seconds)
        return pass.summary
    }

    /// Page by page; before each the bucket is read again, so that little is looked at in vain.
    private func expire(in name: BucketName, _ id: BucketID, _ pass: inout LifecyclePass) async {
        var after: [UInt8]?
        repeat {
            let bucket: BucketRecord
            do throws(ClusterError) { bucket = try await self.bucketRecord(name) } catch {
                if error.code != .bucketNotFound { pass.summary.failures += 1 }
                return
            }
            guard bucket.id == id, bucket.state == .active, bucket.settings[.lifecycle] != nil
            else { return }
            guard let rules = bucket.settings.lifecycle else {
                pass.summary.failures += 1
                return
            }
            guard let prefix = rules.commonPrefix else { return }
            let scan = ScanRequest(
                .judged(id, prefix: prefix),
                after: after,
                limit: min(self.settings.lifecycleRows, Limit.scanRows)
            )
            guard let page = await self.ownRows(scan) else {
                pass.summary.failures += 1
                return
            }
            let due = await self.due(page, by: rules, &pass)
            await self.expire(due, in: name, &pass)
            after = page.next
            if after != nil { await self.doors.time.sleep(for: self.settings.lifecyclePause) }
        } while after != nil && !Task.isCancelled
    }

    /// Rows of a page that are this node's business and that the rules seem to want something gone
    /// of.
    private func due(
        _ page: ScanPage,
        by rules: LifecycleRules,
        _ pass: inout LifecyclePass
    ) async -> [RegisterKey] {
        guard !page.rows.isEmpty, let layout = self.layouts.layout else { return [] }
        let up = await self.nodesUp(&pass)
        let clock = self.lifecycleClock
        var due: [RegisterKey] = []
        for row in page.rows {
            let replicas = layout.replicaSet(of: row.key.partition)
            guard replicas.first(where: up.contains) == self.caller.own,
                case .object(_, let key) = row.key, case .live(let body) = row.content,
                let record = try? ObjectRecord(decoding: body)
            else { continue }
            pass.summary.judged += 1
            if !rules.verdict(on: record, of: key, at: clock).isEmpty { due.append(row.key) }
        }
        return due
    }

    private func nodesUp(_ pass: inout LifecyclePass) async -> Set<NodeID> {
        let now = self.doors.time.nanoseconds
        if let up = pass.up, now - up.asOf < Self.upAge.wholeMicroseconds * 1_000 {
            return up.nodes
        }
        let nodes = await self.nodesUp()
        pass.up = (nodes, now)
        return nodes
    }

    private var lifecycleClock: LifecycleClock {
        LifecycleClock(
            now: HybridTime(microseconds: self.doors.time.wallMicroseconds),
            day: self.lifecycleDay
        )
    }

    private func expire(
        _ due: [RegisterKey],
        in bucket: BucketName,
        _ pass: inout LifecyclePass
    ) async {
        let outcomes = await self.inParallel(due) { key -> ExpireChange.Outcome? in
            guard case .object(_, let object) = key else { return nil }
            return try? await self.expire(ObjectName(bucket, object))
        }
        for (_, outcome) in outcomes {
            guard let outcome else {
                pass.summary.failures += 1
                continue
            }
            pass.summary.objects += outcome.objects
            pass.summary.versions += outcome.versions
            pass.summary.uploads += outcome.uploads
            if outcome.refusal != nil { pass.summary.failures += 1 }
        }
        pass.summary.parallelMax = max(
            pass.summary.parallelMax,
            min(due.count, self.settings.parallelRepairs)
        )
    }

    /// Removes of one key what the rules want gone that its bucket has by now.
    ///
    /// The change carries the generation of the bucket that has these rules: it cannot be made any
    /// more once others are in force.
    func expire(_ name: ObjectName) async throws(ClusterError) -> ExpireChange.Outcome {
        var total = ExpireChange.Outcome()
        for _ in 0..<Self.changesMax {
            let outcome = try await self.expireOnce(name)
            total.objects += outcome.objects
            total.versions += outcome.versions
            total.uploads += outcome.uploads
            total.refusal = outcome.refusal
            guard outcome.isMoreDue, outcome.refusal == nil else { break }
        }
        return total
    }

    private func expireOnce(
        _ name: ObjectName
    ) async throws(ClusterError) -> ExpireChange.Outcome {
        let (target, promised) = try await self.prepare(name)
        let (id, clock) = (self.newVersion(), self.lifecycleClock)
        return try await self.change(
            target,
            WriteTerms(promised: promised),
            "expire \(name)"
        ) { bucket in
            let marker = Version(
                marker: id,
                isNull: bucket.settings.versioning == .suspended,
                modified: self.ballots.now(),
                access: AccessList(owner: bucket.settings.access.owner)
            )
            return ExpireChange(
                name.key,
                by: bucket.settings.lifecycle ?? LifecycleRules([]),
                at: clock,
                behind: bucket.settings.versioning == .never ? nil : marker
            )
        }
    }

    /// What clients are told of a version that is the current one of its key.
    func summary(of version: Version, at target: Target) -> ObjectSummary {
        var summary = ObjectSummary(version, in: target.bucket)
        summary.expiry = target.bucket.settings.lifecycle?.expiry(
            of: version,
            target.name.key,
            self.lifecycleDay
        )
        return summary
    }
}
