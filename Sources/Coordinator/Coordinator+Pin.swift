import PeerProtocol
import Register
import Runtime
import StoreModel

/// A hold on content that is being copied, of an entry that no version will ever have.
struct Pin: Sendable {
    let entry: VersionID
    let holding: Holding
    let key: RegisterKey
}

extension Coordinator {
    /// Keeps content while it is copied, whatever happens to its version.
    ///
    /// The ceiling is a ballot of this node, so that audits know whom to ask whether the copy is
    /// under way.
    ///
    /// - Returns: nil if the content is gone. The pin has to be taken out again: ``unpin(_:)``.
    func pin(_ content: SharedContent, for target: Target) async throws(ClusterError) -> Pin? {
        let entry = self.newVersion()
        self.begin([.version(entry)])
        let wanted = WantedHold(
            key: target.key,
            entry: entry,
            ceiling: self.ballots.ballot(above: .zero, for: target.key),
            generation: target.bucket.generation
        )
        do throws(ClusterError) {
            if let holding = try await self.manifests.reach(content, for: wanted) {
                return Pin(entry: entry, holding: holding, key: target.key)
            }
        } catch {
            self.end([.version(entry)])
            throw error
        }
        self.end([.version(entry)])
        return nil
    }

    /// Takes a pin out, in the background.
    func unpin(_ pin: Pin) {
        self.end([.version(pin.entry)])
        self.doors.background.run {
            // The pin's owner is nobody's version: any ballot above its ceiling is evidence.
            let fence = self.ballots.ballot(above: pin.holding.ceiling, for: pin.key)
            _ = try? await self.manifests.release(
                pin.holding.manifest,
                pin.holding.owner,
                fence: fence
            )
        }
    }
}
