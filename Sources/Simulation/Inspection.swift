import Content
import Coordinator
import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Wire

/// Looks at what all nodes have, once everything is quiet.
///
/// It asks each node by the messages that nodes ask one another, without a network between.
struct Inspection: Sendable {
    let cluster: Cluster
    let history: History
    /// Copies of each chunk that may be damaged or gone at the moment.
    let lacking: @Sendable () -> Int

    var damagedCopies: Int { self.lacking() }

    func ask(_ member: Member, _ request: PeerRequest) async -> PeerReply? {
        guard let node = member.node else { return nil }
        let message = request.message(epoch: node.layouts.epoch)
        let reply = await member.machine.perform { await node.handle(message, from: node.id) }
        return reply.flatMap { try? PeerReply($0) }
    }

    /// The value of a register that has the highest ballot on any node.
    func newest(_ key: RegisterKey) async -> RegisterValue? {
        var newest: (ballot: Ballot, value: RegisterValue?) = (.zero, nil)
        for member in self.cluster.members {
            guard
                case .register(.row(let accepted, let value))? =
                    await self.ask(member, .register(key, .read))
            else { continue }
            if accepted > newest.ballot { newest = (accepted, value) }
        }
        return newest.value
    }

    /// The value of a register that a majority of its replicas has accepted at the same ballot; the
    /// newest if there is none.
    func chosen(_ key: RegisterKey) async -> RegisterValue? {
        var rows: [(ballot: Ballot, value: RegisterValue?)] = []
        for member in self.cluster.members {
            guard
                case .register(.row(let accepted, let value))? =
                    await self.ask(member, .register(key, .read))
            else { continue }
            rows.append((accepted, value))
        }
        let agreed = rows.first { row in
            rows.count { $0.ballot == row.ballot } > rows.count / 2
        }
        return (agreed ?? rows.max { $0.ballot < $1.ballot })?.value
    }

    /// The versions that clients can see: those of any replica's newest row, or, with `isChosen`,
    /// those that are chosen.
    func liveVersions(
        keys: Int,
        isChosen: Bool = false
    ) async -> [(key: Int, register: RegisterKey, version: Version)] {
        await self.objects(keys: keys, isChosen: isChosen).flatMap { object in
            object.record.holders.map { (object.key, object.register, $0) }
        }
    }

    /// The records of all keys that have one.
    func objects(
        keys: Int,
        isChosen: Bool
    ) async -> [(key: Int, register: RegisterKey, record: ObjectRecord)] {
        guard let bucket = await self.bucket() else { return [] }
        var live: [(key: Int, register: RegisterKey, record: ObjectRecord)] = []
        for key in 0..<keys {
            let register = RegisterKey.object(bucket, self.cluster.name(key).key)
            guard let value = isChosen ? await self.chosen(register) : await self.newest(register)
            else { continue }
            guard let record = try? ObjectRecord(value) else {
                self.history.report(Violation(.wrongBytes, "the record of k\(key) is damaged"))
                continue
            }
            live.append((key, register, record))
        }
        return live
    }

    /// The manifests that versions name, each once, in order.
    func namedManifests(keys: Int) async -> [ManifestID] {
        var found: Set<ManifestID> = []
        for (_, _, version) in await self.liveVersions(keys: keys) {
            if case .manifest(let manifest, _, _, _) = version.content { found.insert(manifest) }
        }
        return found.sorted()
    }

    /// Which life of each machine runs; nil for those that are down, starting or out of service.
    var lives: [Int?] {
        self.cluster.members.map { member in
            guard member.coordinator != nil, member.node?.isInService == true else { return nil }
            return member.machine.crashes
        }
    }

    static func tag(_ version: Version) -> String {
        Client.tag(of: version.metadata).map(String.init) ?? "none"
    }

    /// Every chunk of every live version is intact on as many nodes as its class says.
    ///
    /// This, too, is so at any time, if no machine was down and the version is still live
    /// afterwards.
    func checkContent(keys: Int) async {
        let lives = self.lives
        guard !lives.contains(nil) else { return }
        for (key, _, version) in await self.liveVersions(keys: keys) {
            let chunks = Self.chunks(await self.segments(of: version.content))
            for (chunk, bytes) in chunks {
                let quorum = min(version.storageClass.writeQuorum, self.cluster.members.count)
                // A cluster of one has only the copy in which a bit may have turned.
                let needed = quorum - self.damagedCopies
                let holders = await self.holders(of: chunk, bytes: bytes)
                guard holders.count < needed else { continue }
                let now = await self.liveVersions(keys: keys)
                guard lives == self.lives, now.contains(where: { $0.version.id == version.id })
                else { continue }
                let story =
                    "chunk \(chunk) of k\(key), tag \(Self.tag(version)), is on \(holders) only"
                self.history.report(
                    Violation(.contentAtRisk, "\(story); \(needed) nodes should have it")
                )
            }
        }
    }

    /// Where the bytes of a version are; a long list is in its manifest.
    func segments(of content: VersionContent) async -> [SegmentRun] {
        guard case .manifest(let manifest, let segments, _, _) = content else { return [] }
        if !segments.isEmpty { return segments }
        return await self.record(of: manifest)?.segments ?? []
    }

    func record(of manifest: ManifestID) async -> ManifestRecord? {
        let body = await self.newest(.manifest(manifest))?.body
        return body.flatMap { try? ManifestRecord(decoding: $0) }
    }

    /// The bucket of the run, if it is there.
    func bucket() async -> BucketID? {
        let body = await self.newest(.bucket(self.cluster.bucket))?.body
        return body.flatMap { try? BucketRecord(decoding: $0) }?.id
    }

    private static func chunks(_ segments: [SegmentRun]) -> [(ChunkName, Int)] {
        segments.flatMap { segment in
            (0..<segment.count).map { (segment.chunk($0), segment.bytes(ofChunk: $0)) }
        }
    }

    /// Every chunk of every part of an open upload is there, borrowed ones too (I6).
    ///
    /// As in ``checkContent(keys:)``, if no machine was down and the part is still listed
    /// afterwards.
    func checkUploads(keys: Int) async {
        let lives = self.lives
        guard !lives.contains(nil) else { return }
        for (row, part) in await self.openParts(keys: keys) {
            for (chunk, bytes) in Self.chunks(part.segments) {
                // Of a write that is acknowledged two nodes have the chunk; one may be damaged.
                let needed = min(2, self.cluster.members.count) - self.damagedCopies
                let holders = await self.holders(of: chunk, bytes: bytes)
                guard holders.count < needed else { continue }
                let now = await self.openParts(keys: keys)
                guard lives == self.lives,
                    now.contains(where: { $0.row == row && $0.part == part })
                else { continue }
                let story = "chunk \(chunk) of \(row) is on \(holders) only, the upload is open"
                self.history.report(Violation(.contentAtRisk, story))
            }
        }
    }

    /// The parts of uploads that are open by what is chosen.
    private func openParts(keys: Int) async -> [(row: RegisterKey, part: PartRecord)] {
        var open: Set<UploadID> = []
        for (_, _, record) in await self.objects(keys: keys, isChosen: true) {
            open.formUnion(record.uploads.map(\.id))
        }
        var found: [(row: RegisterKey, part: PartRecord)] = []
        for row in self.partRows() {
            guard case .part(_, _, let upload, _) = row, open.contains(upload),
                let body = await self.chosen(row)?.body,
                let part = try? PartRecord(decoding: body)
            else { continue }
            found.append((row, part))
        }
        return found
    }

    /// All parts that any node has a row of, in order.
    func partRows() -> [RegisterKey] {
        var found: Set<RegisterKey> = []
        for member in self.cluster.members {
            for row in member.machine.engine.keys(of: .rows) {
                guard let key = try? RegisterKey(row: row), case .part = key else { continue }
                found.insert(key)
            }
        }
        return found.sorted()
    }

    /// Every chunk of every live version is whole on each of its homes, and on no other node.
    ///
    /// - Precondition: all is mended, and healing has had time to end.
    func checkHealed(keys: Int) async {
        let layouts = self.cluster.members.compactMap { $0.node?.layouts.layout }
        guard let layout = layouts.max(by: { $0.epoch < $1.epoch }) else { return }
        for (key, _, version) in await self.liveVersions(keys: keys) {
            for (chunk, bytes) in Self.chunks(await self.segments(of: version.content)) {
                let homes = layout.preferenceList(of: chunk.partition)
                    .prefix(version.storageClass.replicas)
                let wanted = self.cluster.members.filter { member in
                    member.node.map { homes.contains($0.id) } ?? false
                }.map(\.name)
                let found = await self.holders(of: chunk, bytes: bytes)
                // A cluster of one has only the copy in which a bit may have turned.
                if found == wanted || wanted.count == 1 && self.damagedCopies > 0 { continue }
                let story = "chunk \(chunk) of k\(key), tag \(Self.tag(version))"
                self.history.report(
                    Violation(.notHealed, "\(story), is on \(found); it should be on \(wanted)")
                )
            }
        }
    }

    private func holders(of chunk: ChunkName, bytes: Int) async -> [String] {
        var holders: [String] = []
        for member in self.cluster.members {
            guard
                case .blocks(let slice)? =
                    await self.ask(member, .readChunk(chunk, blocks: nil)),
                let content = try? slice.content(), content.readableBytes == bytes
            else { continue }
            holders.append(member.name)
        }
        return holders
    }
}
