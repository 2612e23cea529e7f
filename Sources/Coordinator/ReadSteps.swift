import StoreModel
import Wire

/// Cuts a range of an object into reads of neighbouring blocks, none across the border of a chunk.
struct ReadSteps: Sendable {
    struct Step: Hashable, Sendable {
        let chunk: ChunkName
        let blocks: Range<Int>
        /// What is wanted of the content of those blocks.
        let part: Range<Int>
    }

    private let segments: [SegmentRun]
    private let blocksMax: Int
    /// What is still to be read, as offsets in the object.
    private var left: Range<UInt64>
    private var segment = 0
    /// Where the current segment begins in the object.
    private var segmentStart: UInt64 = 0

    /// - Precondition: the range lies within the segments.
    init(_ segments: [SegmentRun], _ range: Range<UInt64>, blocks: Int) {
        precondition(range.upperBound <= segments.reduce(0) { $0 + $1.length })
        precondition(blocks > 0)
        self.segments = segments
        self.left = range
        self.blocksMax = blocks
    }

    /// The next step; nil at the end.
    mutating func next() -> Step? {
        guard !self.left.isEmpty else { return nil }
        while self.left.lowerBound >= self.segmentStart + self.segments[self.segment].length {
            self.segmentStart += self.segments[self.segment].length
            self.segment += 1
        }
        let run = self.segments[self.segment]
        let offset = self.left.lowerBound - self.segmentStart
        let chunk = Int(offset / UInt64(run.chunkBytes))
        let chunkStart = UInt64(chunk) * UInt64(run.chunkBytes)
        let wantedEnd = min(self.left.upperBound - self.segmentStart, run.length)
        let start = Int(offset - chunkStart)
        let end = Int(min(wantedEnd - chunkStart, UInt64(run.bytes(ofChunk: chunk))))
        let first = start / Limit.blockBytes
        let last = min((end - 1) / Limit.blockBytes, first + self.blocksMax - 1)
        let stop = min(end, (last + 1) * Limit.blockBytes)
        let base = first * Limit.blockBytes
        self.left = (self.left.lowerBound + UInt64(stop - start))..<self.left.upperBound
        return Step(
            chunk: run.chunk(chunk),
            blocks: first..<(last + 1),
            part: (start - base)..<(stop - base)
        )
    }
}
