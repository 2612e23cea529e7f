import Content
import PeerProtocol
import Placement
import Register
import StoreModel
import Synchronization

/// Lists of segments too long for a version, as they were fetched lately.
///
/// A list never changes: whoever has one with the right digest has the right one.
final class SegmentLists: Sendable {
    private struct Name: Hashable {
        let manifest: ManifestID
        let digest: UInt64
    }

    private struct State {
        var lists: [Name: [SegmentRun]] = [:]
        var runs = 0
    }

    /// Runs kept, 40 bytes each (8 MiB); beyond that all are forgotten.
    private static let runsMax = 8 << 20 / 40

    private let state = Mutex(State())

    func list(of manifest: ManifestID, digest: UInt64) -> [SegmentRun]? {
        self.state.withLock { $0.lists[Name(manifest: manifest, digest: digest)] }
    }

    func keep(_ list: [SegmentRun], of manifest: ManifestID, digest: UInt64) {
        self.state.withLock { state in
            if state.runs + list.count > Self.runsMax { state = State() }
            let old = state.lists.updateValue(
                list,
                forKey: Name(manifest: manifest, digest: digest)
            )
            state.runs += list.count - (old?.count ?? 0)
        }
    }
}

extension Coordinator {
    /// Where the bytes of a version are that is not inline.
    ///
    /// A long list is fetched from whichever replica of the manifest has it: its digest shows that
    /// it is the right one.
    ///
    /// - Throws: `dataUnavailable` if none has it.
    func segments(
        of content: VersionContent,
        _ operation: String
    ) async throws(ClusterError) -> [SegmentRun] {
        guard case .manifest(let manifest, let segments, let digest, _) = content else { return [] }
        if !segments.isEmpty { return segments }
        if let list = self.segmentLists.list(of: manifest, digest: digest) { return list }
        guard let layout = self.layouts.layout else { throw ClusterError(.notReady, operation) }
        let replicas = layout.replicaSet(of: manifest.partition)
        let own = replicas.filter { $0 == self.caller.own }
        for node in own + replicas.filter({ $0 != self.caller.own }) {
            let reply = try? await self.caller.ask(
                node,
                .register(.manifest(manifest), .read),
                within: self.settings.registerTimeout
            )
            guard case .register(.row(_, let value?))? = reply, let body = value.body,
                let record = try? ManifestRecord(decoding: body),
                record.list.digest == digest
            else { continue }
            self.segmentLists.keep(record.segments, of: manifest, digest: digest)
            return record.segments
        }
        throw ClusterError(
            .dataUnavailable,
            operation,
            facts: ["manifest": "\(manifest)", "asked": "\(replicas.count)"]
        )
    }
}
