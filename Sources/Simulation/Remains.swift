import SimulatedRuntime

/// Tells what is left in memory of a run that is over: nothing should.
struct Remains {
    private struct Part {
        let name: String
        weak var object: AnyObject?
    }

    private let parts: [Part]
    private let tasks: Int

    /// - Parameters:
    ///   - cluster: all of it, as long as it is there.
    ///   - tasks: how many have not ended.
    init(of cluster: Cluster, tasks: Int) {
        let common: [(name: String, object: AnyObject)] = [
            ("simulator", cluster.simulator), ("network", cluster.network), ("cluster", cluster),
        ]
        let all = common + cluster.all.flatMap(\.parts)
        self.parts = all.map { Part(name: $0.name, object: $0.object) }
        self.tasks = tasks
    }

    /// What is there now.
    var names: [String] {
        let left = self.parts.filter { $0.object != nil }.map(\.name)
        return left + (self.tasks == 0 ? [] : ["\(self.tasks) tasks"])
    }
}
