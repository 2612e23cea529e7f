import NIOCore
import NIOPosix
import Testing

@testable import triolet_chaos

/// The proxy between a client of ours and a server that says back what it hears.
struct ProxyTests {
    private static let hello = [UInt8](repeating: 7, count: 56)

    /// What comes back of a hello and so many bytes more, until it is as long or the end comes.
    private func echo(_ bytes: Int, through links: Links, from node: Int = 1) async throws
        -> [UInt8]
    {
        let server = try await ChaosProxy.listen()
        let proxy = try await ChaosProxy.listen()
        let target = try #require(server.channel.localAddress)
        let address = try #require(proxy.channel.localAddress)
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                try? await server.executeThenClose { connections in
                    for try await connection in connections {
                        let channel = try await ChaosProxy.open(connection)
                        try? await channel.executeThenClose { input, output in
                            for try await piece in input { try await output.write(piece) }
                        }
                    }
                }
                return nil
            }
            group.addTask {
                await ChaosProxy(node: 2, target: target, links: links, identify: { _ in node })
                    .serve(proxy)
                return nil
            }
            group.addTask {
                let client = try await ClientBootstrap(
                    group: MultiThreadedEventLoopGroup.singleton
                ).connect(to: address) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try ChaosProxy.Channel(wrappingChannelSynchronously: channel)
                    }
                }
                return try await client.executeThenClose { input, output in
                    try await output.write(ByteBuffer(bytes: Self.hello))
                    try await output.write(ByteBuffer(repeating: 9, count: bytes))
                    var heard: [UInt8] = []
                    do {
                        for try await piece in input {
                            heard += Array(buffer: piece)
                            if heard.count == Self.hello.count + bytes { break }
                        }
                    } catch {}
                    return heard
                }
            }
            for try await heard in group {
                guard let heard else { continue }
                group.cancelAll()
                return heard
            }
            return []
        }
    }

    @Test("A link that is well carries everything as it is")
    func well() async throws {
        let heard = try await self.echo(200_000, through: Links())
        #expect(heard == Self.hello + [UInt8](repeating: 9, count: 200_000))
    }

    @Test("Bits turn on a link that turns them, and nowhere else")
    func bits() async throws {
        let links = Links()
        links.set(.flip(everyBytes: 1), on: [Link(from: 1, to: 2)])
        let heard = try await self.echo(1_000, through: links)
        #expect(heard.count == 1_056)
        #expect(heard != Self.hello + [UInt8](repeating: 9, count: 1_000))
        #expect(links.counts.bitsFlipped > 0)
        let other = try await self.echo(1_000, through: links, from: 3)
        #expect(other == Self.hello + [UInt8](repeating: 9, count: 1_000))
    }

    @Test("A connection breaks off after so many bytes")
    func breaking() async throws {
        let links = Links()
        links.set(.breakAfter(bytes: 1_000), on: [Link(from: 1, to: 2)])
        let heard = try await self.echo(1_000_000, through: links)
        #expect(heard.count < 1_000_056)
        #expect(links.counts.broken == 1)
    }
}
