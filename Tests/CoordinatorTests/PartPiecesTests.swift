import StoreModel
import TestSupport
import Testing

@testable import Coordinator

struct PartPiecesTests {
    private static let manifest = ManifestID(
        partition: PartitionID(index: 1),
        birth: Ballot(round: 1, node: 1, incarnation: 1, sequence: 1)
    )

    /// Bytes of the object that the pieces stand for, chunk by chunk.
    private static func offsets(of run: SegmentRun, in segments: [SegmentRun]) -> Range<UInt64>? {
        var start: UInt64 = 0
        for segment in segments {
            if segment.part == run.part, run.first >= segment.first {
                let skipped = UInt64(run.first - segment.first) * UInt64(segment.chunkBytes)
                return start + skipped..<start + skipped + run.length
            }
            start += segment.length
        }
        return nil
    }

    @Test("Head, whole chunks and tail are the range, in order, without a gap", arguments: 0..<200)
    func cover(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let segments = (1...Int(UInt64.random(in: 1...5, using: &random))).map { part in
            SegmentRun(
                manifest: Self.manifest,
                part: UInt16(part),
                first: UInt32(UInt64.random(in: 0...9, using: &random)),
                chunkBytes: 10,
                length: UInt64.random(in: 1...45, using: &random)
            )
        }
        let size = segments.reduce(0) { $0 + $1.length }
        let start = UInt64.random(in: 0...(size - 1), using: &random)
        let range = start..<UInt64.random(in: start...size, using: &random)
        let pieces = PartPieces(segments, range)
        var place = range.lowerBound
        if let head = pieces.head {
            #expect(head.lowerBound == place)
            #expect(head.count < 10)
            place = head.upperBound
        }
        for run in pieces.whole {
            let covered = try #require(Self.offsets(of: run, in: segments))
            #expect(covered.lowerBound == place)
            place = covered.upperBound
            // Whole chunks: each as long as the source has it.
            let source = try #require(segments.first { $0.part == run.part })
            for index in 0..<run.count {
                let original = Int(run.first - source.first) + index
                #expect(run.chunk(index) == source.chunk(original))
                #expect(run.bytes(ofChunk: index) == source.bytes(ofChunk: original))
            }
        }
        if let tail = pieces.tail {
            #expect(tail.lowerBound == place)
            #expect(tail.count < 10)
            place = tail.upperBound
        }
        #expect(place == range.upperBound)
    }
}
