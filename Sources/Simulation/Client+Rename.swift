import Coordinator
import SimulatedRuntime
import StoreModel

extension Client {
    /// Renames what a key holds to the other key of its pair.
    func rename(_ source: Int, at member: Member) async {
        guard let target = self.workload.partner(of: source) else {
            await self.get(source, at: member)
            return
        }
        let condition = self.condition(target)
        let what = "rename k\(source) to k\(target) (\(condition))"
        let number = self.history.begin("\(what) at \(member.name)")
        let call = Call(number, what, member, self.simulator.nanoseconds)
        let asked = self.condition(condition)
        let request = RenameRequest(
            self.cluster.name(source).key,
            to: self.cluster.name(target).key,
            in: self.cluster.bucket,
            targetCheck: { asked.refusal(onETag: $0?.etag) }
        )
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.rename(request)
        }
        switch result {
        case .success(let summary)?:
            guard let tag = Self.tag(of: summary) else {
                self.history.report(Violation(.wrongBytes, "#\(number) renamed a stranger"))
                return self.history.end(number, \.failed)
            }
            self.check(summary, tag: tag, call)
            self.sawBucket(call)
            self.note(call, source, .rename(tag, if: condition), \.succeeded)
        case .failure(let error)? where error.code == .sourceNotFound:
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where error.code == .preconditionFailed:
            self.note(call, target, .refused(condition), \.refused)
        case .failure(let error)? where error.code == .objectNotFound:
            self.note(call, target, .missing, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.missedBucket(call)
            self.add(call, target, .read(0))
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(number, \.failed)
        case .failure?, nil: self.note(call, source, .rename(nil, if: condition), nil)
        }
    }
}
