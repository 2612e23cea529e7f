import Content
import NIOCore
import PeerProtocol
import Register
import SimulatedRuntime
import StoreModel
import Testing

@testable import Coordinator

/// Content with more copies than one manifest has room for.
struct ChildManifestTests {
    private static func copy(_ source: String, _ target: String) -> CopyRequest {
        CopyRequest(source: object(source), target: object(target))
    }

    /// The manifest that an object names.
    private static func manifest(
        of name: String,
        _ cluster: TestCluster
    ) async throws -> ManifestID {
        let key = try await cluster.register(object(name)).key
        let state = try await cluster[0].read(key, "test")
        let version = try #require(try ObjectRecord(state.value).current)
        guard case .manifest(let manifest, _, _, _) = version.content else {
            throw TestFailure("\(name) is inline")
        }
        return manifest
    }

    private static func record(
        _ manifest: ManifestID,
        _ cluster: TestCluster
    ) async throws -> ManifestRecord? {
        try await cluster[0].read(.manifest(manifest), "test").body.map {
            try ManifestRecord(decoding: $0)
        }
    }

    @Test("A copy that a manifest has no room for is made by a child, and moves no content")
    func overflow() throws {
        try TestCluster.run(versionHolders: 2) { cluster in
            let body = content(50_000)
            try await cluster[0].put(object("s"), body)
            for number in 0..<4 {
                let result = try await cluster[number].copy(Self.copy("s", "d\(number)"))
                #expect(result.mode == .reference)
                #expect(result.bytesMoved == 0)
            }
            await cluster.wait()
            #expect(cluster.chunks == 3)
            let root = try await Self.manifest(of: "s", cluster)
            #expect(try await Self.manifest(of: "d0", cluster) == root)
            let child = try await Self.manifest(of: "d1", cluster)
            #expect(child != root)
            #expect(try await Self.manifest(of: "d2", cluster) == child, "It has room for two.")
            let other = try await Self.manifest(of: "d3", cluster)
            #expect(other != child)
            let record = try #require(try await Self.record(child, cluster))
            #expect(record.borrows == [root])
            #expect(record.holds.count == 2)
            let parent = try #require(try await Self.record(root, cluster))
            #expect(parent.segments == record.segments)
            #expect(parent.holds.map(\.owner).contains(.manifest(child)))
            #expect(parent.holds.map(\.owner).contains(.manifest(other)))

            // The source and its last copies go: the children keep the content.
            try await cluster[0].delete(object("s"))
            try await cluster[0].delete(object("d0"))
            try await cluster[0].delete(object("d3"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
            #expect(try await Self.record(root, cluster)?.holds.map(\.owner) == [.manifest(child)])
            #expect(try await Self.record(other, cluster) == nil, "Buried.")
            #expect(try await cluster[1].get(object("d2")) == body)
            try await cluster[1].delete(object("d1"))
            try await cluster[2].delete(object("d2"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(try await Self.record(root, cluster) == nil)
            #expect(try await Self.record(child, cluster) == nil)
        }
    }

    @Test("A copy of a copy starts at the child, which has children in turn: three levels deep")
    func levels() throws {
        try TestCluster.run(versionHolders: 1) { cluster in
            let body = content(50_000)
            try await cluster[0].put(object("0"), body)
            for level in 0..<3 {
                _ = try await cluster[level].copy(Self.copy("\(level)", "\(level + 1)"))
            }
            var manifests: [ManifestID] = []
            for level in 0...3 {
                manifests.append(try await Self.manifest(of: "\(level)", cluster))
            }
            for level in 1...3 {
                let record = try await Self.record(manifests[level], cluster)
                #expect(record?.borrows == [manifests[level - 1]])
            }
            for level in 0..<3 { try await cluster[level].delete(object("\(level)")) }
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
            #expect(try await cluster[1].get(object("3")) == body)
            try await cluster[1].delete(object("3"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            for manifest in manifests {
                #expect(try await Self.record(manifest, cluster) == nil)
            }
        }
    }

    @Test("A child of a manifest that dies meanwhile is named by nobody, and goes")
    func parentDies() throws {
        try TestCluster.run(versionHolders: 1) { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let root = try await Self.manifest(of: "s", cluster)
            let record = try #require(try await Self.record(root, cluster))
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            let target = try await cluster.register(object("d"))
            let shared = SharedContent(
                manifest: root,
                storageClass: .standard,
                segments: record.segments,
                digest: ManifestRecord.digest(of: record.segments)
            )
            let wanted = WantedHold(
                key: target.key,
                entry: VersionID(high: 1, low: 1),
                ceiling: cluster.ballot().ceiling,
                generation: target.generation
            )
            #expect(try await cluster[1].manifests.reach(shared, for: wanted) == nil)
            // As if it had been full and alive when it was looked at.
            let made = try await cluster[1].manifests.makeChild(of: root, shared, for: wanted)
            guard case .gone = made else {
                Issue.record("\(made)")
                return
            }
            await cluster.sweepAll()
            #expect(await cluster.leftManifests().isEmpty)
        }
    }

    @Test("More copies than a manifest and all its children hold go one level down")
    func manyChildren() throws {
        try TestCluster.run(versionHolders: 1) { cluster in
            try await cluster[0].put(object("s"), content(20_000))
            // One holds the root itself; each child takes one more.
            let count = Limit.holders - 1 + 3
            for number in 0..<count {
                let result = try await cluster[number].copy(Self.copy("s", "d\(number)"))
                #expect(result.mode == .reference)
            }
            let root = try await Self.manifest(of: "s", cluster)
            let parent = try #require(try await Self.record(root, cluster))
            #expect(parent.holds.count == Limit.holders)
            let last = try await Self.manifest(of: "d\(count - 1)", cluster)
            #expect(!parent.holds.map(\.owner).contains(.manifest(last)))
            await cluster.wait()
            #expect(cluster.chunks == 3)
        }
    }
}

extension TestCluster {
    /// Runs `body` where a manifest has room for so many versions.
    static func run(
        versionHolders: Int,
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try Self.run(settings: { $0.versionHolders = versionHolders }, body)
    }
}

struct TestFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

extension TestCluster {
    /// Manifests that any node has a record of, dead or alive.
    func leftManifests() async -> [ManifestID] {
        var left: Set<ManifestID> = []
        for index in self.nodes.indices {
            for key in self.keys(at: index) {
                guard case .manifest(let manifest) = key,
                    case .row(_, let value)? = await self.ask(index, .read, about: key),
                    value?.body != nil
                else { continue }
                left.insert(manifest)
            }
        }
        return left.sorted()
    }
}
