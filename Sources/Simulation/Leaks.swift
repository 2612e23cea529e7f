import ChunkStore
import Coordinator
import PeerProtocol
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel

extension Inspection {
    /// Nothing is kept that no version names: no chunk, no hold, no manifest, no dropped entry.
    ///
    /// - Precondition: nothing was ever left half done, and the sweeps have had time to end.
    func checkLeaks(keys: Int) async {
        let live = await self.liveVersions(keys: keys)
        var holders: [ManifestID: [Owner]] = [:]
        var chunks: [ChunkName] = []
        for (_, register, version) in live {
            guard case .manifest(let manifest, let segments, _, _) = version.content else {
                continue
            }
            let isNew = holders[manifest] == nil
            holders[manifest, default: []].append(.version(register, version.id))
            guard isNew else { continue }
            for segment in segments {
                chunks += (0..<segment.count).map { segment.chunk($0) }
            }
        }
        await self.checkHolds(holders)
        await self.checkChunkCounts(chunks)
        await self.checkGarbage()
    }

    /// Every manifest that is not dead is held by the versions that name it, and by nobody else.
    private func checkHolds(_ expected: [ManifestID: [Owner]]) async {
        for manifest in self.manifests() {
            guard let body = await self.newest(.manifest(manifest))?.body else { continue }
            guard let record = try? ManifestRecord(decoding: body) else {
                self.report("the record of manifest \(manifest) is damaged")
                continue
            }
            let owners = record.holds.map(\.owner)
            let wanted = (expected[manifest] ?? []).sorted()
            guard owners != wanted else { continue }
            self.report("manifest \(manifest) is held by \(owners); it should be by \(wanted)")
        }
    }

    /// Every node has as many chunks as there are live ones on it.
    private func checkChunkCounts(_ chunks: [ChunkName]) async {
        for member in self.cluster.members {
            guard let node = member.node else { continue }
            var count = 0
            for chunk in chunks {
                if case .blocks? = await self.ask(member, .readChunk(chunk, blocks: nil)) {
                    count += 1
                }
            }
            let kept = node.chunkStatistics.chunks
            guard kept != count else { continue }
            self.report("\(member.name) keeps \(kept) chunks, of which \(count) are live")
        }
    }

    /// Nothing waits for a sweep any more.
    private func checkGarbage() async {
        for member in self.cluster.members {
            guard
                case .rows(let page)? = await self.ask(
                    member,
                    .scan(ScanRequest(.garbage, after: nil, limit: 100))
                )
            else { continue }
            for row in page.rows {
                // A row of one replica that missed the last change is no leak.
                guard let value = await self.newest(row.key), value.hasGarbage else { continue }
                self.report("\(row.key) still names dropped content")
            }
        }
    }

    private func report(_ story: String) { self.history.report(Violation(.leak, story)) }

    /// All manifests that any node has a row of, in order.
    private func manifests() -> [ManifestID] {
        var found: Set<ManifestID> = []
        for member in self.cluster.members {
            for row in member.machine.engine.keys(of: .rows) {
                if case .manifest(let manifest)? = try? RegisterKey(row: row) {
                    found.insert(manifest)
                }
            }
        }
        return found.sorted()
    }
}
