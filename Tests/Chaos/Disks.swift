import Foundation
import Synchronization

/// File systems of nodes' own, and what is done to them; needs root.
final class Disks: Sendable {
    private let scenario: Scenario
    private let mounted = Mutex<[String]>([])
    private let groups = Mutex<[Int: String]>([:])

    init(_ scenario: Scenario) { self.scenario = scenario }

    /// Shifts the wall clock of a process: clock/clock.c, as `cluster/chaos` has it compiled.
    static let clock = URL(fileURLWithPath: ".build/chaos-clock.so").standardizedFileURL.path

    /// Why the scenario cannot be played here; nil if it can.
    static func obstacle(to scenario: Scenario) -> String? {
        if !scenario.disks.isEmpty, geteuid() != 0 { return "file systems need root" }
        for event in scenario.events {
            switch event.action {
            case .skew:
                if !FileManager.default.fileExists(atPath: Self.clock) {
                    return "there is no \(Self.clock): cluster/chaos makes it"
                }
            case .slowDisk:
                if geteuid() != 0 || !FileManager.default.fileExists(atPath: Self.groupsPath) {
                    return "there is no \(Self.groupsPath)"
                }
            default: break
            }
        }
        return nil
    }

    // MARK: Mounts

    /// Puts file systems where nodes keep their data.
    func mount(_ cluster: ChaosCluster) throws {
        Children.atEnd { self.unmount() }
        for (node, kind) in self.scenario.disks.sorted(by: { $0.key < $1.key }) {
            let data = cluster.data(node)
            switch kind {
            case .small(let bytes):
                try Command.run("mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", data)
            case .image(let bytes):
                let image = cluster.node(node) + "/image"
                try Command.run("truncate", "-s", "\(bytes)", image)
                try Command.run("mkfs.ext4", "-q", "-F", image)
                try Command.run("mount", "-o", "loop", image, data)
            }
            self.mounted.withLock { $0.append(data) }
        }
    }

    func unmount() {
        let paths = self.mounted.withLock { mounted in
            defer { mounted = [] }
            return mounted
        }
        for path in paths { _ = try? Command.run("umount", "-l", path) }
    }

    /// What the block device holds at this moment stays; what only memory holds is gone.
    ///
    /// The image is copied while the processes stand still, so that nothing but what was synced, or
    /// written back by the kernel on its own, is in the copy.
    func cutPower(_ nodes: [Int], of cluster: ChaosCluster) async throws {
        for node in nodes { cluster.send(SIGSTOP, to: node) }
        for node in nodes {
            let image = cluster.node(node) + "/image"
            try Command.run("cp", "--sparse=always", image, image + ".cut")
        }
        for node in nodes { cluster.send(SIGKILL, to: node) }
        for node in nodes {
            try await cluster.waitForEnd(node)
            let image = cluster.node(node) + "/image"
            try Command.run("umount", cluster.data(node))
            try Command.run("mv", image + ".cut", image)
            try Command.run("mount", "-o", "loop", image, cluster.data(node))
        }
    }

    /// What only memory holds goes to the block device, as the kernel does now and then.
    func writeBack(_ nodes: [Int], of cluster: ChaosCluster) throws {
        for node in nodes { try Command.run("sync", "--file-system", cluster.data(node)) }
    }

    // MARK: Slowness

    private static let groupsPath = "/sys/fs/cgroup/blkio"

    func slow(_ node: Int, _ pid: Int32?, _ bytesPerSecond: Int) throws {
        guard let pid else { return }
        let group = Self.groupsPath + "/triolet-chaos-\(pid)"
        try FileManager.default.createDirectory(
            atPath: group,
            withIntermediateDirectories: true
        )
        self.groups.withLock { $0[node] = group }
        for device in Self.devices() {
            try? "\(device) \(bytesPerSecond)".write(
                toFile: group + "/blkio.throttle.write_bps_device",
                atomically: false,
                encoding: .utf8
            )
        }
        try "\(pid)".write(toFile: group + "/cgroup.procs", atomically: false, encoding: .utf8)
    }

    func endSlowness(_ node: Int) {
        guard let group = self.groups.withLock({ $0.removeValue(forKey: node) }) else { return }
        let processes =
            (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) ?? ""
        for pid in processes.split(separator: "\n") {
            try? String(pid).write(
                toFile: Self.groupsPath + "/cgroup.procs",
                atomically: false,
                encoding: .utf8
            )
        }
        _ = unsafe rmdir(group)
    }

    /// Whole disks, as "8:0".
    private static func devices() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/block")) ?? []
        return names.sorted().filter { !$0.hasPrefix("loop") && !$0.hasPrefix("ram") }.compactMap {
            let text = try? String(contentsOfFile: "/sys/block/\($0)/dev", encoding: .utf8)
            return text?.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}
