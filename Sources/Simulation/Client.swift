import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Synchronization

/// One client: does one thing after another, through any node, and writes down what it saw.
struct Client: Sendable {
    let number: Int
    let cluster: Cluster
    let workload: Workload
    let history: History
    let oracle: BodyOracle
    let story: Story
    let large: LargeBodies

    private var simulator: Simulator { self.cluster.simulator }

    private func draw<Value>(_ body: (inout SplitMix64) -> Value) -> Value {
        self.simulator.draw(body)
    }

    /// Works until `end`, in virtual nanoseconds.
    func work(until end: UInt64) async {
        while self.simulator.nanoseconds < end {
            let pause = self.draw { $0.number(in: 0...self.workload.pauseMicroseconds) }
            await self.simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
            let ready = self.cluster.members.filter { $0.coordinator != nil }
            guard !ready.isEmpty else {
                await self.simulator.sleep(nanoseconds: 50_000_000)
                continue
            }
            let member = self.draw { $0.pick(ready) }
            let key = self.draw { $0.number(in: 0...(self.workload.keys - 1)) }
            switch self.draw({ self.workload.kind(&$0) }) {
            case .put: await self.put(key, at: member)
            case .get: await self.get(key, at: member)
            case .delete: await self.delete(key, at: member)
            case .copy:
                let target = self.draw { $0.number(in: 0...(self.workload.keys - 1)) }
                await self.copy(key, to: target, at: member)
            case .list: await self.list(at: member)
            case .deleteBucket: await self.deleteBucket(at: member)
            }
        }
    }

    // MARK: - Operations

    func put(_ key: Int, at member: Member) async {
        let condition = self.condition(key)
        let number = self.history.begin("put k\(key) at \(member.name)")
        let size = self.draw { random in
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
                guard let tag = Self.tag(of: summary), let body = history.body(of: tag) else {
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

    func deleteBucket(at member: Member) async {
        let number = self.history.begin("delete the bucket at \(member.name)")
        let call = Call(number, "delete the bucket", member, self.simulator.nanoseconds)
        let bucket = self.cluster.bucket
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.deleteBucket(bucket)
        }
        switch result {
        case .success?:
            for key in 0..<self.workload.keys { self.add(call, key, .read(0)) }
            self.history.end(number, \.succeeded)
        case .failure(let error)? where error.code == .bucketNotEmpty:
            self.history.end(number, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.history.end(number, \.refused)
        case .failure?: self.history.end(number, \.failed)
        case nil: self.history.end(number, \.unknown)
        }
        await self.createBucket(at: member)
    }

    /// - Returns: whether it is known to exist.
    @discardableResult
    func createBucket(at member: Member) async -> Bool {
        let number = self.history.begin("create the bucket at \(member.name)")
        let call = Call(number, "create the bucket", member, self.simulator.nanoseconds)
        let bucket = self.cluster.bucket
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.createBucket(bucket)
        }
        switch result {
        case .success?:
            self.history.end(number, \.succeeded)
            return true
        case .failure(let error)? where error.code == .bucketAlreadyOwned:
            self.history.end(number, \.refused)
            return true
        case .failure?: self.history.end(number, \.failed)
        case nil: self.history.end(number, \.unknown)
        }
        return false
    }
}

extension Client {
    /// An operation under way.
    struct Call: Sendable {
        let number: Int
        let what: String
        let member: Member
        let start: UInt64

        init(_ number: Int, _ what: String, _ member: Member, _ start: UInt64) {
            self.number = number
            self.what = what
            self.member = member
            self.start = start
        }
    }

    /// Has the node carry out the operation.
    ///
    /// - Returns: nil if it crashes before it answers.
    func ask<Value: Sendable>(
        _ call: Call,
        _ body: @escaping @Sendable (Coordinator) async throws(ClusterError) -> Value
    ) async -> Result<Value, ClusterError>? {
        self.story.tell("c\(self.number) #\(call.number) \(call.what) at \(call.member.name)")
        guard let coordinator = call.member.coordinator else { return nil }
        let result: Result<Value, ClusterError>? = await call.member.machine.perform {
            do throws(ClusterError) {
                return .success(try await body(coordinator))
            } catch { return .failure(error) }
        }
        let end =
            switch result {
            case .success?: "done"
            case .failure(let error)?: "\(error)"
            case nil: "node crashed"
            }
        self.story.tell("c\(self.number) #\(call.number) \(end)")
        return result
    }

    /// Errors after which certainly nothing was written.
    static func isHarmless(_ error: ClusterError) -> Bool {
        switch error.code {
        case .outcomeUnknown, .internalError: false
        default: true
        }
    }

    func add(_ call: Call, _ key: Int, _ action: KeyOperation.Action) {
        let operation = KeyOperation(
            number: call.number,
            action,
            invoked: call.start,
            responded: self.simulator.nanoseconds
        )
        self.history.add(operation, key: key)
    }

    /// Writes down what became of an operation on one key; of unknown outcome if `count` is nil.
    func note(
        _ call: Call,
        _ key: Int,
        _ action: KeyOperation.Action,
        _ count: WritableKeyPath<History.Counts, Int>?
    ) {
        let operation = KeyOperation(
            number: call.number,
            action,
            invoked: call.start,
            responded: count == nil ? nil : self.simulator.nanoseconds
        )
        self.history.add(operation, key: key)
        self.history.end(call.number, count ?? \.unknown)
    }

    /// Writes down what became of a put or copy.
    func wrote(
        _ tag: Int,
        _ key: Int,
        _ condition: KeyOperation.Condition,
        _ call: Call,
        _ result: Result<Void, ClusterError>?
    ) {
        switch result {
        case .success?: self.note(call, key, .write(tag, if: condition), \.succeeded)
        case .failure(let error)? where error.code == .preconditionFailed:
            self.note(call, key, .refused(condition), \.refused)
        case .failure(let error)? where error.code == .objectNotFound:
            self.note(call, key, .missing, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.note(call, key, .read(0), \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(call.number, \.failed)
        case .failure?, nil: self.note(call, key, .write(tag, if: condition), nil)
        }
    }

    // MARK: - Conditions and metadata

    /// A condition for a write on a key: none, mostly.
    private func condition(_ key: Int) -> KeyOperation.Condition {
        guard self.draw({ $0.chance(permille: self.workload.conditionPermille) }) else {
            return .none
        }
        if self.draw({ $0.chance(permille: 500) }) { return .absent }
        // Something that the key may well hold: what was written to it lately.
        let lately = self.history.operations[key].suffix(6).compactMap { operation in
            if case .write(let tag, _) = operation.action { return tag }
            if case .read(let tag) = operation.action, tag != 0 { return tag }
            return nil
        }
        guard !lately.isEmpty, let body = self.history.body(of: self.draw { $0.pick(lately) })
        else { return .absent }
        return .body(of: body.put)
    }

    private func condition(_ condition: KeyOperation.Condition) -> WriteCondition {
        switch condition {
        case .none: .none
        case .absent: .absent
        case .body(let put): .matches(etag: self.history.body(of: put)?.etag ?? "")
        }
    }

    private func storageClass() -> StorageClass {
        self.draw { $0.chance(permille: 800) } ? .standard : .reducedRedundancy
    }

    static func metadata(tag: Int) -> ObjectMetadata {
        var metadata = ObjectMetadata()
        metadata.user = [.init(name: "tag", value: "\(tag)")]
        return metadata
    }

    /// The put or copy that made a version.
    static func tag(of summary: ObjectSummary) -> Int? { Self.tag(of: summary.metadata) }

    static func tag(of metadata: ObjectMetadata) -> Int? {
        metadata.user.first { $0.name == "tag" }.flatMap { Int($0.value) }
    }
}

/// Bodies of more than one chunk that a run may still make.
final class LargeBodies: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { self.left = Mutex(count) }

    func take(_ random: inout SplitMix64) -> Bool {
        guard random.chance(permille: 100) else { return false }
        return self.left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}

/// A body that arrives in pieces of 64 KiB.
final class PiecewiseBody: BodySource {
    private let left: Mutex<ByteBuffer>

    init(_ body: ByteBuffer) { self.left = Mutex(body) }

    func next() async throws -> ByteBuffer? {
        self.left.withLock { left in
            left.readableBytes == 0
                ? nil : left.readSlice(length: min(64 << 10, left.readableBytes))
        }
    }
}
