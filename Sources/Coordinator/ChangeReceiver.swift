import Content
package import PeerProtocol
import Placement
import Register
import Runtime
package import StoreModel
import Synchronization

/// Makes changes for other coordinators, in the queue of this one.
///
/// Each at most once, whatever the network does with the requests; a change that has come here is
/// never forwarded again. Source: docs/protocol/registers.md, "Forwarded changes".
package final class ChangeReceiver: ChangeHandler {
    /// Changes of others under way; one more is refused.
    private static let underWayMax = 256

    private struct State {
        var windows: [NodeID: SenderWindow] = [:]
        var underWay = 0
    }

    private let incarnation: UInt32
    private let manifests: ManifestKeeper
    private let layouts: LayoutHolder
    private let doors: Doors
    private let settings: CoordinatorSettings
    /// What the forwarder of this coordinator knows of others.
    private let starts: KnownStarts
    private let healing: Healing
    private let instruments: CoordinatorInstruments
    private let state = Mutex(State())

    init(
        incarnation: UInt32,
        manifests: ManifestKeeper,
        layouts: LayoutHolder,
        doors: Doors,
        settings: CoordinatorSettings,
        starts: KnownStarts,
        healing: Healing,
        instruments: CoordinatorInstruments
    ) {
        self.incarnation = incarnation
        self.manifests = manifests
        self.layouts = layouts
        self.doors = doors
        self.settings = settings
        self.starts = starts
        self.healing = healing
        self.instruments = instruments
    }

    package func noticed(_ start: NodeStart, of node: NodeID) {
        self.starts.noticed(start.incarnation, of: node)
        self.healing.noticed(start.incarnation, of: node)
    }

    package func foundDamaged(_ chunk: ChunkName) {
        self.instruments.corrupt(1, foundBy: .read)
        self.healing.repairs.add(chunk, at: self.healing.repairs.caller.own, .read)
    }

    package func answer(_ request: ChangeRequest, from node: NodeID) async -> ChangeReply {
        // Of strangers nothing is kept: there is no bound to their number. They may become members
        // before a double of the request arrives, so that it is no certain refusal.
        guard self.layouts.layout?.index(of: node) != nil else { return .begun }
        guard request.receiver == self.incarnation else {
            return .refused(incarnation: self.incarnation)
        }
        if self.settings.sabotage.contains(.forwardTwice) { return await self.carryOut(request) }
        switch self.admit(request, from: node) {
        case .forgotten: return .begun
        case .again(let reply): return await reply.value
        case .new(let eventual):
            let reply = await self.carryOut(request)
            eventual.fulfil(reply)
            self.state.withLock { state in
                guard state.windows[node]?.sender == request.sender else { return }
                state.windows[node]?.finish(request.number)
            }
            return reply
        }
    }

    private func admit(
        _ request: ChangeRequest,
        from node: NodeID
    ) -> SenderWindow.Admission {
        self.state.withLock { state in
            var window = state.windows[node] ?? SenderWindow(sender: request.sender)
            if window.sender < request.sender { window = SenderWindow(sender: request.sender) }
            guard window.sender == request.sender else { return .forgotten }
            let admission = window.admit(request.number)
            state.windows[node] = window
            return admission
        }
    }

    private func carryOut(_ request: ChangeRequest) async -> ChangeReply {
        let now = self.doors.time.wallMicroseconds
        let isIn = self.state.withLock { state in
            guard state.underWay < Self.underWayMax, now < request.deadline else { return false }
            state.underWay += 1
            return true
        }
        guard isIn else { return .refused(incarnation: self.incarnation) }
        defer { self.state.withLock { $0.underWay -= 1 } }
        self.instruments.receivedChange()
        let left = Duration.microseconds(Int64(clamping: request.deadline - now))
        var terms = WriteTerms(generation: request.generation)
        terms.deadline = min(left, self.settings.changeDeadline)
        do {
            switch request.kind {
            case .put:
                let change = try PutChange(decoding: request.change)
                terms.hold = try self.hold(for: change.version, of: request)
                return .done(try await self.make(change, request, terms))
            case .delete:
                let change = try DeleteChange(decoding: request.change)
                return .done(try await self.make(change, request, terms))
            }
        } catch let error as RegisterError {
            return .failed(error)
        } catch {
            return .refused(incarnation: self.incarnation)
        }
    }

    /// The hold that the sender has taken out for a version, raised by this node, whose ballots it
    /// has to cover.
    ///
    /// By the time that the sender had done that, others would have changed the register.
    private func hold(for version: Version, of request: ChangeRequest) throws -> ChangeHold? {
        guard let ceiling = request.ceiling else { return nil }
        guard let holding = Holding(of: version, at: request.key, ceiling: ceiling) else {
            throw RecordError.invalid("ceiling")
        }
        return self.manifests.changeHold(holding)
    }

    private func make<Change: ForwardableChange>(
        _ change: Change,
        _ request: ChangeRequest,
        _ terms: WriteTerms
    ) async throws -> [UInt8] {
        // Only object registers are changed for others.
        guard case .object = request.key else { throw RecordError.invalid("register") }
        let settled = SettledChange(change, self.settings.sabotage)
        return try await self.manifests.writer.change(request.key, settled, terms).outcome.encoded
    }
}
