/// What happens to a cluster, and when: a file that people write and read.
///
/// The words of such files: docs/testing.md, "Chaos".
struct Scenario: Hashable, Sendable {
    /// The first comment of the file.
    var title = ""
    var nodes = 3
    var clients = 6
    /// Longest pause of a client between two operations.
    var pause = Duration.milliseconds(40)
    /// Keys in use at a time.
    var keys = 16
    var lasts = Duration.seconds(20)
    /// How long a client waits in silence.
    var patience = Duration.seconds(2)
    /// Attempts at an operation; with more than two, clients wait before each as SDKs do.
    var tries = 2
    /// Settings of all nodes, by name.
    var settings: [String: String] = [:]
    var expectations: [Expectation] = []
    /// Nodes that keep their data on a file system of their own.
    var disks: [Int: DiskKind] = [:]
    var events: [Event] = []
    /// Whether each node has a network of its own, in which packets can be lost.
    var hasNetworks = false

    enum DiskKind: Hashable, Sendable {
        /// In memory, so large in bytes: it can be filled.
        case small(bytes: Int)
        /// A file system in a file, so large in bytes: its power can be cut.
        case image(bytes: Int)
    }

    /// What has to hold besides the promises of the store.
    enum Expectation: Hashable, Sendable {
        /// All answers are good ones, or 503 SlowDown that says when to come back.
        case onlySlowDown
        /// Some requests were told to come back.
        case slowDown
        /// No operation was without an answer after its last attempt.
        case success
        /// No node had more memory, and in the last quarter none had more than before.
        case memory(bytes: Int)
        /// No attempt that was answered took longer.
        case answersWithin(Duration)
    }

    struct Event: Hashable, Sendable {
        var at: Duration
        var action: Action
        /// As in the file.
        var text: String
        /// When it is over; nil if something else ends it.
        var until: Duration?
    }

    enum Action: Hashable, Sendable {
        case kill([Int])
        case start([Int])
        case stop([Int])
        case pause([Int])
        case link([Link], LinkFault)
        case flip(bits: Int, Files, [Int])
        case empty([Int])
        case replace(Int)
        case skew([Int], seconds: Int)
        case fill([Int])
        case slowDisk([Int], bytesPerSecond: Int)
        case cutPower([Int])
        case writeBack([Int])

        /// The nodes whose processes it touches.
        var nodes: [Int] {
            switch self {
            case .kill(let nodes), .start(let nodes), .stop(let nodes), .pause(let nodes),
                .flip(_, _, let nodes), .empty(let nodes), .skew(let nodes, _), .fill(let nodes),
                .slowDisk(let nodes, _), .cutPower(let nodes), .writeBack(let nodes):
                nodes
            case .replace(let node): [node]
            case .link: []
            }
        }
    }

    enum Files: String, Hashable, Sendable {
        case volumes
        case rows
    }
}

/// The bytes that one node sends another, whoever made the connection.
struct Link: Hashable, Sendable, CustomStringConvertible {
    var from: Int
    var to: Int

    var description: String { "n\(self.from) -> n\(self.to)" }
}

/// What happens to bytes on their way.
enum LinkFault: Hashable, Sendable {
    /// Nothing arrives; all of it does once the link is whole again.
    case cut
    case delay(Duration)
    case throttle(bytesPerSecond: Int)
    /// So many of a hundred pieces come a retransmission late, and those behind them as well.
    case lose(percent: Int)
    /// Connections end after so many bytes.
    case breakAfter(bytes: Int)
    /// The sender's half of connections ends after so many bytes.
    case halfClose(bytes: Int)
    /// A bit turns, again and again after so many bytes.
    case flip(everyBytes: Int)
    /// Each connection is attempted three times: two of them are left to themselves.
    case duplicate
}
