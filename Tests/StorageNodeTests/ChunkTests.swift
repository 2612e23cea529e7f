import NIOCore
import PeerProtocol
import Placement
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing
import Wire

struct ChunkTests {
    @Test("A chunk that was written can be read, whole or in part, from its node")
    func readBack() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let chunk = chunk(3 * Limit.blockBytes + 5)
            #expect(await node.ask(.writeChunk(chunkName(0), chunk)).number == 0)
            #expect(await node.ask(.writeChunk(chunkName(0), chunk)).number == 0, "twice is once")
            guard
                case .blocks(let whole) = await node.ask(.readChunk(chunkName(0), blocks: nil)),
                case .blocks(let part) = await node.ask(.readChunk(chunkName(0), blocks: 1..<3))
            else { return #expect(Bool(false), "not read") }
            #expect(whole == chunk.whole)
            #expect(try part == chunk.slice(ofBlocks: 1..<3))
            let absent = await node.ask(.readChunk(chunkName(1), blocks: nil))
            #expect(absent.failureCode == .notFound)
            let beyond = await node.ask(.readChunk(chunkName(0), blocks: 3..<5))
            #expect(beyond.failureCode == .badRequest)
        }
    }

    @Test("Memory of the system: only the coordinator's own copy of a long chunk is kept there")
    func cacheUse() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let disk = node.machine.disk
            let (long, short) = (chunk(Limit.chunkBytes), chunk(Limit.blockBytes))
            let own = PeerRequest.writeChunk(chunkName(0), long)
            let epoch = node.node.layouts.epoch
            _ = await node.node.handle(own.message(epoch: epoch), from: node.node.id)
            _ = await node.ask(.readChunk(chunkName(0), blocks: nil))
            #expect(disk.passingBytes == (0, 0))
            #expect(await node.ask(.writeChunk(chunkName(1), long)).number == 0)
            let written = disk.passingBytes.written
            #expect(written > Limit.chunkBytes && written < Limit.chunkBytes + 4_096)
            // To read a short one again costs a disk its latency.
            #expect(await node.ask(.writeChunk(chunkName(2), short)).number == 0)
            _ = await node.ask(.readChunk(chunkName(1), blocks: nil))
            #expect(disk.passingBytes == (written, 0), "what clients read is kept")
            // A copy that is made reads and writes without leaving anything.
            let pull = PullRequest(
                source: chunkName(1),
                target: chunkName(3),
                sources: [node.node.id]
            )
            #expect(await node.ask(.pullChunk(pull)).number == 0)
            #expect(disk.passingBytes == (2 * written, UInt64(Limit.chunkBytes)))
        }
    }

    @Test("A chunk that was damaged on its way is refused")
    func damagedOnTheWay() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let sound = chunk(1_000)
            var blocks = sound.blocks
            blocks.setInteger(
                blocks.getInteger(at: 500, as: UInt8.self).map { $0 ^ 1 } ?? 0,
                at: 500
            )
            let damaged = try StoredChunk(header: sound.header, blocks: blocks)
            let reply = await node.ask(.writeChunk(chunkName(0), damaged))
            #expect(reply.failureCode == .badRequest)
            let read = await node.ask(.readChunk(chunkName(0), blocks: nil))
            #expect(read.failureCode == .notFound)
        }
    }

    @Test("Dropping a manifest drops its chunks and no others, and says how many")
    func drop() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for number in 0..<3 {
                _ = await node.ask(.writeChunk(chunkName(number, of: manifest(1)), chunk(5_000)))
            }
            _ = await node.ask(.writeChunk(chunkName(0, of: manifest(2)), chunk(5_000)))
            #expect(await node.ask(.dropManifest(manifest(1), keeping: [])).number == 3)
            #expect(await node.ask(.dropManifest(manifest(1), keeping: [])).number == 0)
            let dropped = await node.ask(.readChunk(chunkName(0, of: manifest(1)), blocks: nil))
            #expect(dropped.failureCode == .notFound)
            guard
                case .blocks = await node.ask(
                    .readChunk(chunkName(0, of: manifest(2)), blocks: nil)
                )
            else { return #expect(Bool(false), "the other manifest's chunk is gone") }
        }
    }

    @Test("A full disk refuses chunks, and still reads and drops")
    func full() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            #expect(await node.ask(.writeChunk(chunkName(0), chunk(50_000))).number == 0)
            machine.disk.adjust { $0.sizeBytes = 1 << 20 }
            var codes: Set<PeerFailure.Code> = []
            let large = chunk(1 << 20)
            for number in 1..<80 {
                let reply = await node.ask(.writeChunk(chunkName(number), large))
                if let code = reply.failureCode { codes.insert(code) }
            }
            #expect(codes == [.full])
            #expect(node.node.isInService)
            guard case .blocks = await node.ask(.readChunk(chunkName(0), blocks: nil)) else {
                return #expect(Bool(false), "not read")
            }
            #expect(try #require(await node.ask(.dropManifest(manifest(), keeping: [])).number) > 0)
        }
    }

    // MARK: - Pulls

    @Test("A pull fetches from the first source that has the chunk, and says what it moved")
    func pull() throws {
        try Simulator.run { simulator in
            let (nodes, network) = try await TestNode.cluster(["a", "b", "c"], in: simulator)
            let chunk = chunk(300_000)
            #expect(await nodes[2].ask(.writeChunk(chunkName(0), chunk)).number == 0)
            let before = network.statistics.bodyBytes
            let request = PeerRequest.pullChunk(
                PullRequest(
                    source: chunkName(0),
                    target: chunkName(0, of: manifest(2)),
                    sources: [nodes[1].node.id, nodes[2].node.id]
                )
            )
            let moved = await nodes[0].ask(request).number
            #expect(moved == UInt64(chunk.header.storedBytes))
            guard
                case .blocks(let slice) = await nodes[0].ask(
                    .readChunk(chunkName(0, of: manifest(2)), blocks: nil)
                )
            else { return #expect(Bool(false), "not there") }
            #expect(slice == chunk.whole, "the same bytes as stored")
            #expect(network.statistics.bodyBytes == before, "requests carry no chunk")
            #expect(await nodes[0].ask(request).number == 0, "again: it is there already")
        }
    }

    @Test("A pull from the own node copies without the network")
    func pullOwn() throws {
        try Simulator.run { simulator in
            let (nodes, network) = try await TestNode.cluster(["a", "b"], in: simulator)
            let chunk = chunk(100_000)
            _ = await nodes[0].ask(.writeChunk(chunkName(0), chunk))
            let sent = network.statistics.sent
            let reply = await nodes[0].ask(
                .pullChunk(
                    PullRequest(
                        source: chunkName(0),
                        target: chunkName(9),
                        sources: [nodes[0].node.id, nodes[1].node.id]
                    )
                )
            )
            #expect(reply.number == 0)
            #expect(network.statistics.sent == sent)
            guard
                case .blocks(let slice) = await nodes[0].ask(.readChunk(chunkName(9), blocks: nil))
            else { return #expect(Bool(false), "not there") }
            #expect(slice == chunk.whole)
        }
    }

    @Test("A pull goes on to the next source when one is down, and fails when all are")
    func pullAround() throws {
        try Simulator.run { simulator in
            let (nodes, network) = try await TestNode.cluster(["a", "b", "c"], in: simulator)
            for node in nodes.dropFirst() {
                _ = await node.ask(.writeChunk(chunkName(0), chunk(20_000)))
            }
            func request(_ target: Int) -> PeerRequest {
                .pullChunk(
                    PullRequest(
                        source: chunkName(0),
                        target: chunkName(target, of: manifest(2)),
                        sources: nodes.dropFirst().map(\.node.id)
                    )
                )
            }
            nodes[1].machine.crash()
            network.crashed(nodes[1].node.id)
            #expect(try #require(await nodes[0].ask(request(1)).number) > 0)
            network.cut(from: nodes[0].machine, to: nodes[2].machine)
            #expect(await nodes[0].ask(request(2)).failureCode == .sourceUnavailable)
            let nowhere = PullRequest(source: chunkName(0), target: chunkName(7), sources: [])
            #expect(await nodes[0].ask(.pullChunk(nowhere)).failureCode == .sourceUnavailable)
            let unwritten = await nodes[0].ask(
                .readChunk(chunkName(2, of: manifest(2)), blocks: nil)
            )
            #expect(unwritten.failureCode == .notFound)
        }
    }

    @Test("However often a chunk is asked for at once, it travels once", arguments: UInt64(0)..<8)
    func pullOnce(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b"], in: simulator)
            let chunk = chunk(200_000)
            _ = await nodes[1].ask(.writeChunk(chunkName(0), chunk))
            let request = PeerRequest.pullChunk(
                PullRequest(
                    source: chunkName(0),
                    target: chunkName(5),
                    sources: [nodes[1].node.id]
                )
            )
            let replies = await gather(
                from: Array(0..<5),
                background: simulator.doors().background,
                ask: { _ in await nodes[0].ask(request) },
                enough: { _ in false }
            )
            let moved = replies.compactMap { $0.reply?.number }
            #expect(moved.count == 5)
            #expect(moved.reduce(0, +) == UInt64(chunk.header.storedBytes))
        }
    }

    @Test("Two nodes that pull from each other more than fits at once both finish")
    func pullBothWays() throws {
        try Simulator.run { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b"], in: simulator) {
                $0.pullBytesMax = 8 << 20
                $0.chunkBytesMax = 8 << 20
            }
            for node in nodes {
                for number in 0..<8 {
                    _ = await node.ask(.writeChunk(chunkName(number), chunk(10_000)))
                }
            }
            let jobs = (0..<16).map { (node: $0 % 2, number: $0 / 2) }
            let replies = await gather(
                from: jobs,
                background: simulator.doors().background,
                ask: { job in
                    await nodes[job.node].ask(
                        .pullChunk(
                            PullRequest(
                                source: chunkName(job.number),
                                target: chunkName(job.number, of: manifest(2)),
                                sources: [nodes[1 - job.node].node.id]
                            )
                        )
                    )
                },
                enough: { _ in false }
            )
            #expect(replies.allSatisfy { ($0.reply?.number ?? 0) > 0 })
        }
    }

    @Test("Damaged bytes are never served; a pull takes the next source", arguments: UInt64(0)..<10)
    func damagedOnDisk(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b", "c"], in: simulator)
            let chunk = chunk(400_000, seed: seed)
            for node in nodes.dropFirst() {
                _ = await node.ask(.writeChunk(chunkName(0), chunk))
            }
            for _ in 0..<30 { _ = nodes[1].machine.disk.flipBit() }
            let damaged = await nodes[1].ask(.readChunk(chunkName(0), blocks: nil))
            #expect(damaged.failureCode == .corrupt)
            let pulled = await nodes[0].ask(
                .pullChunk(
                    PullRequest(
                        source: chunkName(0),
                        target: chunkName(1),
                        sources: nodes.dropFirst().map(\.node.id)
                    )
                )
            )
            #expect(pulled.number == UInt64(chunk.header.storedBytes))
            guard
                case .blocks(let slice) = await nodes[0].ask(
                    .readChunk(chunkName(1), blocks: nil)
                )
            else { return #expect(Bool(false), "acknowledged and not there") }
            #expect(slice == chunk.whole)
        }
    }
}
