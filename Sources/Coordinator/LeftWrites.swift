import PeerProtocol
import Runtime
import StoreModel
import Synchronization

/// Requests to write chunks that nobody waits for any more, since enough others have answered.
///
/// Each keeps its chunk in memory, and its place in the budget of uploads. So one whose node has
/// answered nothing at all for a silence, and then no question either, is given up: a node that
/// stands still would have all of the budget soon, and let nobody upload. That node is suspect from
/// then on, so that few chunks are sent to it.
final class LeftWrites: Sendable {
    /// How long a node may take to answer the question whether it is there: it comes after what is
    /// on its way to it already.
    private static let patience = Duration.seconds(1)

    private let caller: PeerCaller
    private let health: NodeHealth
    private let doors: Doors
    private let alarm: SilenceAlarm
    /// Those whose node is being asked.
    private let doubtful = Mutex<[NodeID: [Task<Void, Never>]]>([:])

    init(caller: PeerCaller, health: NodeHealth, doors: Doors, _ settings: CoordinatorSettings) {
        self.caller = caller
        self.health = health
        self.doors = doors
        self.alarm = SilenceAlarm(after: settings.silence, doors: doors)
    }

    /// Nobody waits for a request any more.
    func add(_ request: Task<Void, Never>?, at node: NodeID) {
        guard let request, node != self.caller.own else { return }
        let now = self.doors.time.nanoseconds
        self.alarm.start { self.look(at: request, of: node, since: now) }
    }

    private func look(at request: Task<Void, Never>, of node: NodeID, since time: UInt64) {
        if self.health.isHeard(node, since: time) { return }
        let isFirst = self.doubtful.withLock { doubtful in
            doubtful[node, default: []].append(request)
            return doubtful[node]?.count == 1
        }
        if isFirst { self.doors.background.run { await self.decide(about: node) } }
    }

    private func decide(about node: NodeID) async {
        let reply = try? await self.caller.ask(node, .describe, within: Self.patience)
        let requests = self.doubtful.withLock { $0.removeValue(forKey: node) } ?? []
        guard reply == nil else {
            self.health.heard(node)
            return
        }
        self.health.suspect(node)
        for request in requests { request.cancel() }
    }
}
