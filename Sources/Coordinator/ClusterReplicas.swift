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
    /// Who keeps the layout's register as long as no layout says so; empty once one does.
    var founders: [NodeID] = []

    func members(of key: RegisterKey) throws(RegisterError) -> [NodeID] {
        if !self.founders.isEmpty, key == .layout { return self.founders }
        guard let layout = self.layouts.layout else { throw .noLayout }
        // Who is no member has no number of its own to make ballots unique with.
        guard key == .layout || layout.index(of: self.caller.own) != nil else { throw .noLayout }
        return layout.replicaSet(of: key.partition)
    }

    func replicaCount(of key: RegisterKey) throws(RegisterError) -> Int {
        if self.settings.sabotage.contains(.registerQuorumOfOne) { return 1 }
        return try self.members(of: key).count
    }

    private enum Event: Sendable {
        case reply(Int, RegisterReply?)
        case patienceEnded
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        patience: Duration?,
        enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async throws(RegisterError) -> [(replica: Int, reply: RegisterReply)] {
        let members = try self.members(of: key)
        self.instruments.asked(request)
        let (events, inbox) = AsyncStream.makeStream(of: Event.self)
        for replica in members.indices {
            self.doors.background.run {
                inbox.yield(
                    .reply(replica, await self.ask(request, about: key, at: members[replica]))
                )
            }
        }
        var replies: [(replica: Int, reply: RegisterReply)] = []
        var silent = 0
        var isWaiting = false
        for await event in events {
            switch event {
            case .patienceEnded: return self.spoiled(replies, of: request, from: members.count)
            case .reply(let replica, let reply?): replies.append((replica, reply))
            case .reply(_, nil): silent += 1
            }
            if replies.count + silent == members.count || enough(replies) { break }
            if let patience, !isWaiting, replies.count > members.count / 2 {
                isWaiting = true
                self.doors.background.run {
                    await self.doors.time.sleep(for: patience)
                    inbox.yield(.patienceEnded)
                }
            }
        }
        return self.spoiled(replies, of: request, from: members.count)
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        replica: Int
    ) async -> RegisterReply? {
        guard let members = try? self.members(of: key), members.indices.contains(replica) else {
            return nil
        }
        return await self.ask(request, about: key, at: members[replica])
    }

    private func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        at node: NodeID
    ) async -> RegisterReply? {
        let reply = try? await self.caller.ask(
            node,
            .register(key, request),
            within: self.settings.registerTimeout
        )
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
}
