import NIOCore
import StoreModel
import TestSupport
import Testing

@testable import Wire

/// Frames of every kind, and what is to come out of them.
struct FrameSample {
    var bytes = ByteBuffer()
    /// Whole frames, and the payloads of data frames put together.
    var parts: [FrameDecoder.Part] = []

    mutating func append(_ kind: FrameKind, stream: UInt64, payload: ByteBuffer) {
        FrameHeader.encode(kind, stream: stream, payload: payload, into: &self.bytes)
        self.bytes.writeImmutableBuffer(payload)
        self.parts.append(
            kind == .data
                ? .data(stream: stream, piece: payload)
                : .frame(kind, stream: stream, payload: payload)
        )
    }

    static func random(using random: inout SplitMix64, frames: Int = 20) -> FrameSample {
        var sample = FrameSample()
        for _ in 0..<frames {
            let kind = FrameKind.allCases.randomElement(using: &random) ?? .ping
            let lengths = kind.payloadBytes
            let limit = min(lengths.upperBound, lengths.lowerBound + 3_000)
            let count = Int.random(in: lengths.lowerBound...limit, using: &random)
            let stream = kind.hasStream ? UInt64.random(in: 1...UInt64.max, using: &random) : 0
            sample.append(kind, stream: stream, payload: random.bytes(count))
        }
        return sample
    }
}

struct FrameDecoderTests {
    /// Decodes bytes that arrive in the given pieces; pieces of one data frame are put together.
    private func decode(_ pieces: [ByteBuffer]) throws -> [FrameDecoder.Part] {
        var decoder = FrameDecoder()
        var parts: [FrameDecoder.Part] = []
        var dataIsOpen = false
        for var piece in pieces {
            while let part = try decoder.next(from: &piece) {
                if case .data(let stream, let bytes) = part, dataIsOpen,
                    case .data(stream, var before)? = parts.last
                {
                    before.writeImmutableBuffer(bytes)
                    parts[parts.count - 1] = .data(stream: stream, piece: before)
                } else {
                    parts.append(part)
                }
                if case .data = part { dataIsOpen = true } else { dataIsOpen = false }
            }
        }
        return parts
    }

    @Test("Frames survive however their bytes are cut", arguments: UInt64(0)..<64)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let sample = FrameSample.random(using: &random)
        var bytes = sample.bytes
        var pieces: [ByteBuffer] = []
        let longest = [1, 7, 30, 500, 5_000].randomElement(using: &random) ?? 1
        while bytes.readableBytes > 0 {
            let count = min(Int.random(in: 1...longest, using: &random), bytes.readableBytes)
            if let piece = bytes.readSlice(length: count) { pieces.append(piece) }
        }
        #expect(try self.decode(pieces) == sample.parts)
        #expect(try self.decode([sample.bytes]) == sample.parts)
    }

    @Test("Bytes that were cut off anywhere give no part that was not complete")
    func truncated() throws {
        var sample = FrameSample()
        sample.append(.credit, stream: 5, payload: ByteBuffer(integer: UInt32(77)))
        for count in 0..<sample.bytes.readableBytes {
            var decoder = FrameDecoder()
            var piece = try #require(sample.bytes.getSlice(at: 0, length: count))
            let early = try decoder.next(from: &piece)
            #expect(early == nil, "\(count) bytes are no frame")
            var rest = try #require(
                sample.bytes.getSlice(at: count, length: sample.bytes.readableBytes - count)
            )
            let part = try decoder.next(from: &rest)
            #expect(part == sample.parts.first)
        }
    }

    @Test("A bit that was changed on the way is noticed", arguments: UInt64(0)..<64)
    func damaged(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let sample = FrameSample.random(using: &random, frames: 1)
        let index = Int.random(in: 0..<sample.bytes.readableBytes, using: &random)
        var bytes = sample.bytes
        let byte = bytes.getInteger(at: index, as: UInt8.self) ?? 0
        bytes.setInteger(byte ^ (1 << UInt8.random(in: 0..<8, using: &random)), at: index)
        // Either refused at once, or more bytes are waited for because the length has grown; but
        // never taken for whole.
        do {
            #expect(try self.decode([bytes]) != sample.parts)
            if case .frame(let kind, _, _)? = sample.parts.first, kind != .data {
                #expect(try self.decode([bytes]).isEmpty)
            }
        } catch { #expect(error is FrameError) }
    }

    @Test("Random bytes are refused with a reason, never a crash", arguments: UInt64(0)..<256)
    func hostileBytes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let bytes = random.bytes(FrameHeader.byteCount)
        #expect(throws: FrameError.self) { try self.decode([bytes]) }
    }

    @Test("Headers that nobody may send are refused by name, before their payload is waited for")
    func badHeaders() throws {
        func header(
            magic: UInt32 = FrameHeader.magic,
            version: UInt8 = FrameHeader.version,
            kind: UInt8 = FrameKind.request.rawValue,
            flags: UInt16 = 0,
            stream: UInt64 = 1,
            bytes: UInt32 = 17
        ) -> ByteBuffer {
            var buffer = ByteBuffer()
            buffer.writeMultipleIntegers(magic, version, kind, flags, stream, bytes, UInt32(0))
            return buffer
        }
        let cases: [(ByteBuffer, FrameError)] = [
            (header(magic: 0x4745_5420), .badMagic(found: 0x4745_5420)),
            (header(version: 2), .unsupportedVersion(found: 2)),
            (header(kind: 0), .unknownKind(0)),
            (header(kind: 9), .unknownKind(9)),
            (header(flags: 1), .unknownFlags(1)),
            (header(stream: 0), .badStream(kind: .request, stream: 0)),
            (header(kind: 6, bytes: 0), .badStream(kind: .ping, stream: 1)),
            (header(bytes: 16), .badLength(kind: .request, bytes: 16)),
            (header(bytes: 17 + 131_073), .badLength(kind: .request, bytes: 131_090)),
            (header(kind: 3, bytes: 0), .badLength(kind: .data, bytes: 0)),
            (header(kind: 3, bytes: .max), .badLength(kind: .data, bytes: Int(UInt32.max))),
            (header(kind: 4, bytes: 5), .badLength(kind: .credit, bytes: 5)),
            (header(kind: 5, bytes: 1), .badLength(kind: .cancel, bytes: 1)),
        ]
        for (bytes, error) in cases { #expect(throws: error) { try self.decode([bytes]) } }
    }

    @Test("An announced length allocates nothing: only bytes that came are held")
    func noAllocation() throws {
        var bytes = ByteBuffer()
        let payload = ByteBuffer(repeating: 1, count: 17 + FrameLimit.windowBytes)
        FrameHeader.encode(.request, stream: 1, payload: payload, into: &bytes)
        bytes.writeBytes([1, 2, 3])
        var decoder = FrameDecoder()
        let part = try decoder.next(from: &bytes)
        #expect(part == nil)
        #expect(decoder.heldBytes <= 64)
    }
}

extension FrameDecoder {
    /// Capacity of what the decoder keeps between calls.
    fileprivate var heldBytes: Int {
        let pending = Mirror(reflecting: self).children.first { $0.label == "pending" }?.value
        return (pending as? ByteBuffer)?.capacity ?? .max
    }
}
