import Foundation
import Synchronization

/// Looks once a second at the memory of the nodes' processes.
final class MemoryWatch: Sendable {
    /// What one node had, in bytes: resident pages, those of files among them.
    struct Node: Sendable, Codable, CustomStringConvertible {
        var node: Int
        var most: Int
        /// Of pages that are nobody else's.
        var mostAnonymous: Int
        /// Medians.
        var secondQuarter: Int
        var thirdQuarter: Int
        var fourthQuarter: Int

        var description: String {
            "n\(self.node): at most \(self.most >> 20) MiB"
                + " (\(self.mostAnonymous >> 20) MiB of its own); medians of the last three"
                + " quarters \(self.secondQuarter >> 20), \(self.thirdQuarter >> 20),"
                + " \(self.fourthQuarter >> 20) MiB"
        }
    }

    private struct Look {
        let resident: Int
        let anonymous: Int
    }

    private let cluster: ChaosCluster
    private let looks: Mutex<[Int: [Look]]>

    init(_ cluster: ChaosCluster) {
        self.cluster = cluster
        self.looks = Mutex([:])
    }

    /// Looks until `body` has ended.
    func watching<Result: Sendable>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    for node in self.cluster.numbers { self.look(node) }
                    try? await Task.sleep(for: .seconds(1))
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    private func look(_ node: Int) {
        guard let pid = self.cluster.pid(node),
            let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        else { return }
        func bytes(_ name: String) -> Int? {
            text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
                .flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }
                .flatMap { Int($0) }.map { $0 << 10 }
        }
        guard let resident = bytes("VmRSS"), let anonymous = bytes("RssAnon") else { return }
        self.looks.withLock {
            $0[node, default: []].append(Look(resident: resident, anonymous: anonymous))
        }
    }

    /// What was seen, by node.
    var nodes: [Node] {
        self.looks.withLock { $0 }.sorted { $0.key < $1.key }.map { node, looks in
            func median(_ quarter: Int) -> Int {
                let range = (looks.count * quarter / 4)..<(looks.count * (quarter + 1) / 4)
                let sorted = looks[range].map(\.resident).sorted()
                return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
            }
            return Node(
                node: node,
                most: looks.map(\.resident).max() ?? 0,
                mostAnonymous: looks.map(\.anonymous).max() ?? 0,
                secondQuarter: median(1),
                thirdQuarter: median(2),
                fourthQuarter: median(3)
            )
        }
    }

    /// Of the machine, over the last minute.
    static var load: Double {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) } ?? 0
    }
}
