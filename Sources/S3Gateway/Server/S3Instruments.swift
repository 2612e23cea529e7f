import Metrics
import StoreModel
import Synchronization

/// What the gateway counts.
///
/// Source: docs/operations/metrics.md.
final class S3Instruments: Sendable {
    private let running = Atomic<Int>(0)
    private let inFlight = Meter(label: "s3_requests_in_flight")
    /// Found by name once: that costs more than to count does.
    private let series = Mutex<[Kind: Series]>([:])

    /// Kinds of requests whose series are remembered.
    private static let kindsMax = 1_024

    private struct Kind: Hashable {
        let operation: String
        let status: Int
    }

    private struct Series {
        let requests: Counter
        let duration: Timer
        let received: Counter
        let sent: Counter

        init(_ kind: Kind) {
            let operation = [("op", kind.operation)]
            self.requests = Counter(
                label: "s3_requests_total",
                dimensions: operation + [("code", "\(kind.status)")]
            )
            self.duration = Timer(label: "s3_request_duration_seconds", dimensions: operation)
            self.received = Counter(label: "s3_received_bytes_total", dimensions: operation)
            self.sent = Counter(label: "s3_sent_bytes_total", dimensions: operation)
        }
    }

    /// The number of requests being answered, this one among them.
    func begin() -> Int {
        let count = self.running.wrappingAdd(1, ordering: .relaxed).newValue
        self.inFlight.set(count)
        return count
    }

    func end() {
        self.inFlight.set(self.running.wrappingSubtract(1, ordering: .relaxed).newValue)
    }

    func count(_ fields: RequestRecord.Fields, nanoseconds: UInt64) {
        let series = self.series(Kind(operation: fields.operation, status: fields.status))
        series.requests.increment()
        series.duration.recordNanoseconds(Int64(clamping: nanoseconds))
        series.received.increment(by: Int64(clamping: fields.bytesIn))
        series.sent.increment(by: Int64(clamping: fields.bytesOut))
        switch fields.operation {
        case S3Operation.copyObject.rawValue:
            self.countCopy("object", fields, nanoseconds: nanoseconds)
        case S3Operation.uploadPartCopy.rawValue:
            self.countCopy("part", fields, nanoseconds: nanoseconds)
        default: break
        }
    }

    private func series(_ kind: Kind) -> Series {
        self.series.withLock { all in
            if let series = all[kind] { return series }
            let series = Series(kind)
            if all.count < Self.kindsMax { all[kind] = series }
            return series
        }
    }

    private func countCopy(
        _ kind: String,
        _ fields: RequestRecord.Fields,
        nanoseconds: UInt64
    ) {
        let isDone = fields.status == 200 && fields.error == nil
        let result = fields.isGivenUp ? "cancelled" : isDone ? "ok" : "error"
        Counter(
            label: "copy_requests_total",
            dimensions: [
                ("kind", kind), ("mode", fields.copyMode ?? "none"), ("result", result),
            ]
        ).increment()
        Timer(label: "copy_duration_seconds", dimensions: [("kind", kind)])
            .recordNanoseconds(Int64(clamping: nanoseconds))
        if let moved = fields.bytesMoved {
            Counter(label: "copy_bytes_total", dimensions: [("how", "pulled")])
                .increment(by: Int64(clamping: moved))
        }
        if let pulled = fields.chunksPulled {
            Counter(label: "copy_chunks_total", dimensions: [("how", "pulled")])
                .increment(by: pulled)
        }
        if let referenced = fields.bytesReferenced {
            Counter(label: "copy_bytes_total", dimensions: [("how", "referenced")])
                .increment(by: Int64(clamping: referenced))
            // What a reference stands for, in chunks.
            let chunk = UInt64(Limit.chunkBytes)
            Counter(label: "copy_chunks_total", dimensions: [("how", "referenced")])
                .increment(by: Int64(clamping: (referenced + chunk - 1) / chunk))
        }
    }
}
