import Crypto
import NIOCore
import StoreModel
import Wire

/// Chunks and frames.
enum WireBenchmarks {
    /// Bytes that do not deflate, and such as do.
    static func noise(_ count: Int) -> ByteBuffer {
        var state: UInt64 = 7
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        while buffer.readableBytes < count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            buffer.writeInteger(UInt32(truncatingIfNeeded: state >> 32))
        }
        return buffer.getSlice(at: 0, length: count) ?? buffer
    }

    static func text(_ count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + 64)
        var line = 0
        while buffer.readableBytes < count {
            buffer.writeString("line \(line): a log of what was done, and when\n")
            line += 1
        }
        return buffer.getSlice(at: 0, length: count) ?? buffer
    }

    static func all() throws -> [Benchmark] { try self.codec() + self.frames() }

    private static func codec() throws -> [Benchmark] {
        let small = self.noise(64 << 10)
        let large = self.noise(Limit.chunkBytes)
        let prose = self.text(Limit.chunkBytes)
        let (stored, deflated) = (StoredChunk.encode(large), StoredChunk.encode(prose))
        return [
            Benchmark("CRC-32C, 64 KiB", bytes: 64 << 10) { keep(CRC32C.checksum(of: small)) },
            Benchmark("MD5, 64 KiB", bytes: 64 << 10) {
                var hash = Insecure.MD5()
                unsafe small.withUnsafeReadableBytes { unsafe hash.update(bufferPointer: $0) }
                keep(hash.finalize())
            },
            Benchmark("SHA-256, 64 KiB", bytes: 64 << 10) {
                var hash = SHA256()
                unsafe small.withUnsafeReadableBytes { unsafe hash.update(bufferPointer: $0) }
                keep(hash.finalize())
            },
            Benchmark("codec: encode 64 KiB of noise", bytes: 64 << 10) {
                keep(StoredChunk.encode(small))
            },
            Benchmark("codec: encode 4 MiB of noise", bytes: 4 << 20) {
                keep(StoredChunk.encode(large))
            },
            Benchmark("codec: encode 4 MiB of text", bytes: 4 << 20) {
                keep(StoredChunk.encode(prose))
            },
            Benchmark("codec: content of 4 MiB of noise", bytes: 4 << 20) {
                keep(try stored.content())
            },
            Benchmark("codec: content of 4 MiB of text", bytes: 4 << 20) {
                keep(try deflated.content())
            },
        ]
    }

    private static func frames() -> [Benchmark] {
        [(0, "no body"), (1 << 10, "1 KiB"), (1 << 20, "1 MiB")].map { bytes, name in
            let head = self.noise(200)
            let body = bytes == 0 ? ByteBuffer() : self.noise(bytes)
            return Benchmark("frames: a message there, \(name)", bytes: bytes) {
                try self.send(head, body)
            }
        }
    }

    /// Through both ends, as the sockets between them would carry it.
    private static func send(_ head: ByteBuffer, _ body: ByteBuffer) throws {
        var outgoing = OutgoingMessage(
            .request,
            stream: 1,
            message: 3,
            epoch: 1,
            head: head,
            body: body
        )
        var decoder = FrameDecoder()
        var incoming: IncomingMessage?
        while !outgoing.isDone {
            if !outgoing.isReady, incoming != nil {
                incoming?.grant()
                _ = outgoing.grant(head.readableBytes + body.readableBytes - FrameLimit.windowBytes)
            }
            for buffer in outgoing.nextFrame() {
                var buffer = buffer
                while let part = try decoder.next(from: &buffer) {
                    switch part {
                    case .frame(_, let stream, let payload):
                        incoming = try IncomingMessage(stream: stream, payload: payload)
                    case .data(_, let piece): try incoming?.receive(piece)
                    }
                }
            }
        }
        precondition(incoming?.isComplete == true, "All has arrived.")
    }
}
