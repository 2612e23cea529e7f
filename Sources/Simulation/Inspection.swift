import Content
import Coordinator
import NIOCore
import PeerProtocol
import Placement
import Register
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
    /// Copies of each chunk that may have been damaged.
    let damagedCopies: Int

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

    /// The versions that clients can see.
    func liveVersions(keys: Int) async -> [(key: Int, register: RegisterKey, version: Version)] {
        guard let body = await self.newest(.bucket(self.cluster.bucket))?.body,
            let bucket = try? BucketRecord(decoding: body)
        else { return [] }
        var live: [(key: Int, register: RegisterKey, version: Version)] = []
        for key in 0..<keys {
            let register = RegisterKey.object(bucket.id, self.cluster.name(key).key)
            guard let value = await self.newest(register) else { continue }
            guard let record = try? ObjectRecord(value) else {
                self.history.report(Violation(.wrongBytes, "the record of k\(key) is damaged"))
                continue
            }
            for version in record.versions { live.append((key, register, version)) }
        }
        return live
    }

    /// Every chunk of every live version is intact on as many nodes as its class says.
    func checkContent(keys: Int) async {
        for (key, _, version) in await self.liveVersions(keys: keys) {
            guard case .manifest(_, let segments, _, _) = version.content else { continue }
            let nodes = self.cluster.members.count
            let quorum = min(version.storageClass.writeQuorum, nodes)
            let needed = max(1, quorum - self.damagedCopies)
            for segment in segments {
                for index in 0..<segment.count {
                    let chunk = segment.chunk(index)
                    let holders = await self.holders(
                        of: chunk,
                        bytes: segment.bytes(ofChunk: index)
                    )
                    guard holders.count < needed else { continue }
                    let story =
                        "chunk \(chunk) of k\(key), tag "
                        + "\(Client.tag(of: version.metadata).map(String.init) ?? "none"), is on "
                        + "\(holders) only; \(needed) nodes should have it"
                    self.history.report(Violation(.contentAtRisk, story))
                }
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
