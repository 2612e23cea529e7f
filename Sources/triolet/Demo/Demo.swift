import Crypto
import Foundation
import NIOCore
import S3Client
import S3Protocol
import StoreModel

/// Stores an object, copies it in both ways, reads it back, and says what that took.
///
/// Each step goes through another node. Every figure is measured: times here, bytes as the
/// difference of the nodes' own metrics.
struct Demo: Sendable {
    static let bucket = "demo"

    let cluster: LocalCluster
    let content: DemoContent
    /// Where the data is, for the headline.
    let title: String

    /// Throws if anything is not as it should be.
    func run() async throws {
        let nodes = self.cluster.plan.numbers.map { "n\($0) \(self.cluster.plan.s3($0)) up" }
        let count = self.cluster.plan.nodes
        Terminal.say(
            "triolet demo: \(count) nodes, replicas \(min(3, count)), write quorum"
                + " \(min(3, count) / 2 + 1), data in \(self.title)"
        )
        Terminal.say("  " + nodes.joined(separator: "   "))
        try await self.client(1).createBucket(Self.bucket)
        let hash = try self.content.hash()
        try await self.put(hash)
        try await self.copyByReference()
        try await self.copyIndependently()
        for key in ["original", "copy", "reduced"] { try await self.get(key, hash) }
    }

    // MARK: Steps

    private func put(_ hash: [UInt8]) async throws {
        let source = Mutable(try self.content.reader())
        let (moved, time) = try await self.measured {
            try await self.client(1).put(
                "original",
                in: Self.bucket,
                count: self.content.bytes,
                hash: hash,
                body: { try source.value.next() }
            )
        }
        let chunks = (self.content.bytes + UInt64(Limit.chunkBytes) - 1) / UInt64(Limit.chunkBytes)
        let replicas = min(3, self.cluster.plan.nodes)
        self.say(
            "PUT",
            "original",
            "\(chunks) chunks x \(replicas) replicas,"
                + " \(Amount.text(bytes: moved.onTheWire)) on the wire",
            time
        )
    }

    private func copyByReference() async throws {
        let (moved, time) = try await self.measured {
            try await self.client(2).copy(
                "original",
                in: Self.bucket,
                to: "copy",
                in: Self.bucket
            )
        }
        guard moved.through + moved.pulled + moved.onTheWire == 0 else {
            throw Failure("a copy by reference moved \(moved)")
        }
        self.say("COPY", "copy", "by reference: 0 bytes moved", time)
    }

    private func copyIndependently() async throws {
        let (moved, time) = try await self.measured {
            try await self.client(3).copy(
                "original",
                in: Self.bucket,
                to: "reduced",
                in: Self.bucket,
                headers: [HeaderField("x-amz-storage-class", "REDUCED_REDUNDANCY")]
            )
        }
        guard moved.through == 0 else {
            throw Failure("an independent copy went through its coordinator: \(moved)")
        }
        self.say(
            "COPY",
            "reduced",
            "independent, REDUCED_REDUNDANCY: \(moved.pulls) pulls,"
                + " \(Amount.text(bytes: moved.onTheWire)) on the wire",
            time
        )
    }

    private func get(_ key: String, _ hash: [UInt8]) async throws {
        let started = ContinuousClock.now
        let received = try await self.client(2).get(key, in: Self.bucket) { _, body in
            var received = SHA256()
            while let part = try await body.next() {
                received.update(part)
            }
            return Array(received.finalize())
        }
        guard received == hash else { throw Failure("\(key) came back with other bytes") }
        self.say("GET", key, "sha256 equal", ContinuousClock.now - started)
    }

    // MARK: Measuring

    /// Content that moved between nodes during a step, in bytes as stored.
    private struct Moved: CustomStringConvertible {
        /// From the coordinator to replicas, and from replicas to it.
        let through: UInt64
        /// From replica to replica.
        let pulled: UInt64
        /// Between processes, whoever sent it.
        let onTheWire: UInt64
        /// Chunks that replicas were told to get: from one another, or from their own disk.
        let pulls: UInt64

        var description: String {
            "\(self.through) bytes through a coordinator, \(self.pulled) between replicas,"
                + " \(self.onTheWire) on the wire"
        }
    }

    private func measured(
        _ step: () async throws -> S3Answer
    ) async throws -> (moved: Moved, time: Duration) {
        let before = try await self.settled()
        let started = ContinuousClock.now
        _ = try await step()
        let time = ContinuousClock.now - started
        let after = try await MetricSample.take(from: self.cluster)
        func more(_ name: String, _ labels: [String: String] = [:]) -> UInt64 {
            after.more(than: before, "triolet_" + name, labels)
        }
        return (
            moved: Moved(
                through: more("coordinator_chunk_bytes_total"),
                pulled: more("copy_chunk_bytes_pulled_total"),
                onTheWire: more("peer_body_bytes_total", ["direction": "sent"]),
                pulls: more("node_messages_total", ["kind": "pullChunk"])
            ),
            time: time
        )
    }

    /// A sample at a moment when nothing moves: the third replica of a chunk may come after the
    /// answer.
    private func settled() async throws -> MetricSample {
        let name = "triolet_peer_body_bytes_total"
        var sample = try await MetricSample.take(from: self.cluster)
        for _ in 0..<100 {
            try await Task.sleep(for: .milliseconds(50))
            let next = try await MetricSample.take(from: self.cluster)
            if next.sum(name) == sample.sum(name) { return next }
            sample = next
        }
        throw Failure("the nodes do not come to rest")
    }

    private func client(_ number: Int) -> S3Client {
        self.cluster.client(min(number, self.cluster.plan.nodes))
    }

    private func say(_ verb: String, _ key: String, _ what: String, _ time: Duration) {
        func column(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        let size = Amount.text(bytes: self.content.bytes)
        Terminal.say(
            column(verb, 6) + column("\(Self.bucket)/\(key)", 16) + column(size, 11)
                + column(what, 64) + Amount.text(time)
        )
    }
}

/// A value that one task changes inside a closure.
private final class Mutable<Value> {
    var value: Value

    init(_ value: Value) { self.value = value }
}

extension LocalCluster {
    /// A client of one node that uses the root key.
    func client(_ number: Int) -> S3Client {
        let address = self.plan.s3(number)
        return S3Client(
            HTTPOrigin(host: address.host, port: address.port),
            signer: RequestSigner(
                accessKey: self.root.accessKey,
                secret: SecretKey(self.root.secretKey.text),
                region: "us-east-1"
            ),
            now: { CalendarTime(seconds: Int64(Date().timeIntervalSince1970)) }
        )
    }
}
