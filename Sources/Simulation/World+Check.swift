import Coordinator
import SimulatedRuntime
import StorageNode

extension World {
    /// No node serves whose disk was put back to an earlier state, or emptied.
    func checkRetired() {
        for member in self.cluster.all where member.isRetired {
            guard member.coordinator != nil, member.node?.isInService == true else { continue }
            self.history.report(
                Violation(.servesForgotten, "\(member.name) serves with what it has forgotten")
            )
        }
    }
}
