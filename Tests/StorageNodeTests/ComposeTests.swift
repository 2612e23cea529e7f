import Crypto
import NIOCore
import PeerProtocol
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing
import Wire

/// Chunks that a node makes of pieces of others.
struct ComposeTests {
    private static let target = chunkName(9, of: manifest(2))

    private static func md5(_ content: ByteBuffer) -> [UInt8] {
        Array(Insecure.MD5.hash(data: Array(content.readableBytesView)))
    }

    private static func content(of name: ChunkName, at node: TestNode) async throws -> ByteBuffer {
        guard case .blocks(let slice) = await node.ask(.readChunk(name, blocks: nil)) else {
            throw PeerFailure(.notFound, "not there")
        }
        return try slice.content()
    }

    @Test("Pieces from here and there become one chunk; only their blocks travel")
    func pieces() throws {
        try Simulator.run { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b", "c"], in: simulator)
            let (own, other) = (chunk(300_000), chunk(6 * Limit.blockBytes, seed: 2))
            _ = await nodes[0].ask(.writeChunk(chunkName(0), own))
            _ = await nodes[2].ask(.writeChunk(chunkName(1), other))
            let sources = nodes.map(\.node.id)
            let start = 2 * Limit.blockBytes - 7
            let request = PeerRequest.composeChunk(
                ComposeRequest(
                    target: Self.target,
                    pieces: [
                        ChunkPiece(
                            source: chunkName(0),
                            range: 299_990..<300_000,
                            sources: sources
                        ),
                        ChunkPiece(
                            source: chunkName(1),
                            range: start..<(start + 9),
                            sources: sources
                        ),
                        ChunkPiece(source: chunkName(0), range: 0..<1, sources: sources),
                    ]
                )
            )
            var wanted = ByteBuffer()
            for (chunk, range) in [
                (own, 299_990..<300_000), (other, start..<(start + 9)), (own, 0..<1),
            ] {
                let content = try chunk.content()
                let piece = content.getSlice(
                    at: content.readerIndex + range.lowerBound,
                    length: range.count
                )
                wanted.writeImmutableBuffer(try #require(piece))
            }
            guard case .composed(let made) = await nodes[0].ask(request) else {
                return #expect(Bool(false), "not made")
            }
            #expect(made.digest == Self.md5(wanted))
            let blocks = try other.slice(ofBlocks: 1..<3).header.storedBytes
            #expect(made.bytesMoved == UInt64(blocks), "Two blocks of six.")
            let found = try await Self.content(of: Self.target, at: nodes[0])
            #expect(found == wanted)
            guard case .composed(let again) = await nodes[0].ask(request) else {
                return #expect(Bool(false), "not there")
            }
            #expect(again == ComposedChunk(bytesMoved: 0, digest: made.digest))
        }
    }

    @Test("Asked for at once, a chunk is made once, and everybody is told its MD5")
    func once() throws {
        try Simulator.run { simulator in
            let (nodes, _) = try await TestNode.cluster(["a", "b"], in: simulator)
            let whole = chunk(200_000)
            _ = await nodes[1].ask(.writeChunk(chunkName(0), whole))
            let request = PeerRequest.composeChunk(
                ComposeRequest(
                    target: Self.target,
                    pieces: [
                        ChunkPiece(
                            source: chunkName(0),
                            range: 5..<200_000,
                            sources: [nodes[1].node.id]
                        )
                    ]
                )
            )
            let replies = await gather(
                from: Array(0..<4),
                background: simulator.doors().background,
                ask: { _ in await nodes[0].ask(request) },
                enough: { _ in false }
            )
            let made = replies.compactMap { reply in
                if case .composed(let made)? = reply.reply { return made }
                return nil
            }
            #expect(made.count == 4 && Set(made.map(\.digest)).count == 1)
            #expect(made.reduce(0) { $0 + $1.bytesMoved } == UInt64(whole.header.storedBytes))
        }
    }

    @Test("A damaged source is passed over; without a sound one nothing is written")
    func damaged() throws {
        try Simulator.run { simulator in
            let (nodes, network) = try await TestNode.cluster(["a", "b", "c"], in: simulator)
            let whole = chunk(100_000)
            for node in nodes.dropFirst() { _ = await node.ask(.writeChunk(chunkName(0), whole)) }
            for _ in 0..<400 { _ = nodes[1].machine.disk.flipBit() }
            func request(_ range: Range<Int>) -> PeerRequest {
                .composeChunk(
                    ComposeRequest(
                        target: Self.target,
                        pieces: [
                            ChunkPiece(
                                source: chunkName(0),
                                range: range,
                                sources: nodes.dropFirst().map(\.node.id)
                            )
                        ]
                    )
                )
            }
            let beyond = await nodes[0].ask(request(99_999..<100_001))
            #expect(beyond.failureCode == .sourceUnavailable)
            guard case .composed = await nodes[0].ask(request(10..<20)) else {
                return #expect(Bool(false), "not made")
            }
            let found = try await Self.content(of: Self.target, at: nodes[0])
            let content = try whole.content()
            #expect(found == content.getSlice(at: content.readerIndex + 10, length: 10))
            _ = await nodes[0].ask(.dropManifest(manifest(2), keeping: []))
            network.cut(from: nodes[0].machine, to: nodes[2].machine)
            #expect(await nodes[0].ask(request(10..<20)).failureCode == .sourceUnavailable)
            let left = await nodes[0].ask(.readChunk(Self.target, blocks: nil))
            #expect(left.failureCode == .notFound)
        }
    }
}
