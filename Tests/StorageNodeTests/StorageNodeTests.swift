import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing
import Wire

struct StorageNodeTests {
    @Test("A node keeps its id for ever and counts its lives")
    func identity() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let first = try await TestNode.open(on: machine)
            #expect(first.node.incarnation == 1)
            machine.crash()
            machine.restart()
            let second = try await TestNode.open(on: machine)
            #expect(second.node.id == first.node.id)
            #expect(second.node.incarnation == 2)
        }
    }

    @Test("A node describes itself, with the layout if it has one")
    func describe() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.open(on: simulator.machine("a"))
            guard case .description(let young) = await node.ask(.describe, epoch: 0) else {
                return #expect(Bool(false), "no description")
            }
            #expect(young == NodeDescription(node: node.node.description, layout: nil))
            #expect(young.node.name == "a" && young.node.address == "a:7332")
            let layout = try LayoutPlan.first(nodes: [young.node])
            #expect(await node.ask(.pushLayout(layout), epoch: 0).number == 0)
            guard case .description(let grown) = await node.ask(.describe, epoch: 9) else {
                return #expect(Bool(false), "no description")
            }
            #expect(grown.layout == layout)
        }
    }

    // MARK: - Epochs

    @Test("Requests by another layout are answered with the newer one, or with the wish for it")
    func epochs() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.open(on: simulator.machine("a"))
            let requests: [PeerRequest] = [
                .register(key("k"), .read),
                .scan(ScanRequest(.buckets, after: nil, limit: 1)),
                .fence(BucketID(1), generation: 1),
                .writeChunk(chunkName(0), chunk(10)),
                .readChunk(chunkName(0), blocks: nil),
                .pullChunk(PullRequest(source: chunkName(0), target: chunkName(1), sources: [])),
                .dropManifest(manifest(), keeping: []),
            ]
            for request in requests {
                for epoch in [UInt64(0), 1] {
                    #expect(await node.ask(request, epoch: epoch).isNeedLayout, "\(request.kind)")
                }
            }
            let one = try LayoutPlan.first(nodes: [node.node.description])
            let two = try LayoutPlan.next(after: one, nodes: [node.node.description])
            _ = await node.ask(.pushLayout(two), epoch: 2)
            for request in requests {
                #expect(await node.ask(request, epoch: 0).staleLayout == two, "\(request.kind)")
                #expect(await node.ask(request, epoch: 1).staleLayout == two, "\(request.kind)")
                #expect(await node.ask(request, epoch: 3).isNeedLayout, "\(request.kind)")
            }
        }
    }

    @Test("The layout's own register is answered before the first layout, then by its epoch only")
    func layoutRegister() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.open(on: simulator.machine("a"))
            let ballot = Ballot(round: 1, node: 0, incarnation: 1, sequence: 0)
            guard
                case .register(let promise) = await node.ask(
                    .register(.layout, .prepare(ballot)),
                    epoch: 0
                )
            else { return #expect(Bool(false), "no promise") }
            #expect(promise == .promised(accepted: .zero, value: nil))
            let read = PeerRequest.register(.layout, .read)
            #expect(await node.ask(read, epoch: 7).isNeedLayout)
            let one = try LayoutPlan.first(nodes: [node.node.description])
            _ = await node.ask(.pushLayout(one))
            #expect(await node.ask(read, epoch: 0).staleLayout == one)
            guard case .register(let row) = await node.ask(read, epoch: 1) else {
                return #expect(Bool(false), "no row")
            }
            #expect(row == .row(accepted: .zero, value: nil))
        }
    }

    @Test("A layout is durable before the node acts by it; older ones and doubles are told apart")
    func layouts() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.open(on: machine)
            let one = try LayoutPlan.first(nodes: [node.node.description])
            let two = try LayoutPlan.next(after: one, nodes: [node.node.description])
            #expect(await node.ask(.pushLayout(two)).number == 0)
            #expect(await node.ask(.pushLayout(two)).number == 0, "the same again is harmless")
            #expect(await node.ask(.pushLayout(one)).staleLayout == two)
            let stranger = TestNode.settings("stranger")
            let other = LayoutNode(
                id: NodeID(high: 5, low: 5),
                name: stranger.name,
                zone: stranger.zone,
                capacityBytes: 1,
                address: stranger.address
            )
            let rival = try LayoutPlan.next(
                after: try LayoutPlan.first(nodes: [other]),
                nodes: [other]
            )
            #expect(await node.ask(.pushLayout(rival)).failureCode == .layoutConflict)
            #expect(node.node.layouts.layout?.record == two)
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            #expect(again.node.layouts.layout?.record == two)
        }
    }

    @Test(
        "Of two layouts of one epoch that arrive at once, one is taken",
        arguments: UInt64(0)..<10
    )
    func rivals(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let node = try await TestNode.open(on: simulator.machine("a"))
            let own = node.node.description
            let bigger = LayoutNode(
                id: own.id,
                name: own.name,
                zone: own.zone,
                capacityBytes: 7,
                address: own.address
            )
            let rivals = try [own, bigger].map { try LayoutPlan.first(nodes: [$0]) }
            let replies = await gather(
                from: rivals,
                background: simulator.doors().background,
                ask: { await node.ask(.pushLayout($0), epoch: 0) },
                enough: { _ in false }
            )
            let taken = replies.filter { $0.reply?.number == 0 }.map(\.node)
            #expect(taken.count == 1)
            #expect(replies.count { $0.reply?.failureCode == .layoutConflict } == 1)
            #expect(node.node.layouts.layout?.record == taken.first)
        }
    }

    // MARK: - Registers

    @Test("A register is answered by its replicas and by nobody else")
    func replicas() throws {
        try Simulator.run { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b", "c", "d", "e"], in: simulator)
            let layout = try #require(nodes[0].node.layouts.layout)
            for number in 0..<20 {
                let key = key("key \(number)")
                let replicas = layout.replicaSet(of: key.partition)
                for node in nodes {
                    let reply = await node.ask(.register(key, .read))
                    if replicas.contains(node.node.id) {
                        guard case .register(.row) = reply else {
                            #expect(Bool(false), "\(reply)")
                            continue
                        }
                    } else {
                        #expect(reply.failureCode == .notAReplica)
                    }
                }
            }
        }
    }

    @Test("What a node has accepted it still has after a crash")
    func acceptedSurvives() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            let value = value(live: true)
            guard case .register(.accepted) = await node.put(key("k"), value) else {
                return #expect(Bool(false), "not accepted")
            }
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            guard
                case .register(.row(_, let found)) = await again.ask(.register(key("k"), .read))
            else { return #expect(Bool(false), "no row") }
            #expect(found == value)
        }
    }

    @Test("Behind a fence, accepts of an older generation are refused, also after a crash")
    func fence() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            #expect(await node.ask(.fence(BucketID(1), generation: 2)).number == 0)
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            guard case .register(let reply) = await again.put(key("k"), value(live: true)) else {
                return #expect(Bool(false), "no reply")
            }
            #expect(reply == .fenced(generation: 2))
        }
    }

    // MARK: - Trouble

    @Test("Bytes that are no request are refused, whatever they are", arguments: UInt64(0)..<20)
    func hostileBytes(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            var random = SplitMix64(seed: seed)
            for _ in 0..<100 {
                func noise(_ most: Int) -> ByteBuffer {
                    let count = random.number(in: 0...most)
                    return ByteBuffer(
                        bytes: (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    )
                }
                let message = PeerMessage(
                    kind: UInt8(random.number(in: 0...255)),
                    epoch: random.next() % 3,
                    head: noise(60),
                    body: noise(20)
                )
                guard (try? PeerRequest(message)) == nil else { continue }
                #expect(await node.send(message).failureCode == .badRequest)
            }
            let register = PeerRequest.register(key("k"), .read).message(epoch: 1)
            var cut = register
            cut.head.moveWriterIndex(to: cut.head.writerIndex - 1)
            #expect(await node.send(cut).failureCode == .badRequest)
            guard case .register = await node.send(register) else {
                return #expect(Bool(false), "the node does not work any more")
            }
        }
    }

    @Test("Replies are no requests")
    func replyAsRequest() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let reply = PeerReply.done(1).message(epoch: 1)
            #expect(await node.send(reply).failureCode == .badRequest)
            #expect(node.node.isInService)
        }
    }

    @Test("After a failed sync of chunks a node serves nothing, until it is opened again")
    func failedChunkSync() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            #expect(await node.ask(.writeChunk(chunkName(0), chunk(9_000))).number == 0)
            machine.disk.failNextSync()
            let failed = await node.ask(.writeChunk(chunkName(1), chunk(9_000)))
            #expect(failed.failureCode == .outOfService)
            try await Self.expectNoService(node)
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            guard case .blocks = await again.ask(.readChunk(chunkName(0), blocks: nil)) else {
                return #expect(Bool(false), "the chunk is not there")
            }
        }
    }

    @Test("After a failed sync of rows a node serves nothing, until it is opened again")
    func failedRowSync() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            machine.engine.failNextSync()
            let failed = await node.put(key("k"), value(live: true))
            #expect(failed.failureCode == .outOfService)
            try await Self.expectNoService(node)
            machine.crash()
            machine.restart()
            let again = try await TestNode.open(on: machine)
            guard case .register = await again.put(key("k"), value(live: true)) else {
                return #expect(Bool(false), "not accepted")
            }
        }
    }

    private static func expectNoService(_ node: TestNode) async throws {
        #expect(!node.node.isInService)
        let requests: [PeerRequest] = [
            .describe, .register(key("k"), .read), .readChunk(chunkName(0), blocks: nil),
            .scan(ScanRequest(.buckets, after: nil, limit: 1)),
            .dropManifest(manifest(), keeping: []),
        ]
        for request in requests {
            #expect(await node.ask(request).failureCode == .outOfService, "\(request.kind)")
        }
    }

    @Test("Two hundred accepts at once share a few syncs")
    func groupCommit() throws {
        try Simulator.run { simulator in
            let machine = simulator.machine("a")
            let node = try await TestNode.alone(on: machine)
            let before = machine.engine.syncCount
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let reply = await node.put(key("k\(number)"), value(live: true))
                        guard case .register(.accepted) = reply else {
                            return #expect(Bool(false), "\(reply)")
                        }
                    }
                }
            }
            // One for the first and the ceiling of promises, one for those who came while it ran;
            // and one more for each turn that rows take which share a lock.
            let syncs = machine.engine.syncCount - before
            #expect((1...8).contains(syncs), "\(syncs) syncs for 200 accepts")
            _ = await node.put(key("alone"), value(live: true))
            #expect(machine.engine.syncCount == before + syncs + 1)
        }
    }

    @Test("Beyond the bound on requests a node says so, and does the others")
    func overload() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a")) { $0.requestsMax = 3 }
            let replies = await gather(
                from: Array(0..<10),
                background: simulator.doors().background,
                ask: { await node.put(key("key \($0)"), value(live: true)) },
                enough: { _ in false }
            )
            #expect(replies.count { $0.reply?.failureCode == .overloaded } == 7)
            #expect(node.node.requestCount == 0)
            guard case .register(.accepted) = await node.put(key("later"), value(live: true)) else {
                return #expect(Bool(false), "not accepted")
            }
        }
    }

    @Test("Many chunks at once wait in line: all are written, and no budget is lost")
    func waitInLine() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a")) {
                $0.chunkBytesMax = 300_000
            }
            for _ in 0..<2 {
                let replies = await gather(
                    from: Array(0..<8),
                    background: simulator.doors().background,
                    ask: { number in
                        let chunk = chunk(130_000, seed: UInt64(number))
                        return await node.ask(.writeChunk(chunkName(number), chunk))
                    },
                    enough: { _ in false }
                )
                #expect(replies.allSatisfy { $0.reply?.number == 0 })
            }
        }
    }
}
