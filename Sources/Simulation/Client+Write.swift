import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel

extension Client {
    /// Writes the keys that nobody else writes until `end`, in virtual nanoseconds.
    func writeResting(until end: UInt64) async {
        let keys = self.workload.keys..<self.workload.allKeys
        while self.simulator.nanoseconds < end, !keys.isEmpty {
            let ready = self.cluster.members.filter { $0.coordinator != nil }
            if !ready.isEmpty {
                let (member, key, bytes) = self.draw {
                    ($0.pick(ready), $0.pick(Array(keys)), $0.number(in: 17_000...200_000))
                }
                await self.put(key, at: member, bytes: bytes)
            }
            let pause = self.draw { $0.number(in: 100_000...800_000) }
            await self.simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
        }
    }

    func put(_ key: Int, at member: Member, bytes: Int? = nil) async {
        let condition = self.condition(key)
        let number = self.history.begin("put k\(key) at \(member.name)")
        let size =
            bytes
            ?? self.draw { random in
                self.large.take(&random)
                    ? self.workload.largeSize(&random) : self.workload.size(&random)
            }
        let storageClass = self.storageClass()
        let body = self.oracle.body(of: number, bytes: size)
        let etag = BodyOracle.etag(of: body)
        self.history.setBody(.init(put: number, bytes: size, etag: etag), of: number)
        let says = self.draw { $0.chance(permille: 700) }
        let name = self.cluster.name(key)
        let isOutside = self.rules.contains(.conditionOutside)
        let asked = self.condition(condition)
        let request = PutRequest(
            name: name,
            metadata: Self.metadata(tag: number),
            storageClass: storageClass,
            condition: isOutside ? .none : asked,
            announcedBytes: says ? UInt64(size) : nil
        )
        let start = self.simulator.nanoseconds
        let call = Call(number, "put k\(key) (\(size) B, \(condition))", member, start)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            if isOutside { try await self.evaluate(asked, on: name, coordinator) }
            return try await coordinator.put(request, body: self.inPieces(body))
        }
        if case .success(let summary)? = result { self.check(summary, tag: number, call) }
        self.wrote(number, key, condition, call, result.map { $0.map { _ in () } })
    }

    func delete(_ key: Int, at member: Member) async {
        let drawn = self.condition(key)
        // Deleting what is not there is no condition that clients can ask for.
        let condition = drawn == .absent ? .none : drawn
        let number = self.history.begin("delete k\(key) at \(member.name)")
        let call = Call(number, "delete k\(key) (\(condition))", member, self.simulator.nanoseconds)
        let name = self.cluster.name(key)
        let asked = self.condition(condition)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.delete(name, condition: asked)
        }
        let action = condition == .none ? KeyOperation.Action.delete : .deleteIf(condition)
        switch result {
        case .success?:
            self.sawBucket(call)
            self.note(call, key, action, \.succeeded)
        case .failure(let error)? where error.code == .preconditionFailed:
            self.note(call, key, .refused(condition), \.refused)
        case .failure(let error)? where error.code == .objectNotFound:
            self.note(call, key, .missing, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.missedBucket(call)
            self.note(call, key, .read(0), \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(number, \.failed)
        case .failure?, nil: self.note(call, key, action, nil)
        }
    }

    /// A body as this client sends it.
    func inPieces(_ body: ByteBuffer) -> PiecewiseBody {
        PiecewiseBody(
            body,
            self.simulator,
            pauseMicroseconds: self.workload.bodyPauseMicroseconds
        )
    }

    /// Evaluates a condition where it must not be: before the change.
    private func evaluate(
        _ condition: WriteCondition,
        on name: ObjectName,
        _ coordinator: Coordinator
    ) async throws(ClusterError) {
        var etag: String?
        do throws(ClusterError) {
            etag = try await coordinator.open(name).summary.etag
        } catch { guard error.code == .objectNotFound else { throw error } }
        switch condition {
        case .none: break
        case .absent: if etag != nil { throw ClusterError(.preconditionFailed, "put \(name)") }
        case .matches(let wanted):
            guard let etag else { throw ClusterError(.objectNotFound, "put \(name)") }
            if etag != wanted { throw ClusterError(.preconditionFailed, "put \(name)") }
        }
    }

    func copy(_ source: Int, to target: Int, at member: Member) async {
        let condition = self.condition(target)
        let number = self.history.begin("copy k\(source) to k\(target) at \(member.name)")
        let start = self.simulator.nanoseconds
        let history = self.history
        let simulator = self.simulator
        let wanted = self.sourceCondition(source)
        let isMismatch = Flag()
        let mode = self.draw {
            $0.pick([CopyRequest.Mode.automatic, .automatic, .reference, .independent])
        }
        let request = CopyRequest(
            source: self.cluster.name(source),
            target: self.cluster.name(target),
            mode: mode,
            storageClass: self.storageClass(),
            metadata: Self.metadata(tag: number),
            condition: self.condition(condition),
            sourceCheck: { summary throws(ClusterError) in
                // Seeing the source is a read of it; the last one is what the copy is made of.
                guard let tag = Self.tag(of: summary),
                    let body = history.body(of: tag, etag: summary.etag)
                else {
                    history.report(
                        Violation(.wrongBytes, "#\(number) copies a stranger: \(summary)")
                    )
                    return
                }
                history.setBody(body, of: number)
                let read = KeyOperation(
                    number: number,
                    .read(tag),
                    invoked: start,
                    responded: simulator.nanoseconds
                )
                history.add(read, key: source)
                guard let wanted, wanted.put != body.put, wanted.etag != body.etag else { return }
                isMismatch.raise()
                throw ClusterError(.preconditionFailed, "copy the body of #\(wanted.put)")
            }
        )
        let only = wanted.map { ", only the body of #\($0.put)" } ?? ""
        let what = "copy k\(source) to k\(target) (\(mode), \(condition)\(only))"
        let call = Call(number, what, member, start)
        let patience = self.patience()
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await Self.wait(patience, simulator) { () throws(ClusterError) in
                try await coordinator.copy(request)
            }
        }
        switch result {
        case .failure(let error)? where error.code == .preconditionFailed && isMismatch.isRaised:
            self.history.end(number, \.refused)
        case .failure(let error)? where error.code == .sourceNotFound:
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where error.code == .sourceBucketNotFound:
            self.note(call, source, .read(0), \.refused)
        default:
            if case .success(let copied)? = result {
                self.history.countCopy()
                self.check(copied.summary, tag: number, call)
            }
            self.wrote(number, target, condition, call, result.map { $0.map { _ in () } })
        }
    }
}
