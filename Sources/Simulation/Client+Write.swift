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
        let request = PutRequest(
            name: self.cluster.name(key),
            metadata: Self.metadata(tag: number),
            storageClass: storageClass,
            condition: self.condition(condition),
            announcedBytes: says ? UInt64(size) : nil
        )
        let start = self.simulator.nanoseconds
        let call = Call(number, "put k\(key) (\(size) B, \(condition))", member, start)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.put(request, body: PiecewiseBody(body))
        }
        if case .success(let summary)? = result { self.check(summary, tag: number, call) }
        self.wrote(number, key, condition, call, result.map { $0.map { _ in () } })
    }

    func delete(_ key: Int, at member: Member) async {
        let number = self.history.begin("delete k\(key) at \(member.name)")
        let call = Call(number, "delete k\(key)", member, self.simulator.nanoseconds)
        let name = self.cluster.name(key)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.delete(name, condition: .none)
        }
        switch result {
        case .success?: self.note(call, key, .delete, \.succeeded)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.note(call, key, .read(0), \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(number, \.failed)
        case .failure?, nil: self.note(call, key, .delete, nil)
        }
    }

    func copy(_ source: Int, to target: Int, at member: Member) async {
        let condition = self.condition(target)
        let number = self.history.begin("copy k\(source) to k\(target) at \(member.name)")
        let start = self.simulator.nanoseconds
        let history = self.history
        let simulator = self.simulator
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
            sourceCheck: { summary in
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
            }
        )
        let what = "copy k\(source) to k\(target) (\(mode), \(condition))"
        let call = Call(number, what, member, start)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.copy(request)
        }
        switch result {
        case .failure(let error)? where error.code == .sourceNotFound:
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where error.code == .sourceBucketNotFound:
            self.note(call, source, .read(0), \.refused)
        default:
            if case .success(let copied)? = result { self.check(copied.summary, tag: number, call) }
            self.wrote(number, target, condition, call, result.map { $0.map { _ in () } })
        }
    }
}
