import Logging
import MetadataStore
import PeerProtocol
import Placement
import Runtime
import StoreModel
import Synchronization

/// Whether others know of the node's present start.
struct Introduction: Sendable {
    /// Nothing but introductions is answered as long as this is false.
    var isComplete = true
    /// Nodes that have taken note.
    var notedBy: Set<NodeID> = []
    /// Nodes that were asked to, whether they have answered or not.
    var asked: Set<NodeID> = []
    /// The way to the others; nil while there is none.
    var caller: PeerCaller?
}

extension StorageNode {
    private static let introductionTimeout = Duration.seconds(2)
    private static let pauses = (first: Duration.milliseconds(100), longest: Duration.seconds(30))

    /// Tells all other nodes of this start, one by one, until each has taken note of it.
    ///
    /// A directory that was put back to an earlier state has forgotten promises and must not serve.
    /// Nothing on the directory itself shows that; only the others remember its later starts. So a
    /// node announces each start, and answers nothing else until half of the other nodes have noted
    /// it durably; one that has seen a later start, or another one of the same incarnation, says
    /// so, at whatever time, and the node leaves service for good: its directory is not opened
    /// again. The others are told in the end, too.
    ///
    /// This costs a message per pair of nodes and start, and nothing per request or connection. It
    /// guards against mistakes of operators, not against nodes that lie: the node refuses itself. A
    /// start may go unnoticed if all who saw the later one are away until it has been noted.
    func introduce() {
        self.doors.background.run {
            var pause = Self.pauses.first
            while self.layouts.layout == nil {
                guard self.introduction.withLock({ $0.caller != nil }) else { return }
                await self.doors.time.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
            for node in self.otherMembers {
                self.doors.background.run { await self.introduce(to: node) }
            }
        }
    }

    var otherMembers: [NodeID] {
        (self.layouts.layout?.members ?? []).filter { $0 != self.id }
    }

    /// Whether all other nodes have taken note of the present start.
    package var isKnownToAll: Bool {
        let others = self.otherMembers
        return !others.isEmpty
            && self.introduction.withLock { $0.notedBy.isSuperset(of: others) }
    }

    /// Whether this node answers the others, and whoever of them is up can have found out.
    ///
    /// All others have been asked to note the present start, at least once.
    package var hasIntroducedItself: Bool {
        let others = self.otherMembers
        return self.introduction.withLock { introduction in
            introduction.isComplete && introduction.asked.isSuperset(of: others)
        }
    }

    private func introduce(to node: NodeID) async {
        var pause = Self.pauses.first
        while let caller = self.introduction.withLock({ $0.caller }), self.isInService {
            do throws(PeerCallError) {
                _ = try await caller.ask(
                    node,
                    .announce(self.rows.start),
                    within: Self.introductionTimeout
                )
                return self.wasNoted(by: node)
            } catch {
                if case .failure(let failure) = error, failure.code == .rolledBack {
                    // From now on this is what others are told whatever they ask. It must not look
                    // like a verdict on them: they would leave service too, for good.
                    self.leaveService(PeerFailure(.outOfService, failure.text))
                    // The next start would have a higher number, and pass.
                    try? await self.rows.retire()
                    return
                }
            }
            self.introduction.withLock { _ = $0.asked.insert(node) }
            await self.doors.time.sleep(for: pause)
            pause = min(pause * 2, Self.pauses.longest)
        }
    }

    private func wasNoted(by node: NodeID) {
        let needed = (self.otherMembers.count + 1) / 2
        self.introduction.withLock { introduction in
            introduction.asked.insert(node)
            introduction.notedBy.insert(node)
            if introduction.notedBy.count >= needed { introduction.isComplete = true }
        }
    }

    /// Takes note of another node's start.
    ///
    /// - Throws: `rolledBack` if a later one was seen, or another of the same incarnation.
    func take(_ start: NodeStart, of node: NodeID) async throws(PeerFailure) -> PeerReply {
        // Of strangers nothing is kept: there is no bound to their number.
        guard self.layouts.layout?.index(of: node) != nil else { return .done(0) }
        let isNoted = try await self.onRows { () async throws(MetadataError) in
            try await self.rows.note(start, of: node)
        }
        if isNoted {
            self.changeHandler?.noticed(start, of: node)
            return .done(0)
        }
        self.instruments.refusedStart()
        self.logger.error(
            "node refused: its directory was put back to an earlier state",
            metadata: ["peer.id": "\(node)", "peer.incarnation": "\(start.incarnation)"]
        )
        throw PeerFailure(
            .rolledBack,
            "incarnation \(start.incarnation) of node \(node) is not newer than the last one seen"
        )
    }
}
