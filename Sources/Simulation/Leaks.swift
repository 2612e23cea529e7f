import ChunkStore
import Coordinator
import PeerProtocol
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel

extension Inspection {
    /// What is kept although no version needs it, or needed and not there: chunks, holds,
    /// manifests, dropped entries.
    ///
    /// Empty once sweeps and audits have had time to end, whatever was left half done.
    func leaks(keys: Int) async -> [String] {
        var holders: [ManifestID: [Owner]] = [:]
        var chunks: Set<ChunkName> = []
        for (_, register, record) in await self.objects(keys: keys, isChosen: true) {
            for upload in record.uploads {
                holders[upload.manifest, default: []].append(.upload(register, upload.id))
            }
            for version in record.versions {
                guard case .manifest(let manifest, _, _, _) = version.content else { continue }
                let segments = await self.segments(of: version.content)
                holders[manifest, default: []].append(.version(register, version.id))
                for segment in segments {
                    chunks.formUnion((0..<segment.count).map { segment.chunk($0) })
                }
            }
        }
        return await self.heldWrongly(holders) + self.chunksLeft(chunks.sorted())
            + self.garbageLeft() + self.partsLeft()
    }

    /// No part is left: all uploads are closed by now.
    private func partsLeft() async -> [String] {
        var stories: [String] = []
        for row in self.partRows() {
            guard await self.chosen(row)?.body != nil else { continue }
            stories.append("\(row) is still there")
        }
        return stories
    }

    /// Every manifest that is not buried is held by the versions that name it and the manifests
    /// that borrow from it, and by nobody else.
    private func heldWrongly(_ versions: [ManifestID: [Owner]]) async -> [String] {
        var stories: [String] = []
        var records: [(manifest: ManifestID, record: ManifestRecord)] = []
        for manifest in self.manifests() {
            guard let body = await self.chosen(.manifest(manifest))?.body else { continue }
            if let record = try? ManifestRecord(decoding: body) {
                records.append((manifest, record))
            } else {
                stories.append("the record of manifest \(manifest) is damaged")
            }
        }
        var expected = versions
        for (manifest, record) in records where record.state != .dead {
            for source in record.borrows {
                expected[source, default: []].append(.manifest(manifest))
            }
        }
        for (manifest, record) in records {
            if record.state == .dead {
                stories.append("manifest \(manifest) is dead and not buried")
                continue
            }
            let owners = record.holds.map(\.owner)
            let wanted = (expected[manifest] ?? []).sorted()
            guard owners != wanted else { continue }
            stories.append(
                "manifest \(manifest) is held by \(owners); it should be by \(wanted)"
            )
        }
        return stories
    }

    /// Every node has as many chunks as there are live ones on it.
    private func chunksLeft(_ chunks: [ChunkName]) async -> [String] {
        var stories: [String] = []
        for member in self.cluster.members {
            guard let node = member.node else { continue }
            var count = 0
            for chunk in chunks {
                switch await self.ask(member, .readChunk(chunk, blocks: nil)) {
                case .blocks?: count += 1
                case .failure(let failure)? where failure.code == .corrupt: count += 1
                default: break
                }
            }
            let kept = node.chunkStatistics.chunks
            guard kept != count else { continue }
            let dead = await self.names(at: member).filter { !chunks.contains($0) }
            var story = "\(member.name) keeps \(kept) chunks, of which \(count) are live"
            for chunk in dead.prefix(3) {
                let body = await self.chosen(.manifest(chunk.manifest))?.body
                let record = body.flatMap { try? ManifestRecord(decoding: $0) }
                story += "; not \(chunk) of "
                story += record.map { "a \($0.state) manifest of \($0.segments)" } ?? "none"
            }
            stories.append(story)
        }
        return stories
    }

    /// The first chunks that a node has, in order.
    private func names(at member: Member) async -> [ChunkName] {
        let list = PeerRequest.listChunks(after: nil, limit: Limit.chunkNames)
        guard case .chunkNames(let names)? = await self.ask(member, list) else { return [] }
        return names
    }

    /// Nothing waits for a sweep any more.
    private func garbageLeft() async -> [String] {
        var stories: [String] = []
        for member in self.cluster.members {
            guard
                case .rows(let page)? = await self.ask(
                    member,
                    .scan(ScanRequest(.garbage, after: nil, limit: 100))
                )
            else { continue }
            for row in page.rows {
                // A row of one replica that missed the last change is no leak.
                guard let value = await self.chosen(row.key), value.hasGarbage else { continue }
                stories.append("\(row.key) still names dropped content")
            }
        }
        return stories
    }

    /// All manifests that any node has a row of, in order.
    func manifests() -> [ManifestID] {
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
