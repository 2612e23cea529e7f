import Register
import StoreModel

extension ClusterReplicas {
    var skipsIdentities: Bool { self.settings.sabotage.contains(.negativeWithoutIdentity) }

    /// The replies as a proposer takes them that breaks a rule; what they are if it breaks none.
    func spoiled(
        _ replies: [(replica: Int, reply: RegisterReply)],
        of request: RegisterRequest,
        from count: Int
    ) -> [(replica: Int, reply: RegisterReply)] {
        let sabotage = self.settings.sabotage
        guard !sabotage.isEmpty, let first = replies.first else { return replies }
        switch request {
        case .read where sabotage.contains(.readMinority):
            return (0..<count).map { (replica: $0, reply: first.reply) }
        case .prepare where sabotage.contains(.noLineage):
            return replies.map { (replica: $0.replica, reply: $0.reply.withoutLineage) }
        case .prepare where sabotage.contains(.minorityIsChosen):
            return Self.alike(replies)
        default:
            return replies
        }
    }

    /// Everybody who promises shows what the newest of them does.
    private static func alike(
        _ replies: [(replica: Int, reply: RegisterReply)]
    ) -> [(replica: Int, reply: RegisterReply)] {
        var newest: RegisterReply?
        var highest = Ballot.zero
        for (_, reply) in replies {
            guard case .promised(let accepted, _) = reply, accepted >= highest else { continue }
            (newest, highest) = (reply, accepted)
        }
        return replies.map { replica, reply in
            guard case .promised = reply, let newest else { return (replica, reply) }
            return (replica, newest)
        }
    }
}

extension RegisterReply {
    fileprivate var withoutLineage: RegisterReply {
        guard case .promised(let accepted, let value?) = self else { return self }
        let forgetful = RegisterValue(
            changeNumber: value.changeNumber,
            lineage: [],
            body: value.body,
            hasGarbage: value.hasGarbage
        )
        return .promised(accepted: accepted, value: forgetful)
    }
}
