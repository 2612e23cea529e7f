import ChunkStore
import Metrics
import PeerProtocol
import Wire

/// What a storage node counts.
///
/// All names: docs/operations/metrics.md.
final class NodeInstruments: Sendable {
    private let messages: [MessageKind: Counter]
    private let failures: [PeerFailure.Code: Counter]
    private let served = Counter(label: "node_chunk_bytes_served_total")
    private let written = Counter(label: "node_chunk_bytes_written_total")
    private let pulledBytes = Counter(label: "node_chunk_bytes_pulled_total")
    private let pulls = Counter(label: "node_pulls_total")
    private let emptiedVolumes = Counter(label: "node_volumes_emptied_total")
    private let refusedStarts = Counter(label: "node_starts_refused_total")

    init() {
        self.messages = Dictionary(
            uniqueKeysWithValues: MessageKind.allCases.map { kind in
                (kind, Counter(label: "node_messages_total", dimensions: [("kind", "\(kind)")]))
            }
        )
        self.failures = Dictionary(
            uniqueKeysWithValues: PeerFailure.Code.allCases.map { code in
                (code, Counter(label: "node_failures_total", dimensions: [("code", "\(code)")]))
            }
        )
    }

    func asked(_ kind: MessageKind) { self.messages[kind]?.increment() }

    func failed(_ code: PeerFailure.Code) { self.failures[code]?.increment() }

    /// Another node announced a start that is not newer than what was seen of it.
    func refusedStart() { self.refusedStarts.increment() }

    func served(storedBytes: Int) { self.served.increment(by: storedBytes) }

    func emptied(volumes: Int) { self.emptiedVolumes.increment(by: volumes) }

    func written(storedBytes: Int) { self.written.increment(by: storedBytes) }

    func pulled(storedBytes: Int) {
        self.pulls.increment()
        self.pulledBytes.increment(by: storedBytes)
    }
}
