import Content
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// Releases the holds of a manifest that nobody can need any more.
    ///
    /// Such a hold is what an operation leaves that ended before its version became current. The
    /// evidence is a value chosen at a fresh ballot of the owner's register that does not name the
    /// manifest (rule R4); a hold whose ceiling is not below that ballot stays, because its
    /// operation may be under way (rule R5). It may be looked at again at any time, by anybody.
    ///
    /// A pin of an independent copy under way is taken for such a hold: the copy then fails if its
    /// source is deleted meanwhile.
    /// Source: docs/protocol/content.md, "Release".
    ///
    /// - Returns: the number of holds released.
    package func auditHolds(of manifest: ManifestID) async throws(ClusterError) -> Int {
        let operation = "audit the holds of manifest \(manifest)"
        let state = try await self.read(.manifest(manifest), operation)
        guard let body = state.body else { return 0 }
        let record: ManifestRecord
        do throws(RecordError) { record = try ManifestRecord(decoding: body) } catch {
            throw ClusterError(.internalError, operation, cause: error)
        }
        var released = 0
        for hold in record.holds {
            guard let (key, entry) = hold.owner.entry,
                let fence = try await self.evidence(against: entry, of: key, manifest, operation)
            else { continue }
            if try await self.manifests.release(manifest, hold.owner, fence: fence) {
                released += 1
            }
        }
        return released
    }

    /// A ballot chosen on the register whose value does not name the manifest; nil if it does.
    private func evidence(
        against entry: Entry,
        of key: RegisterKey,
        _ manifest: ManifestID,
        _ operation: String
    ) async throws(ClusterError) -> Ballot? {
        do throws(RegisterError) {
            let state = try await self.proposer.identity(
                key,
                generation: 0,
                deadline: self.settings.changeDeadline
            )
            guard let record = try? ObjectRecord(state.value),
                !record.names(manifest, entry: entry)
            else { return nil }
            return state.ballot
        } catch { throw ClusterError(error, operation) }
    }
}
