import PeerProtocol
package import Placement
package import Runtime
package import StoreModel
import Synchronization

/// What operators need to change the layout.
extension Coordinator {
    /// Pause between two looks at a change that goes on in the background.
    private static let changePause = Duration.milliseconds(50)

    /// Nodes that answer at the given addresses and are no members: new directories, and nodes
    /// that have been removed.
    ///
    /// - Returns: each once, in order of id.
    package func nonMembers(
        at addresses: [String],
        connector: any SeedConnector
    ) async -> [LayoutNode] {
        let replies = await gather(
            from: Array(Set(addresses)).sorted(),
            background: self.doors.background,
            ask: { await self.describe($0, connector)?.node },
            enough: { _ in false }
        )
        let members = Set(self.layouts.layout?.members ?? [])
        var found: [NodeID: LayoutNode] = [:]
        for node in replies.compactMap(\.reply) where !members.contains(node.id) {
            found[node.id] = node
        }
        return found.values.sorted { $0.id < $1.id }
    }

    /// Begins a change of the layout, which then goes on by itself, and waits for a while.
    ///
    /// - Returns: the layout in which it is done; nil if it goes on.
    /// - Throws: as ``changeLayout(_:)``; `notReady` if this node is no member.
    package func beginLayoutChange(
        _ change: MembershipChange,
        waiting patience: Duration
    ) async throws(ClusterError) -> LayoutRecord? {
        guard self.isMember else { throw ClusterError(.notReady, "\(change)") }
        let outcome = LayoutOutcome()
        self.doors.background.run {
            do throws(ClusterError) {
                outcome.set(.success(try await self.changeLayout(change)))
            } catch { outcome.set(.failure(error)) }
        }
        let began = self.doors.time.nanoseconds
        while outcome.value == nil, !Task.isCancelled,
            Duration.nanoseconds(Int64(self.doors.time.nanoseconds - began)) < patience
        { await self.doors.time.sleep(for: Self.changePause) }
        return try outcome.value?.get()
    }
}

/// How a change of the layout ended, if it has.
private final class LayoutOutcome: Sendable {
    private let state = Mutex<Result<LayoutRecord, ClusterError>?>(nil)

    var value: Result<LayoutRecord, ClusterError>? { self.state.withLock { $0 } }

    func set(_ value: Result<LayoutRecord, ClusterError>) { self.state.withLock { $0 = value } }
}
