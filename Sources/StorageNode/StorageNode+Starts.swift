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
    /// Nodes that are being told, or have been.
    var told: Set<NodeID> = []
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
    /// it durably. They note it only if it comes after the newest start they have seen; otherwise
    /// they say which one that was, at whatever time, and if the directory does not know of it, the
    /// node leaves service for good: its directory is not opened again. The others are told in the
    /// end, too. Numbers of starts alone would not do: with each start a directory that was put
    /// back would count on, also past what was seen, if it crashes before anybody answers.
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
            self.introduceToMembers()
        }
    }

    /// Begins to tell those of this start that nobody tells yet: all members at first, later those
    /// that a new layout has brought.
    ///
    /// They have to know it as well as the others: some day only they may remember it.
    func introduceToMembers() {
        for node in self.otherMembers {
            let isNew = self.introduction.withLock { introduction in
                introduction.caller != nil && introduction.told.insert(node).inserted
            }
            if isNew { self.doors.background.run { await self.introduce(to: node) } }
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
        var previous = self.rows.previousStart
        while let caller = self.introduction.withLock({ $0.caller }), self.isInService,
            self.otherMembers.contains(node)
        {
            let reply = try? await caller.ask(
                node,
                .announce(self.rows.start, after: previous),
                within: Self.introductionTimeout
            )
            switch reply {
            case nil: break
            case .seenStart(let seen)?:
                guard self.rows.knows(seen) else { return await self.retire(seen, by: node) }
                // It missed some: this is the one to come after.
                let isNews = previous != seen
                previous = seen
                if isNews { continue }
            case .some: return self.wasNoted(by: node)
            }
            self.introduction.withLock { _ = $0.asked.insert(node) }
            await self.doors.time.sleep(for: pause)
            pause = min(pause * 2, Self.pauses.longest)
        }
        // It has left; should it come back, it is told again.
        self.introduction.withLock { _ = $0.told.remove(node) }
        if self.isInService, self.otherMembers.contains(node) { self.introduceToMembers() }
    }

    /// Leaves service for good: another node has seen a start that this directory does not know.
    private func retire(_ seen: NodeStart, by node: NodeID) async {
        self.instruments.refusedStart()
        self.logger.error(
            "the directory was put back to an earlier state: start with an empty one instead",
            metadata: ["peer.id": "\(node)", "incarnation.seen": "\(seen.incarnation)"]
        )
        self.leaveService(
            PeerFailure(
                .outOfService,
                "node \(self.id) has been seen further on, in incarnation \(seen.incarnation)"
            )
        )
        // The next start need not ask anybody.
        try? await self.rows.retire()
    }

    private func wasNoted(by node: NodeID) {
        let needed = (self.otherMembers.count + 1) / 2
        self.introduction.withLock { introduction in
            introduction.asked.insert(node)
            introduction.notedBy.insert(node)
            if introduction.notedBy.count >= needed { introduction.isComplete = true }
        }
    }

    /// Takes note of another node's start if it comes after the newest one seen.
    func take(
        _ start: NodeStart,
        after previous: NodeStart?,
        of node: NodeID
    ) async throws(PeerFailure) -> PeerReply {
        // Of strangers nothing is kept: there is no bound to their number.
        guard self.layouts.layout?.index(of: node) != nil else { return .done(0) }
        let seen = try await self.onRows { () async throws(MetadataError) in
            try await self.rows.note(start, after: previous, of: node)
        }
        if let seen { return .seenStart(seen) }
        self.changeHandler?.noticed(start, of: node)
        return .done(0)
    }
}
