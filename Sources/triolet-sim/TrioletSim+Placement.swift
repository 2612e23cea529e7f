import Placement
import Simulation

/// The table of docs/scaling.md.
extension TrioletSim {
    /// Of data that a node keeps at the mean, and of what it may spend on repair in a second.
    private static let bytesPerNode = 1_099_511_627_776.0
    private static let bytesPerSecond = 104_857_600.0

    /// Lays clusters of 10, 100 and 1,000 equal nodes out, and says what comes of it.
    func studyPlacement() throws {
        self.say(
            """
            | nodes, zones | partitions of a node: least, mean, most | most / mean \
            | add one: moved, must | remove the fullest: moved, must \
            | lost node: senders, receivers | replicas at the busiest: mean, most \
            | repair of 1 TiB a node at 100 MiB/s | triples that share a partition |
            """
        )
        self.say("|---|---|---|---|---|---|---|---|---|")
        for (nodes, zones) in [
            (10, 10), (10, 5), (100, 100), (100, 10), (1_000, 1_000), (1_000, 20),
        ] {
            self.say(self.row(try PlacementStudy(nodes: nodes, zones: zones)))
        }
    }

    private func row(_ study: PlacementStudy) -> String {
        let (load, repair) = (study.load, study.repair)
        let seconds = study.repairSeconds(
            bytesPerNode: Self.bytesPerNode,
            bytesPerSecond: Self.bytesPerSecond
        )
        let cells = [
            "\(study.nodes), \(study.zones)",
            "\(Int(load.least)), \(Self.text(load.mean)), \(Int(load.most))",
            Self.text(load.most / load.mean),
            "\(study.adding.moved), \(study.adding.least)",
            "\(study.removing.moved), \(study.removing.least)",
            "\(Self.text(repair.senders.mean)), \(Self.text(repair.receivers.mean))",
            "\(Self.text(repair.busiest.mean)), \(Int(repair.busiest.most))",
            "\(Self.text(seconds / 60)) min",
            "1 in \(Int((1 / study.fatalTriples).rounded()))",
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }

    /// Two digits behind the point.
    private static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
