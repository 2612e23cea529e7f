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
            self.noteBucket(call, .remove)
            self.history.end(number, \.succeeded)
        case .failure(let error)? where error.code == .bucketNotEmpty:
            self.sawBucket(call)
            // An open upload is reason enough.
            if !self.workload.hasUploads {
                self.sawOne(of: Array(0..<self.workload.allKeys), call)
            }
            self.history.end(number, \.refused)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.missedBucket(call)
            self.history.end(number, \.refused)
        case .failure?:
            // Whatever the reason: the last step may have been made.
            self.noteBucket(call, .remove, isKnown: false)
            self.history.end(number, \.failed)
        case nil:
            self.noteBucket(call, .remove, isKnown: false)
            self.history.end(number, \.unknown)
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
            self.noteBucket(call, .write(number, if: .absent))
            self.history.end(number, \.succeeded)
            return true
        case .failure(let error)? where error.code == .bucketAlreadyOwned:
            self.sawBucket(call)
            self.history.end(number, \.refused)
            return true
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(number, \.failed)
        case .failure?, nil:
            self.noteBucket(call, .write(number, if: .absent), isKnown: false)
            self.history.end(number, \.unknown)
        }
        return false
    }

    // MARK: - What operations say of the bucket

    /// The bucket was there at some instant of the operation.
    ///
    /// Only written down where somebody deletes buckets.
    func sawBucket(_ call: Call) {
        if self.workload.deletesBuckets { self.noteBucket(call, .present) }
    }

    /// The bucket was not there.
    func missedBucket(_ call: Call) { self.noteBucket(call, .read(0)) }

    private func noteBucket(_ call: Call, _ action: KeyOperation.Action, isKnown: Bool = true) {
        let operation = KeyOperation(
            number: call.number,
            action,
            invoked: call.start,
            responded: isKnown ? self.simulator.nanoseconds : nil
        )
        self.history.addToBucket(operation)
    }

    /// One of these keys, at least, held something at some instant of the operation.
    func sawOne(of keys: [Int], _ call: Call) {
        let sight = KeyOperation(
            number: call.number,
            .present,
            invoked: call.start,
            responded: self.simulator.nanoseconds
        )
        if keys.count == 1, let key = keys.first {
            self.history.add(sight, key: key)
        } else {
            self.history.addSight(History.Sight(keys: keys, operation: sight))
        }
    }
}
