import StoreModel

/// A range of an object as pieces for a part: whole chunks, which may be shared or pulled as they
/// are, and what is left of chunks that the range begins or ends in; pure.
struct PartPieces: Hashable, Sendable {
    /// The end of a chunk, in front; offsets in the object.
    var head: Range<UInt64>?
    /// Whole chunks, in order.
    var whole: [SegmentRun] = []
    /// The beginning of a chunk, at the end.
    var tail: Range<UInt64>?

    /// Cuts a range of an object that consists of these segments.
    ///
    /// - Precondition: the range lies within the segments.
    init(_ segments: [SegmentRun], _ range: Range<UInt64>) {
        var start: UInt64 = 0
        for run in segments {
            let end = start + run.length
            if start < range.upperBound, end > range.lowerBound {
                self.add(run, at: start, range)
            }
            start = end
            if start >= range.upperBound { break }
        }
        precondition(range.upperBound <= start, "The range lies within the object.")
    }

    private mutating func add(_ run: SegmentRun, at start: UInt64, _ range: Range<UInt64>) {
        let chunk = UInt64(run.chunkBytes)
        let from = max(range.lowerBound, start) - start
        let to = min(range.upperBound - start, run.length)
        // The first chunk that begins in the range, and the first that does not end in it.
        let first = (from + chunk - 1) / chunk
        let stop = to == run.length ? UInt64(run.count) : to / chunk
        let firstStart = min(first * chunk, run.length)
        let stopStart = min(stop * chunk, run.length)
        guard firstStart <= stopStart else {
            // Nothing but the middle of one chunk.
            self.head = (start + from)..<(start + to)
            return
        }
        if from < firstStart { self.head = (start + from)..<(start + firstStart) }
        if first < stop {
            self.whole.append(
                SegmentRun(
                    manifest: run.manifest,
                    part: run.part,
                    attempt: run.attempt,
                    first: run.first + UInt32(first),
                    chunkBytes: Int(run.chunkBytes),
                    length: stopStart - firstStart
                )
            )
        }
        if stopStart < to { self.tail = (start + stopStart)..<(start + to) }
    }

    var wholeChunks: Int { self.whole.reduce(0) { $0 + $1.count } }
}
