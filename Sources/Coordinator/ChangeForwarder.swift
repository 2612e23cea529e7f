import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Has changes made by the node that all coordinators forward a register's changes to: the first of
/// its replicas that is not suspect, its *affinity node*.
///
/// Only where others are in the way: elsewhere it would cost a hop and gain nothing. Proposing
/// oneself is always possible. Source: docs/protocol/registers.md, "Forwarded changes".
struct ChangeForwarder: Sendable {
    /// A node that has answered nothing for longer is asked whether it is there before a change is
    /// sent to it: whoever has sent one to a node that stands still has to wait for it.
    private static let hearing = Duration.milliseconds(25)

    /// How long a node is waited for that is asked for its start and answers nothing else: one that
    /// hangs is not forwarded to, and proposing oneself is always possible.
    private static let startPatience = Duration.milliseconds(250)

    /// Silences that a node may take to answer: a change waits its turn there, and takes rounds of
    /// its own.
    private static let silences = 3

    /// The share of the time that is left which the other node may take for a change: what is left
    /// after it is for the answer, so that its "too late" comes before the sender stops waiting.
    private static func share(of left: Duration) -> Duration { left * 3 / 4 }

    let caller: PeerCaller
    let layouts: LayoutHolder
    let health: NodeHealth
    let doors: Doors
    let settings: CoordinatorSettings
    let instruments: CoordinatorInstruments
    /// This coordinator's start.
    let incarnation: UInt32
    let starts = KnownStarts()

    /// The node to forward changes of a register to; nil if it is this one.
    func affinityNode(of key: RegisterKey) -> NodeID? {
        guard case .object = key else { return nil }
        let replicas = self.layouts.layout?.replicaSet(of: key.partition) ?? []
        let node = replicas.first {
            $0 == self.caller.own || !self.health.isAway($0, silentFor: self.settings.silence)
        }
        return node == self.caller.own ? nil : node
    }

    /// Has the affinity node make a change, within the terms' deadline.
    ///
    /// - Returns: nil if that node has certainly not begun with it and never will: the caller
    ///   proposes it himself.
    /// - Throws: `RegisterError`. `unknownOutcome`: it may have been made, and must not be proposed
    ///   again.
    func forward<Change: ForwardableChange>(
        _ key: RegisterKey,
        _ change: Change,
        as kind: ChangeRequest.Kind,
        _ terms: WriteTerms
    ) async throws(RegisterError) -> Change.Outcome? {
        let bytes = change.encoded
        guard let node = self.affinityNode(of: key), bytes.count <= ChangeRequest.changeBytesMax
        else { return nil }
        let started = self.doors.time.nanoseconds
        let patience = terms.deadline ?? self.settings.changeDeadline
        guard let start = await self.start(of: node, key) else { return nil }
        let taken = self.doors.time.nanoseconds.elapsed(since: started)
        let left = patience - .nanoseconds(Int64(clamping: taken))
        guard left > .zero else { throw .contended }
        let wait = UInt64(Self.share(of: left).wholeMicroseconds)
        var request = ChangeRequest(
            sender: self.incarnation,
            key: key,
            generation: terms.generation,
            deadline: self.doors.time.wallMicroseconds + wait,
            kind: kind,
            change: bytes
        )
        request.receiver = start
        request.number = self.starts.nextNumber()
        request.ceiling = terms.hold?.ceiling
        switch try await self.ask(node, request, within: left) {
        case .done(let outcome)?:
            self.instruments.forwarded("done")
            guard let outcome = try? Change.Outcome(decoding: outcome) else {
                throw .unknownOutcome
            }
            return outcome
        case .refused?, nil:
            self.instruments.forwarded("refused")
            return nil
        case .failed(let error)?:
            self.instruments.forwarded("failed")
            throw error
        case .begun?: throw self.unknown()
        }
    }

    private func unknown() -> RegisterError {
        self.instruments.forwarded("unknown")
        return .unknownOutcome
    }

    /// Sends a request that the receiver may carry out.
    ///
    /// - Returns: nil if it was not sent, so that it is certainly not carried out.
    private func ask(
        _ node: NodeID,
        _ request: ChangeRequest,
        within patience: Duration
    ) async throws(RegisterError) -> ChangeReply? {
        self.watch(node)
        do throws(PeerCallError) {
            let reply = try await self.caller.ask(
                node,
                .change(request),
                within: patience
            )
            guard case .change(let answer) = reply else { throw .invalid(.invalid("reply")) }
            // A start between two copies of the message: the other one may have been carried out.
            if case .refused(let incarnation) = answer, incarnation != request.receiver {
                self.starts.forget(node)
                throw .failure(PeerFailure(.unconfirmed, "started again"))
            }
            self.starts.note(request.receiver, of: node, now: self.doors.time.nanoseconds)
            self.health.heard(node)
            return answer
        } catch {
            self.starts.forget(node)
            self.health.suspect(node)
            switch error {
            case .network(.unreachable), .network(.overloaded): return nil
            default: throw self.unknown()
            }
        }
    }

    /// Leaves a node alone if from now on it answers nobody for long: those who have sent it a
    /// change have to wait for what becomes of it, and need not become more.
    private func watch(_ node: NodeID) {
        let now = self.doors.time.nanoseconds
        self.doors.background.run {
            await self.doors.time.sleep(for: self.settings.silence * Self.silences)
            guard self.starts.isSilent(node, since: now),
                !self.health.isHeard(node, within: self.settings.silence)
            else { return }
            self.starts.forget(node)
            self.health.suspect(node)
        }
    }

    /// The present start of a node; asked for with a request that no start carries out, unless the
    /// node is known to be there.
    private func start(of node: NodeID, _ key: RegisterKey) async -> UInt32? {
        if self.health.isHeard(node, within: Self.hearing),
            let known = self.starts.start(of: node, now: self.doors.time.nanoseconds)
        {
            return known
        }
        let question = ChangeRequest(
            sender: self.incarnation,
            key: key,
            generation: 0,
            deadline: 0,
            kind: .put,
            change: []
        )
        var reply = await self.ask(node, question, for: Self.startPatience)
        if reply == nil, self.health.isHeard(node, within: Self.startPatience) {
            // It is slow, and so are its replies: they take as long for whoever proposes himself.
            reply = await self.ask(node, question, for: self.settings.silence * Self.silences)
        }
        guard case .change(.refused(let incarnation))? = reply else {
            self.starts.forget(node)
            self.health.suspect(node)
            return nil
        }
        self.starts.note(incarnation, of: node, now: self.doors.time.nanoseconds)
        return incarnation
    }

    private func ask(
        _ node: NodeID,
        _ question: ChangeRequest,
        for patience: Duration
    ) async -> PeerReply? {
        try? await self.caller.ask(
            node,
            .change(question),
            within: min(patience, self.settings.registerTimeout)
        )
    }
}
