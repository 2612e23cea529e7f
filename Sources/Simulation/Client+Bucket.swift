import Coordinator
import SimulatedRuntime
import StoreModel

extension Client {
    func deleteBucket(at member: Member) async {
        let number = self.history.begin("delete the bucket at \(member.name)")
        let call = Call(number, "delete the bucket", member, self.simulator.nanoseconds)
        let bucket = self.cluster.bucket
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.deleteBucket(bucket)
        }
        switch result {
        case .success?:
            for key in 0..<self.workload.allKeys { self.add(call, key, .read(0)) }
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
