import Foundation
import Synchronization

/// A network namespace for each node, and a packet filter in it; needs root.
///
/// The nodes' interfaces hang on one bridge, at which the runner has an address as well. What is
/// lost here is lost as packets: nobody takes it, acknowledges it or refuses a connection, as it is
/// with a broken switch. The proxies are not in the way.
final class Networks: Sendable {
    private static let table = "triolet"

    /// Whether nodes have networks of their own.
    let isUsed: Bool
    private let count: Int
    private let links: Links
    private let isUp = Mutex(false)
    private let pid = ProcessInfo.processInfo.processIdentifier

    init(_ scenario: Scenario, _ links: Links) {
        self.isUsed = scenario.hasNetworks
        self.count = scenario.nodes
        self.links = links
    }

    /// Why the scenario cannot be played here; nil if it can.
    static func obstacle(to scenario: Scenario) -> String? {
        guard scenario.hasNetworks else { return nil }
        guard geteuid() == 0 else { return "network namespaces need root" }
        let probe = "triolet-probe-\(ProcessInfo.processInfo.processIdentifier)"
        defer { _ = try? Command.run("ip", "netns", "delete", probe) }
        do {
            try Command.run("ip", "netns", "add", probe)
            try Command.run("ip", "netns", "exec", probe, "nft", "add", "table", "ip", Self.table)
        } catch { return "no network namespaces with nftables: \(error)" }
        return nil
    }

    // MARK: Names

    /// The address at which a node listens.
    func host(_ node: Int) -> String {
        // 198.18.0.0/15 is for tests of networks (RFC 2544): nothing else is there.
        self.isUsed ? "198.18.\(self.pid % 256).\(node)" : "127.0.0.1"
    }

    private func space(_ node: Int) -> String { "triolet-\(self.pid)-n\(node)" }
    private func outside(_ node: Int) -> String { "tr\(self.pid)n\(node)" }
    private var bridge: String { "tr\(self.pid)b" }

    /// What a node's command line begins with, so that its process is in its namespace.
    func prefix(_ node: Int) -> [String] {
        self.isUsed ? ["ip", "netns", "exec", self.space(node)] : []
    }

    // MARK: Life

    func setUp() throws {
        guard self.isUsed else { return }
        self.isUp.withLock { $0 = true }
        Children.atEnd { self.tearDown() }
        try Command.run("ip", "link", "add", self.bridge, "type", "bridge")
        try Command.run("ip", "address", "add", self.host(254) + "/24", "dev", self.bridge)
        try Command.run("ip", "link", "set", self.bridge, "up")
        for node in 1...self.count {
            let (space, outside) = (self.space(node), self.outside(node))
            try Command.run("ip", "netns", "add", space)
            try Command.run(
                "ip",
                "link",
                "add",
                outside,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                space
            )
            try Command.run("ip", "link", "set", outside, "master", self.bridge, "up")
            let address = self.host(node) + "/24"
            try Command.run("ip", "-netns", space, "address", "add", address, "dev", "eth0")
            for device in ["lo", "eth0"] {
                try Command.run("ip", "-netns", space, "link", "set", device, "up")
            }
            try self.filter(
                node,
                "add table ip \(Self.table); add chain ip \(Self.table) out"
                    + " { type filter hook output priority 0; }"
            )
        }
    }

    func tearDown() {
        let wasUp = self.isUp.withLock { isUp in
            defer { isUp = false }
            return isUp
        }
        guard wasUp else { return }
        for node in 1...self.count {
            // With the one end of a pair goes the other.
            _ = try? Command.run("ip", "link", "delete", self.outside(node))
            _ = try? Command.run("ip", "netns", "delete", self.space(node))
        }
        _ = try? Command.run("ip", "link", "delete", self.bridge)
    }

    // MARK: Faults

    @discardableResult
    private func filter(_ node: Int, _ rules: String) throws -> String {
        try Command.run("ip", "netns", "exec", self.space(node), "nft", rules)
    }

    /// Has the filters of those who send on these links do what the links' states say.
    func apply(_ changed: [Link]) throws {
        guard self.isUsed else { return }
        for node in Set(changed.map(\.from)).sorted() {
            try self.countDropped(node)
            var rules = "flush chain ip \(Self.table) out"
            for other in 1...self.count where other != node {
                let state = self.links.state(of: Link(from: node, to: other))
                let which = "add rule ip \(Self.table) out ip daddr \(self.host(other))"
                if state.isCut { rules += "; \(which) counter drop" }
                if state.lossPercent > 0 {
                    rules += "; \(which) numgen random mod 100 < \(state.lossPercent) counter drop"
                }
            }
            try self.filter(node, rules)
        }
    }

    /// Adds what a node's rules have dropped to what is counted of links, before they are replaced.
    private func countDropped(_ node: Int) throws {
        let text = try self.filter(node, "list chain ip \(Self.table) out")
        let mark = "counter packets "
        for range in text.ranges(of: mark) {
            let number = text[range.upperBound...].prefix { $0.isNumber }
            self.links.count(\.dropped, Int(number) ?? 0)
        }
    }
}
