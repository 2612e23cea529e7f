/// All nodes at once.
extension LocalCluster {
    /// Starts whoever does not run, and waits until all are ready.
    ///
    /// Nodes that were started stay if one fails: their logs say why, and `down` stops them.
    func up() async throws {
        for number in self.plan.numbers { try self.start(number) }
        for number in self.plan.numbers { try await self.waitUntilReady(number) }
    }

    func down() async {
        await withTaskGroup(of: Void.self) { group in
            for number in self.plan.numbers { group.addTask { await self.stop(number) } }
        }
    }

    func check(_ number: Int) throws {
        guard self.plan.numbers.contains(number) else {
            throw Failure("there is no node \(number); they are 1 to \(self.plan.nodes)", .usage)
        }
    }

    func addressLines() -> [String] {
        self.plan.numbers.map { number in
            "n\(number)  S3 http://\(self.plan.s3(number))"
                + "  admin http://\(self.plan.admin(number))"
        }
    }
}

extension LocalCluster.NodeState {
    /// For people.
    var text: String {
        switch self {
        case .down: "down"
        case .notReady(let reason): reason
        case .ready: "ready"
        }
    }
}
