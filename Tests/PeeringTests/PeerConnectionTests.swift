import NIOCore
import NIOPosix
import Runtime
import StoreModel
import TestSupport
import Testing

@testable import Peering

@Suite(.timeLimit(.minutes(1)))
struct PeerConnectionTests {
    @Test("TCP_NODELAY is set at both ends")
    func noDelay() async throws {
        let pair = try await PeerPair()
        _ = try await pair.call(message("x"))
        let client = try #require(
            try await pair.network.link(to: PeerPair.serverNode, 0).channel()
        )
        let server = try #require(pair.server.channels.first)
        for channel in [client, server] {
            let value = try await channel.getOption(.tcpOption(.tcp_nodelay)).get()
            #expect(value == 1)
        }
        await pair.shutdown()
    }

    @Test(
        "Each event loop that calls has a connection of its own, up to the bound",
        arguments: [(1, 1), (2, 2), (4, 3), (8, 3)]
    )
    func lanes(loops: Int, connections: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let pair = try await PeerPair(group: group, client: { $0.connectionsPerPeer = 3 })
        for _ in 0..<2 {
            for loop in group.makeIterator() {
                let reply = try await LoopExecutor(loop).run { try await pair.call(message("x")) }
                #expect(reply.kind == 2)
            }
        }
        // Whoever is on no loop uses one of theirs.
        _ = try await pair.call(message("x"))
        #expect(pair.server.channels.count == connections)
        for lane in 0..<connections {
            let link = pair.network.link(to: PeerPair.serverNode, lane)
            let channel = try #require(try await link.channel())
            #expect(channel.eventLoop === link.loop)
        }
        await pair.shutdown()
        try await group.shutdownGracefully()
    }

    @Test("A connection that breaks fails the calls under way, and the next call makes a new one")
    func breaks() async throws {
        let begun = Flag()
        let handler = ClosureHandler { request, _ in
            guard String(buffer: request.head) == "slow" else { return request }
            begun.set()
            try? await Task.sleep(for: .seconds(30))
            return request
        }
        let pair = try await PeerPair(handler)
        _ = try await pair.call(message("x"))
        let caller = Task {
            await failure { () throws(NetworkError) in try await pair.call(message("slow")) }
        }
        #expect(try await eventually { begun.isSet })
        try await pair.server.channels.first?.close().get()
        #expect(await caller.value == .disconnected)
        #expect(try await pair.call(message("again")).kind == 1)
        await pair.shutdown()
    }

    @Test("A node where nobody listens fails calls at once, and is reached when it comes back")
    func unreachable() async throws {
        let pair = try await PeerPair()
        _ = try await pair.call(message("x"))
        await pair.server.shutdown(within: .milliseconds(10))
        for _ in 0..<20 {
            let error = await failure { () throws(NetworkError) in
                try await pair.call(message("x"))
            }
            #expect(error == .unreachable || error == .disconnected, "Nobody waits for a time-out.")
        }
        let address = pair.server.address
        let second = try await PeerServer.start(
            try PeerPair.settings(PeerPair.serverNode) { $0.listen = address },
            group: pair.group,
            handler: echo,
            logger: pair.log.logger
        )
        #expect(try await eventually { (try? await pair.call(message("x")))?.kind == 2 })
        await pair.network.shutdown()
        await second.shutdown(within: .seconds(1))
    }

    @Test("A node that connects to this one is called at once, whatever the back-off")
    func met() async throws {
        let hour = Duration.seconds(3_600)
        let pair = try await PeerPair(client: {
            $0.backOffMin = hour
            $0.backOffMax = hour
        })
        _ = try await pair.call(message("x"))
        await pair.server.shutdown(within: .milliseconds(10))
        #expect(
            try await eventually {
                await failure { () throws(NetworkError) in try await pair.call(message("x")) }
                    == .unreachable
            }
        )
        let address = pair.server.address
        let second = try await PeerServer.start(
            try PeerPair.settings(PeerPair.serverNode) { $0.listen = address },
            group: pair.group,
            handler: echo,
            logger: pair.log.logger
        )
        await #expect(throws: NetworkError.unreachable) { try await pair.call(message("x")) }

        // The other way round: the node that is back connects to where this one listens.
        let listener = try await PeerServer.start(
            try PeerPair.settings(PeerPair.clientNode),
            group: pair.group,
            handler: echo,
            logger: pair.log.logger
        ) { pair.network.met($0) }
        let listening = listener.address.description
        let back = PeerNetwork(
            try PeerPair.settings(PeerPair.serverNode),
            group: pair.group,
            logger: pair.log.logger
        ) { _ in listening }
        _ = try await back.call(PeerPair.clientNode, message("here I am"), within: .seconds(10))
        #expect(try await pair.call(message("x")).kind == 2)

        await back.shutdown()
        await listener.shutdown(within: .seconds(1))
        await pair.network.shutdown()
        await second.shutdown(within: .seconds(1))
    }

    @Test("A node of which no address is known is unreachable")
    func noAddress() async throws {
        let pair = try await PeerPair()
        await #expect(throws: NetworkError.unreachable) {
            try await pair.network.call(
                NodeID(high: 9, low: 9),
                message("x"),
                within: .seconds(5)
            )
        }
        await pair.shutdown()
    }

    @Test("Whoever answers at an address is found out, and can be called from then on")
    func seeds() async throws {
        let pair = try await PeerPair()
        let network = PeerNetwork(
            try PeerPair.settings(PeerPair.clientNode),
            group: pair.group,
            logger: pair.log.logger
        ) { _ in nil }
        let node = try await network.connect(to: pair.server.address.description)
        #expect(node == PeerPair.serverNode)
        #expect(try await network.call(node, message("x"), within: .seconds(5)).kind == 2)
        // The address is remembered: a broken connection is made again.
        try await pair.server.channels.first?.close().get()
        #expect(
            try await eventually {
                (try? await network.call(node, message("x"), within: .seconds(5)))?.kind == 2
            }
        )
        await #expect(throws: NetworkError.refused("nonsense is not host:port")) {
            try await network.connect(to: "nonsense")
        }
        await network.shutdown()
        await pair.shutdown()
    }

    @Test("The own node is recognised at its own address")
    func ownAddress() async throws {
        let pair = try await PeerPair()
        let network = PeerNetwork(
            try PeerPair.settings(PeerPair.serverNode),
            group: pair.group,
            logger: pair.log.logger
        ) { _ in nil }
        #expect(
            try await network.connect(to: pair.server.address.description) == PeerPair.serverNode
        )
        await network.shutdown()
        await pair.shutdown()
    }

    @Test("Another node at the address of a known one is not taken for it")
    func unexpectedNode() async throws {
        let pair = try await PeerPair()
        let address = pair.server.address.description
        let network = PeerNetwork(
            try PeerPair.settings(PeerPair.clientNode),
            group: pair.group,
            logger: pair.log.logger
        ) { _ in address }
        await #expect(throws: NetworkError.unreachable) {
            try await network.call(NodeID(high: 3, low: 3), message("x"), within: .seconds(5))
        }
        #expect(pair.log.lines.contains { $0.contains("unexpectedNode") })
        await network.shutdown()
        await pair.shutdown()
    }

    @Test("A peer that accepts and then says nothing is noticed")
    func silentPeer() async throws {
        // Forwards the handshake and the first call, then swallows everything: a paused process.
        let pair = try await PeerPair()
        let relay = try await Relay.start(to: pair.server.address, group: pair.group)
        let network = PeerNetwork(
            try PeerPair.settings(PeerPair.clientNode) {
                // Long enough for a machine that is busy with other tests.
                $0.pingInterval = .milliseconds(50)
                $0.deadAfter = .seconds(2)
            },
            group: pair.group,
            logger: pair.log.logger
        ) { _ in relay.address }
        #expect(
            try await network.call(PeerPair.serverNode, message("x"), within: .seconds(5)).kind == 2
        )
        relay.pause()
        await #expect(throws: NetworkError.disconnected) {
            try await network.call(PeerPair.serverNode, message("x"), within: .seconds(30))
        }
        #expect(pair.log.lines.contains { $0.contains("no answer to a ping") })
        await network.shutdown()
        await relay.close()
        await pair.shutdown()
    }

    @Test("Shutting the server down lets the requests under way finish")
    func gracefulShutdown() async throws {
        let begun = Flag()
        let handler = ClosureHandler { request, _ in
            begun.set()
            try? await Task.sleep(for: .milliseconds(200))
            return request
        }
        let pair = try await PeerPair(handler)
        async let reply = pair.call(message("slow"))
        #expect(try await eventually { begun.isSet })
        await pair.server.shutdown(within: .seconds(10))
        #expect(try await reply.kind == 1)
        await #expect(throws: NetworkError.unreachable) { try await pair.call(message("late")) }
        await pair.network.shutdown()
    }

    @Test("Shutting the network down ends the calls under way")
    func networkShutdown() async throws {
        let begun = Flag()
        let handler = ClosureHandler { request, _ in
            begun.set()
            try? await Task.sleep(for: .seconds(30))
            return request
        }
        let pair = try await PeerPair(handler)
        async let error = failure { () throws(NetworkError) in try await pair.call(message("slow"))
        }
        #expect(try await eventually { begun.isSet })
        await pair.network.shutdown()
        #expect(await error == .disconnected)
        await #expect(throws: NetworkError.unreachable) { try await pair.call(message("late")) }
        await pair.shutdown()
    }
}
