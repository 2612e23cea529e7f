import Foundation

/// A cluster on this machine: how many nodes, and where everything of theirs is.
///
/// Kept in `cluster.json` in the cluster's directory. Node numbers start at 1.
struct ClusterPlan: Codable, Hashable, Sendable {
    /// Distance between the ports of two nodes.
    static let portStep = 10
    static let nodesMax = 9

    var nodes: Int
    /// The S3 port of node 1; its admin and peer ports follow.
    var basePort: Int

    enum CodingKeys: String, CodingKey {
        case nodes
        case basePort = "base_port"
    }

    var numbers: ClosedRange<Int> { 1...self.nodes }

    func s3(_ number: Int) -> SocketName { self.address(number, offset: 0) }

    func admin(_ number: Int) -> SocketName { self.address(number, offset: 1) }

    func peer(_ number: Int) -> SocketName { self.address(number, offset: 2) }

    private func address(_ number: Int, offset: Int) -> SocketName {
        precondition(self.numbers.contains(number), "No node \(number).")
        return SocketName(
            host: "127.0.0.1",
            port: self.basePort + (number - 1) * Self.portStep + offset
        )
    }

    /// The YAML file of one node.
    func settings(of number: Int, in directory: ClusterDirectory, accessKey: String) -> String {
        let seeds = self.numbers.map { "\"\(self.peer($0))\"" }.joined(separator: ", ")
        return """
            # Written by "triolet cluster up"; written again at the next.
            node:
              name: n\(number)
              zone: n\(number)
              data: \(Self.quoted(directory.data(number)))
            s3: { listen: "\(self.s3(number))" }
            admin: { listen: "\(self.admin(number))" }
            peer:
              listen: "\(self.peer(number))"
              seeds: [\(seeds)]
              secret_file: \(Self.quoted(directory.peerSecret))
            root:
              access_key: \(Self.quoted(accessKey))
              secret_key_file: \(Self.quoted(directory.secretKey))
            log: { format: json }

            """
    }

    /// A YAML string in double quotes; JSON's escapes are YAML's.
    private static func quoted(_ text: String) -> String { LogRecord.quoted(text) }
}

/// The directory of a local cluster, and the names of everything in it.
struct ClusterDirectory: Hashable, Sendable {
    /// Absolute.
    let path: String

    init(_ path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    var plan: String { self.path + "/cluster.json" }
    var accessKey: String { self.path + "/access_key" }
    var secretKey: String { self.path + "/secret_key" }
    var peerSecret: String { self.path + "/peer_secret" }

    func node(_ number: Int) -> String { self.path + "/n\(number)" }
    func data(_ number: Int) -> String { self.node(number) + "/data" }
    func settings(_ number: Int) -> String { self.node(number) + "/triolet.yaml" }
    func log(_ number: Int) -> String { self.node(number) + "/log" }
    func process(_ number: Int) -> String { self.node(number) + "/pid" }
}
