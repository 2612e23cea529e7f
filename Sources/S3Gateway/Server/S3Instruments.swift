import Metrics
import StoreModel
import Synchronization

/// What the gateway counts.
///
/// Source: docs/operations/metrics.md.
final class S3Instruments: Sendable {
    private let running = Atomic<Int>(0)
    private let inFlight = Meter(label: "s3_requests_in_flight")

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
        let operation = [("op", fields.operation)]
        Counter(label: "s3_requests_total", dimensions: operation + [("code", "\(fields.status)")])
            .increment()
        Timer(label: "s3_request_duration_seconds", dimensions: operation)
            .recordNanoseconds(Int64(clamping: nanoseconds))
        Counter(label: "s3_received_bytes_total", dimensions: operation)
            .increment(by: Int64(clamping: fields.bytesIn))
        Counter(label: "s3_sent_bytes_total", dimensions: operation)
            .increment(by: Int64(clamping: fields.bytesOut))
        switch fields.operation {
        case S3Operation.copyObject.rawValue:
            self.countCopy("object", fields, nanoseconds: nanoseconds)
        case S3Operation.uploadPartCopy.rawValue:
            self.countCopy("part", fields, nanoseconds: nanoseconds)
        default: break
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
