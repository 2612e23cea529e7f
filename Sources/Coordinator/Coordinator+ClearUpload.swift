import Content
import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel

/// Removing what is left of uploads that are closed.
///
/// Source: docs/protocol/content.md, "Multipart uploads".
extension Coordinator {
    /// Removes the parts of a closed upload, and gives back what they borrowed and the object does
    /// not.
    ///
    /// May be done by anybody, again, and by several at once. A part that is stored later is its
    /// coordinator's business, and of ``auditParts(into:)`` if that has crashed.
    ///
    /// - Parameters:
    ///   - upload: It is closed in a chosen value: so it stays closed.
    ///   - manifest: That of its parts.
    ///   - key: The register of the object.
    /// - Throws: `busy` or `quorumUnavailable`: it has to be done again.
    func clear(
        _ upload: UploadID,
        of manifest: ManifestID,
        _ key: RegisterKey
    ) async throws(ClusterError) {
        let parts = try await self.parts(of: upload, key, nil)
        let borrowed = Set(parts.values.flatMap(\.borrowed))
        switch try await self.manifests.kill(manifest) {
        case .alive(let record):
            // An upload's hold that is left is one that the audit has to finish (rule R7).
            guard record.isFinal else {
                throw ClusterError(.busy, "clear upload \(upload)")
            }
            let unneeded = borrowed.subtracting(record.borrows)
            try await self.giveBack(unneeded.sorted(), borrowedBy: manifest)
            await self.dropUnlisted(record, of: manifest)
        case .dead:
            try await self.giveBack(borrowed.sorted(), borrowedBy: manifest)
        case .buried:
            try await self.giveBack(borrowed.sorted(), borrowedBy: manifest)
            // Chunks that came after the burial.
            if !parts.isEmpty { await self.drop(manifest, keeping: []) }
        }
        try await self.remove(parts.keys.sorted(), of: upload, key)
    }

    /// Rule R8: the borrower is dead, or final without the lenders among its borrows.
    private func giveBack(
        _ lenders: [ManifestID],
        borrowedBy manifest: ManifestID
    ) async throws(ClusterError) {
        for lender in lenders {
            // Its ceiling is zero: who borrows has no register in which it could come and go.
            try await self.manifests.release(lender, .manifest(manifest), fence: manifest.birth)
        }
    }

    /// Rule R7: the manifest is final, so chunks that it does not list are nobody's.
    private func dropUnlisted(_ record: ManifestRecord, of manifest: ManifestID) async {
        await self.drop(manifest, keeping: record.segments.filter { $0.manifest == manifest })
    }

    func drop(_ manifest: ManifestID, keeping kept: [SegmentRun]) async {
        guard let layout = self.layouts.layout else { return }
        // A node that is away audits its chunks when it is back.
        _ = await gather(
            from: layout.members,
            background: self.doors.background,
            ask: { node -> Bool? in
                _ = try? await self.caller.ask(
                    node,
                    .dropManifest(manifest, keeping: kept),
                    within: self.settings.chunkTimeout
                )
                return true
            },
            enough: { _ in false }
        )
    }

    private func remove(
        _ parts: [PartNumber],
        of upload: UploadID,
        _ key: RegisterKey
    ) async throws(ClusterError) {
        guard case .object(let bucket, let object) = key else { return }
        let rows = parts.map { RegisterKey.part(bucket, object, upload, $0) }
        let outcomes = await self.inParallel(rows) { row -> Bool in
            (try? await self.completing(row) { generation throws(RegisterError) in
                try await self.remove(row, generation: generation)
            }) ?? false
        }
        guard outcomes.allSatisfy(\.outcome) else {
            throw ClusterError(.quorumUnavailable, "clear upload \(upload)")
        }
    }

    private func remove(
        _ row: RegisterKey,
        generation: UInt64
    ) async throws(RegisterError) -> Bool {
        do {
            let terms = WriteTerms(generation: generation)
            _ = try await self.writer.change(row, RemovePartChange(), terms)
            return true
        } catch let error as RegisterError {
            throw error
        } catch { return false }
    }

    // MARK: - Audit

    /// Removes parts of uploads that are closed, among the next of the own rows.
    ///
    /// They come from coordinators that stalled or crashed when they stored a part.
    func auditParts(into summary: inout AuditSummary) async {
        guard let page = await self.auditPage(.partRows, self.auditMemory.parts) else {
            summary.postponed += 1
            return
        }
        var due: [UploadID: (key: RegisterKey, manifest: ManifestID)] = [:]
        for row in page.rows {
            guard case .part(let bucket, let object, let upload, _) = row.key,
                case .live(let body) = row.content, due[upload] == nil,
                self.isOldEnough(row.accepted.round), self.turn(of: row.key) == 0,
                let part = try? PartRecord(decoding: body)
            else { continue }
            due[upload] = (.object(bucket, object), part.manifest)
        }
        for (upload, found) in due.sorted(by: { $0.key < $1.key }) {
            do throws(ClusterError) {
                if try await self.clearIfClosed(upload, of: found.manifest, found.key) {
                    summary.uploadsCleared += 1
                }
            } catch { summary.postponed += 1 }
        }
    }

    private func clearIfClosed(
        _ upload: UploadID,
        of manifest: ManifestID,
        _ key: RegisterKey
    ) async throws(ClusterError) -> Bool {
        let operation = "look up upload \(upload)"
        // A part is stored after its upload was seen open: if it is not, it has been closed.
        let state = try await self.completed(key, operation)
        do throws(RecordError) {
            let record = try ObjectRecord(state.value)
            if record.upload(upload) != nil { return false }
            // The sweep has it in hand.
            if record.garbage.contains(where: { $0.entry == .upload(upload) }) { return false }
        } catch { throw ClusterError(.internalError, operation, cause: error) }
        try await self.clear(upload, of: manifest, key)
        return true
    }
}
