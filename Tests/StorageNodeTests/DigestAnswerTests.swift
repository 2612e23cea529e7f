import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// What a node tells others of its rows so that they can compare, and what it notes of their
/// starts.
struct DigestAnswerTests {
    private static func tombstone(_ round: UInt64) -> RegisterRequest {
        .accept(
            Ballot(round: round, node: 0, incarnation: 1, sequence: 0),
            value(live: false),
            generation: 0
        )
    }

    @Test("Sums and ranges agree, and differ by what was written")
    func digests() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            guard case .digests(let empty) = await node.ask(.digests(nil)) else {
                return #expect(Bool(false), "no digests")
            }
            #expect(empty == Array(repeating: .none, count: PartitionID.all.count))
            let written = key("k")
            _ = await node.put(written, value(live: true))
            guard case .digests(let sums) = await node.ask(.digests(nil)) else {
                return #expect(Bool(false), "no digests")
            }
            let changed = PartitionID.all.indices.filter { sums[$0] != .none }
            #expect(changed.map { PartitionID.all[$0] } == [written.partition])
            guard case .digests(let ranges) = await node.ask(.digests(written.partition)) else {
                return #expect(Bool(false), "no digests")
            }
            let changedRanges = ranges.indices.filter { ranges[$0] != .none }
            #expect(changedRanges == [RowDigest.range(of: written.row)])
            #expect(ranges[changedRanges[0]] == sums[changed[0]])
        }
    }

    @Test("Rows of ranges come page by page, in order, each once", arguments: [1, 2, 7, 1_000])
    func ballots(limit: Int) throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let partition = key("k").partition
            var written: Set<[UInt8]> = []
            var number = 0
            while written.count < 40 {
                let next = key("k\(number)")
                number += 1
                guard next.partition == partition else { continue }
                written.insert(next.row)
                _ = await node.put(next, value(live: true), round: UInt64(number))
            }
            var ranges = (0..<UInt16(RowDigest.ranges)).map { $0 }
            var after: [UInt8]?
            var listed: [RowBallot] = []
            while true {
                let request = BallotRequest(
                    partition: partition,
                    ranges: ranges,
                    after: after,
                    limit: limit
                )
                guard case .ballots(let page) = await node.ask(.ballots(request)) else {
                    return #expect(Bool(false), "no page")
                }
                #expect(page.rows.count <= limit)
                listed += page.rows
                guard page.isTruncated, let last = page.rows.last else { break }
                let range = UInt16(RowDigest.range(of: last.row))
                ranges.removeAll { $0 < range }
                after = last.row
            }
            #expect(Set(listed.map(\.row)) == written)
            #expect(listed.count == written.count)
            for (one, two) in zip(listed, listed.dropFirst()) {
                #expect(RowBallot.precedes(one, two))
            }
        }
    }

    @Test("Tombstones come page by page, oldest first, and only those below the round")
    func tombstones() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for (index, round) in [50, 10, 40, 20, 30].enumerated() {
                let request = Self.tombstone(UInt64(round))
                _ = await node.ask(.register(key("t\(index)"), request))
            }
            _ = await node.put(key("live"), value(live: true), round: 5)
            var listed: [UInt64] = []
            var after: [UInt8]?
            repeat {
                let scan = ScanRequest(.tombstones(before: 50), after: after, limit: 2)
                guard let page = await node.ask(.scan(scan)).page else {
                    return #expect(Bool(false), "no page")
                }
                listed += page.rows.map(\.accepted.round)
                #expect(page.rows.allSatisfy { $0.content == .dead })
                after = page.next
            } while after != nil
            #expect(listed == [10, 20, 30, 40])
        }
    }

    @Test("Damaged rows are listed once they were met, or when all rows are read")
    func damaged() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            for number in 0..<20 { _ = await node.put(key("k\(number)"), value(live: true)) }
            let hit = key("k7")
            var row = try #require(try await machine.engine.get(.rows, hit.row))
            row[row.count - 1] ^= 1
            var batch = RowBatch()
            batch.put(.rows, hit.row, row)
            try await machine.engine.commit(batch, durable: true)
            func listed(all: Bool) async -> [RegisterKey]? {
                let scan = ScanRequest(.damaged(all: all), after: nil, limit: 100)
                return await node.ask(.scan(scan)).page?.rows.map(\.key)
            }
            #expect(await listed(all: false) == [])
            #expect(await listed(all: true) == [hit])
            #expect(await listed(all: false) == [hit])
        }
    }

    @Test("The start of a member is noted durably; of a stranger nothing is kept")
    func announcements() throws {
        try Simulator.run { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b"], in: simulator)
            let machine = nodes[0].machine
            let member = nodes[1].node.id
            func announce(
                _ incarnation: UInt32,
                _ number: UInt64,
                by node: NodeID,
                after previous: NodeStart? = nil,
                to target: TestNode
            ) async throws -> PeerReply {
                let start = NodeStart(incarnation: incarnation, number: number)
                let message = PeerRequest.announce(start, after: previous).message(epoch: 0)
                return try PeerReply(await target.node.handle(message, from: node))
            }
            let stranger = NodeID(high: 9, low: 9)
            for incarnation in [7, 3] as [UInt32] {
                let reply = try await announce(incarnation, 1, by: stranger, to: nodes[0])
                #expect(reply.number == 0)
            }
            #expect(try await announce(7, 1, by: member, to: nodes[0]).number == 0)
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            #expect(try await announce(7, 1, by: member, to: again).number == 0)
            let seventh = NodeStart(incarnation: 7, number: 1)
            #expect(try await announce(6, 5, by: member, to: again).seenStart == seventh)
            #expect(try await announce(7, 2, by: member, to: again).seenStart == seventh)
            let fork = NodeStart(incarnation: 7, number: 2)
            let after = try await announce(8, 3, by: member, after: fork, to: again)
            #expect(after.seenStart == seventh)
            let next = try await announce(8, 3, by: member, after: seventh, to: again)
            #expect(next.number == 0)
        }
    }
}
