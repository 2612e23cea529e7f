package import Placement
package import Runtime
package import StoreModel

/// Why a node's answer could not be had.
package enum PeerCallError: Error, Hashable, Sendable {
    case network(NetworkError)
    case failure(PeerFailure)
    /// The reply breaks the protocol.
    case invalid(RecordError)
    /// Ours was the older layout.
    ///
    /// It has been renewed: start again, with a new ballot.
    case staleLayout
}

/// Asks nodes, and keeps both sides on the newest layout either of them knows.
package struct PeerCaller: Sendable {
    private let network: LoopbackNetwork
    private let layouts: LayoutHolder

    package init(network: LoopbackNetwork, layouts: LayoutHolder) {
        self.network = network
        self.layouts = layouts
    }

    package var own: NodeID { self.network.own }

    /// Sends one request and waits for its reply, at most `timeout`.
    ///
    /// A node with an older layout is sent ours and asked once more. With an `epoch` the node
    /// carries the request out only if it acts by that layout, whatever ours is by then.
    package func ask(
        _ node: NodeID,
        _ request: PeerRequest,
        under epoch: UInt64? = nil,
        within timeout: Duration
    ) async throws(PeerCallError) -> PeerReply {
        let reply = try await self.askOnce(node, request, under: epoch, within: timeout)
        guard case .needLayout = reply else { return reply }
        guard let layout = self.layouts.layout else { throw .staleLayout }
        let push = PeerRequest.pushLayout(layout.record)
        _ = try await self.askOnce(node, push, under: nil, within: timeout)
        let second = try await self.askOnce(node, request, under: epoch, within: timeout)
        if case .needLayout = second { throw .staleLayout }
        return second
    }

    private func askOnce(
        _ node: NodeID,
        _ request: PeerRequest,
        under epoch: UInt64?,
        within timeout: Duration
    ) async throws(PeerCallError) -> PeerReply {
        let message = request.message(epoch: epoch ?? self.layouts.epoch)
        let answer: PeerMessage
        do throws(NetworkError) {
            answer = try await self.network.call(node, message, within: timeout)
        } catch { throw .network(error) }
        let reply: PeerReply
        do throws(RecordError) { reply = try PeerReply(answer) } catch { throw .invalid(error) }
        switch reply {
        case .failure(let failure): throw .failure(failure)
        case .staleLayout(let layout):
            await self.adopt(layout, within: timeout)
            throw .staleLayout
        default: return reply
        }
    }

    /// Hands a newer layout to the own node, which makes it durable before anyone acts by it.
    private func adopt(_ layout: LayoutRecord, within timeout: Duration) async {
        guard layout.epoch > self.layouts.epoch else { return }
        let push = PeerRequest.pushLayout(layout).message(epoch: layout.epoch)
        _ = try? await self.network.call(self.own, push, within: timeout)
    }
}
