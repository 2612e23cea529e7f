import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// The rows below the coordinators, as each node has them.
extension TestCluster {
    /// The register of an object, and the generation of its bucket.
    func register(_ name: ObjectName) async throws -> (key: RegisterKey, generation: UInt64) {
        let bucket = try await self[0].bucketRecord(name.bucket)
        return (.object(bucket.id, name.key), bucket.generation)
    }

    /// Sends a request to one node, whatever the network is like.
    @discardableResult
    func ask(_ index: Int, _ request: PeerRequest) async -> PeerReply? {
        let node = self.nodes[index].storage
        let message = request.message(epoch: node.layouts.epoch)
        return try? PeerReply(await node.handle(message, from: node.id))
    }

    @discardableResult
    func ask(
        _ index: Int,
        _ request: RegisterRequest,
        about key: RegisterKey
    ) async -> RegisterReply? {
        guard case .register(let reply)? = await self.ask(index, .register(key, request)) else {
            return nil
        }
        return reply
    }

    /// What each node shows of a register.
    func rows(of key: RegisterKey) async -> [RegisterReply?] {
        var rows: [RegisterReply?] = []
        for index in self.nodes.indices { rows.append(await self.ask(index, .read, about: key)) }
        return rows
    }

    /// Registers of which a node has a row.
    func keys(at index: Int) -> [RegisterKey] {
        self.nodes[index].machine.engine.keys(of: .rows).compactMap {
            try? RegisterKey(row: $0)
        }
    }

    /// Parts of uploads on all nodes together.
    var parts: Int {
        get async {
            var count = 0
            for index in self.nodes.indices {
                for key in self.keys(at: index) {
                    guard case .part = key,
                        case .row(_, let value?)? = await self.ask(index, .read, about: key),
                        !value.isTombstone
                    else { continue }
                    count += 1
                }
            }
            return count
        }
    }

    /// Flips one bit of a node's row.
    func damage(_ key: RegisterKey, at index: Int) async throws {
        let engine = self.nodes[index].machine.engine
        var row = try #require(try await engine.get(.rows, key.row))
        row[row.count / 2] ^= 1
        var batch = RowBatch()
        batch.put(.rows, key.row, row)
        try await engine.commit(batch, durable: true)
    }

    /// The nodes that are the replicas of a register, in the order in which they are asked.
    func places(of key: RegisterKey) throws -> [Int] {
        try self[0].proposer.replicas.group(of: key).members.compactMap { replica in
            self.nodes.firstIndex { $0.storage.id == replica }
        }
    }

    /// All manifests that any node has a row of, in order.
    func manifests() -> [ManifestID] {
        let rows = self.nodes.flatMap { $0.machine.engine.keys(of: .rows) }
        let found = rows.compactMap { row -> ManifestID? in
            guard case .manifest(let manifest)? = try? RegisterKey(row: row) else { return nil }
            return manifest
        }
        return Set(found).sorted()
    }

    /// Cuts a node off, in both directions.
    func isolate(_ index: Int) {
        for other in self.nodes.indices where other != index {
            let (lost, rest) = (self.nodes[index].machine, self.nodes[other].machine)
            self.network.cut(from: lost, to: rest)
            self.network.cut(from: rest, to: lost)
        }
    }

    /// A ballot of the present that no coordinator draws.
    func ballot(later: UInt64 = 0) -> Ballot {
        Ballot(
            round: self.nodes[0].machine.doors.time.wallMicroseconds + later,
            node: 900,
            incarnation: 1,
            sequence: 1
        )
    }
}
