import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// The replicas of registers as they are: nodes that are asked over the network.
struct ClusterReplicas: RegisterReplicas {
    let caller: PeerCaller
    let layouts: LayoutHolder
    let doors: Doors
    let ballots: BallotSource
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments
    let tails: KnownTails
    let readOrder: ReadOrder
    let health: NodeHealth
    let silence: SilenceAlarm
    let turns = SettlingTurns()
    /// Who keeps the layout's register as long as no layout says so; empty once one does.
    var founders: [NodeID] = []
    /// The layout to go by whatever is in force by now; nil for the present one.
    var pinned: Layout?

    func group(of key: RegisterKey) throws(RegisterError) -> ReplicaGroup {
        if !self.founders.isEmpty, key == .layout {
            return ReplicaGroup(
                epoch: 0,
                members: self.founders,
                quorum: Quorum(majorityOf: self.founders.count)
            )
        }
        guard let layout = self.pinned ?? self.layouts.layout else { throw .noLayout }
        // Who is no member has no number of its own to make ballots unique with.
        guard key == .layout || layout.index(of: self.caller.own) != nil else { throw .noLayout }
        let members = layout.replicaSet(of: key.partition)
        return ReplicaGroup(
            epoch: layout.epoch,
            members: members,
            quorum: self.quorum(of: members, layout.quorumSets(of: key.partition)),
            isJoint: layout.isJoint
        )
    }

    private func quorum(of members: [NodeID], _ sets: [[NodeID]]) -> Quorum {
        if self.settings.sabotage.contains(.registerQuorumOfOne) {
            return .anyOne(of: members.count)
        }
        guard sets.count > 1 else { return Quorum(majorityOf: members.count) }
        let sets = self.settings.sabotage.contains(.jointNewOnly) ? [sets[1]] : sets
        return Quorum(
            majoritiesOf: sets.map { set in
                members.indices.filter { set.contains(members[$0]) }
            },
            count: members.count
        )
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        _ terms: RoundTerms,
        enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async -> [(replica: Int, reply: RegisterReply)] {
        self.instruments.asked(request)
        if let step = request.rareStep(about: key) { await self.doors.reach(step) }
        var round = self.round(of: request, about: key, of: group)
        var order = Array(group.members.indices)[...]
        if terms.quorumFirst {
            let places = self.readOrder.places(of: group)
            order = places.order.prefix(places.first)
            round.waiting = places.order.dropFirst(places.first)
        }
        for replica in order { round.ask(replica) }
        if !round.waiting.isEmpty { self.silence.start(round.silenceEnds) }
        let replies = await round.gather(terms.patience, enough)
        return self.spoiled(replies, of: request, from: group.count)
    }

    private func round(
        of request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup
    ) -> ReplicaRound {
        let request = ShortRequest(whole: request, named: self.tails.named(request, about: key))
        return ReplicaRound(group: group, doors: self.doors, readOrder: self.readOrder) {
            await self.ask(request, about: key, of: group, replica: $0)
        }
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply? {
        let short = self.tails.named(request, about: key)
        return await self.ask(
            ShortRequest(whole: request, named: short),
            about: key,
            of: group,
            replica: replica
        )
    }

    /// Sends the request in its short form, if it has one, and whole if the replica asks for that.
    private func ask(
        _ request: ShortRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply? {
        if let step = request.whole.rareStepToOne(about: key) { await self.doors.reach(step) }
        var answer: RegisterReply?
        if let named = request.named {
            answer = await self.send(named, about: key, of: group, replica: replica)
            guard answer == .tailMissing else { return answer }
            self.tails.forget(key)
        }
        answer = await self.send(request.whole, about: key, of: group, replica: replica)
        self.tails.note(answer, to: request.whole, about: key)
        return answer
    }

    private func send(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply? {
        let reply = try? await self.caller.ask(
            group.members[replica],
            .register(key, request),
            under: group.epoch,
            within: self.settings.registerTimeout
        )
        if reply != nil { self.health.heard(group.members[replica]) }
        guard case .register(let answer)? = reply, answer != .corrupt else { return nil }
        if self.settings.sabotage.contains(.noneIsTomb), case .row(_, let value?) = answer,
            value.isTombstone
        {
            return .row(accepted: .zero, value: nil)
        }
        return answer
    }

    func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
        self.ballots.ballot(above: other, for: key)
    }

    func pause(upTo longest: Duration) async {
        let share = self.doors.random.next() % 1_001
        await self.doors.time.sleep(for: longest * Int(share) / 1_000)
    }

    var nanoseconds: UInt64 { self.doors.time.nanoseconds }

    func beginSettling(_ key: RegisterKey) async -> Bool { await self.turns.begin(key) }

    func endSettling(_ key: RegisterKey) { self.turns.end(key) }
}
