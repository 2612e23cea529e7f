import AdminAPI
import Coordinator
import StoreModel

extension NodeAdmin {
    func copies() async -> CopiesReport {
        let nodes = self.coordinator.layout?.nodes ?? []
        return CopiesReport(
            copies: self.coordinator.copyReports.map { CopiesReport.Copy($0, nodes: nodes) }
        )
    }
}

extension CopiesReport.Copy {
    /// A report of the coordinator, with names for the nodes of the layout.
    init(_ report: CopyReport, nodes: [LayoutNode]) {
        self.init(
            id: "\(report.id)",
            source: "\(report.source)",
            target: "\(report.target)",
            state: State(report.state)
        )
        self.part = report.part.map { Int($0.value) }
        self.mode = report.mode?.rawValue
        self.chunks = report.chunks
        self.chunksDone = report.chunksDone
        self.bytes = report.bytes
        self.bytesDone = report.bytesDone
        self.bytesMoved = report.bytesMoved
        self.retries = report.retries
        self.nodes = report.shares.map { share in
            Node(
                id: "\(share.node)",
                name: nodes.first { $0.id == share.node }?.name ?? "",
                chunks: share.copies,
                bytesMoved: share.bytesMoved
            )
        }
        self.started = Double(report.started) / 1e6
        self.ageSeconds = report.age / .seconds(1)
        self.error = report.failure?.rawValue
    }
}

extension CopiesReport.Copy.State {
    init(_ state: CopyReport.State) {
        switch state {
        case .running: self = .running
        case .stopping: self = .stopping
        case .done: self = .done
        case .failed: self = .failed
        case .cancelled: self = .cancelled
        }
    }
}
