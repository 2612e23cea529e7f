import Coordinator
import SimulatedRuntime
import StoreModel

extension Client {
    func list(at member: Member) async {
        let number = self.history.begin("list at \(member.name)")
        let limit = self.cluster.simulator.draw { $0.pick([1, 2, 1_000]) }
        let call = Call(
            number,
            "list, \(limit) a page",
            member,
            self.cluster.simulator.nanoseconds
        )
        var after: [UInt8]?
        var isFirst = true
        while isFirst || after != nil {
            isFirst = false
            // Each page is an answer of its own.
            let page = Call(number, call.what, member, self.cluster.simulator.nanoseconds)
            let request = ListRequest(bucket: self.cluster.bucket, after: after, limit: limit)
            let result = await self.ask(page) { coordinator throws(ClusterError) in
                try await coordinator.list(request)
            }
            switch result {
            case .success(let found)?:
                self.check(found, after: after, page)
                if let next = found.next, let last = after, !last.lexicographicallyPrecedes(next) {
                    self.history.report(
                        Violation(.noProgress, "#\(number) the next page starts at the same place")
                    )
                    self.history.end(number, \.failed)
                    return
                }
                after = found.next
            case .failure(let error)? where error.code == .bucketNotFound:
                for key in 0..<self.workload.allKeys { self.add(page, key, .read(0)) }
                self.history.end(number, \.refused)
                return
            case .failure?:
                self.history.end(number, \.failed)
                return
            case nil:
                self.history.end(number, \.unknown)
                return
            }
        }
        self.history.end(number, \.succeeded)
    }

    /// Each key that the page covers was read: there, or not there.
    private func check(_ page: ListPage, after: [UInt8]?, _ call: Call) {
        for key in 0..<self.workload.allKeys {
            let name = self.cluster.name(key).key.bytes
            if let after, !after.lexicographicallyPrecedes(name) { continue }
            if let next = page.next, next.lexicographicallyPrecedes(name) { continue }
            let entry = page.entries.first { entry in
                if case .object(let found, _) = entry { return found.bytes == name }
                return false
            }
            guard case .object(_, let summary)? = entry else {
                self.add(call, key, .read(0))
                continue
            }
            guard let tag = Self.tag(of: summary) else {
                self.history.report(Violation(.wrongBytes, "#\(call.number) lists a stranger"))
                continue
            }
            self.check(summary, tag: tag, call)
            self.add(call, key, .read(tag))
        }
    }
}
