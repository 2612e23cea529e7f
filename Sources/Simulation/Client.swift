import Coordinator
import SimulatedRuntime
import StoreModel

/// One client: does one thing after another, through any node, and writes down what it saw.
struct Client: Sendable {
    let number: Int
    let cluster: Cluster
    let workload: Workload
    let history: History
    let oracle: BodyOracle
    let story: Story
    let large: LargeBodies
    let uploads: KnownUploads
    let rules: NodeSabotage
    /// Whether it goes through this machine.
    let uses: @Sendable (Member) -> Bool

    var simulator: Simulator { self.cluster.simulator }

    func draw<Value>(_ body: (inout SplitMix64) -> Value) -> Value {
        self.simulator.draw(body)
    }

    /// Works until `end`, in virtual nanoseconds.
    func work(until end: UInt64) async {
        while self.simulator.nanoseconds < end {
            let pause = self.draw { $0.number(in: 0...self.workload.pauseMicroseconds) }
            await self.simulator.sleep(nanoseconds: UInt64(pause) * 1_000)
            let ready = self.cluster.all.filter { $0.coordinator != nil && self.uses($0) }
            guard !ready.isEmpty else {
                await self.simulator.sleep(nanoseconds: 50_000_000)
                continue
            }
            let key = self.draw { $0.number(in: 0...(self.workload.keys - 1)) }
            let member = self.member(for: key, among: ready)
            switch self.draw({ self.workload.kind(&$0) }) {
            case .put: await self.put(key, at: member)
            case .get: await self.get(key, at: member)
            case .head: await self.head(key, at: member)
            case .delete: await self.delete(key, at: member)
            case .copy:
                let target = self.draw { $0.number(in: 0...(self.workload.keys - 1)) }
                await self.copy(key, to: target, at: member)
            case .list: await self.list(at: member)
            case .deleteBucket: await self.deleteBucket(at: member)
            case .upload: await self.upload(key, at: member)
            case .setVersioning: await self.setVersioning(at: member)
            case .deleteVersion: await self.deleteVersion(key, at: member)
            case .rename: await self.rename(key, at: member)
            }
        }
    }
}

extension Client {
    /// The key's own machine, or any.
    private func member(for key: Int, among ready: [Member]) -> Member {
        let own = self.cluster.all[key % self.cluster.all.count]
        let isOwn = self.draw { $0.chance(permille: self.workload.ownPermille) }
        if isOwn, ready.contains(where: { $0.name == own.name }) { return own }
        return self.draw { $0.pick(ready) }
    }

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
        case .success?:
            self.sawBucket(call)
            self.note(call, key, .write(tag, if: condition), \.succeeded)
        case .failure(let error)? where error.code == .preconditionFailed:
            self.note(call, key, .refused(condition), \.refused)
        case .failure(let error)? where error.code == .objectNotFound:
            self.note(call, key, .missing, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.missedBucket(call)
            self.note(call, key, .read(0), \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(call.number, \.failed)
        case .failure?, nil: self.note(call, key, .write(tag, if: condition), nil)
        }
    }
}
