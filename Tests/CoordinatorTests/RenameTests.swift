import Content
import NIOCore
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

struct RenameTests {
    private static let source = object("a")
    private static let target = object("b")
    /// Content of more than a version has in itself, by its number.
    private static func body(_ number: UInt64) -> ByteBuffer { content(20_000, seed: number) }

    private static func run(
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(settings: { $0.auditAge = .zero }, body)
    }

    /// The numbers of what three keys hold; nil for nothing.
    private typealias Keys = [String: UInt64]

    private static func keys(_ cluster: TestCluster, _ index: Int) async throws -> Keys {
        var found: Keys = [:]
        for name in ["a", "b", "c"] {
            do {
                let content = try await cluster[index].get(object(name))
                found[name] = (1...9).first { Self.body($0) == content }
                #expect(found[name] != nil)
            } catch let error as ClusterError where error.code == .objectNotFound {}
        }
        let listed = try await cluster[index].list(ListRequest(bucket: photos)).entries
        let names = listed.compactMap { entry -> String? in
            guard case .object(let key, _) = entry else { return nil }
            return key.description
        }
        #expect(names == found.keys.sorted())
        return found
    }

    private static func pending(
        _ name: ObjectName,
        _ cluster: TestCluster
    ) async throws -> PendingRename? {
        let bucket = try await cluster[1].bucketRecord(photos)
        let key = RegisterKey.object(bucket.id, name.key)
        return try ObjectRecord(try await cluster[1].read(key, "test").value).pending
    }

    private static func rename(
        _ coordinator: Coordinator,
        _ source: ObjectName = source,
        to target: ObjectName = target,
        refusing refusal: @escaping @Sendable (ObjectSummary?) -> WriteRefusal? = { _ in nil }
    ) async throws -> ObjectSummary {
        try await coordinator.rename(
            RenameRequest(source.key, to: target.key, in: photos, targetCheck: refusal)
        )
    }

    @Test("An object keeps all but its key, its content does not move, and what it replaces goes")
    func rename() throws {
        try Self.run { cluster in
            try await cluster[0].put(Self.target, Self.body(2))
            let put = try await cluster[0].put(Self.source, Self.body(1))
            let tagged = try await cluster[1].edit(
                Self.source,
                nil,
                .tags([Tag(key: "k", value: "v")]),
                ifStill: nil
            )
            await cluster.wait()
            let renamed = try await Self.rename(cluster[1])
            #expect(renamed.etag == put.etag && renamed.modified == put.modified)
            #expect(renamed.tags == tagged.tags && renamed.version != put.version)
            for index in 0..<3 { #expect(try await Self.keys(cluster, index) == ["b": 1]) }
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
            #expect(try await Self.pending(Self.source, cluster) == nil)
            #expect(try await Self.pending(Self.target, cluster) == nil)
            // And back, as often as one likes.
            for round in 0..<3 {
                _ = try await Self.rename(cluster[round], Self.target, to: Self.source)
                _ = try await Self.rename(cluster[round + 1])
            }
            try await cluster[2].delete(Self.target)
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("What is not there is not renamed, nor onto what may not be replaced, nor onto itself")
    func refusals() throws {
        try Self.run { cluster in
            #expect(await code { _ = try await Self.rename(cluster[0]) } == .sourceNotFound)
            try await cluster[0].put(Self.source, Self.body(1))
            try await cluster[0].put(Self.target, Self.body(2))
            let taken: @Sendable (ObjectSummary?) -> WriteRefusal? = { found in
                found == nil ? nil : .preconditionFailed
            }
            let refused = await code { _ = try await Self.rename(cluster[1], refusing: taken) }
            #expect(refused == .preconditionFailed)
            let missing = await code {
                _ = try await Self.rename(
                    cluster[1],
                    to: object("c"),
                    refusing: {
                        $0 == nil ? .targetMissing : nil
                    }
                )
            }
            #expect(missing == .objectNotFound)
            _ = try await Self.rename(cluster[2], to: Self.source)
            #expect(try await Self.keys(cluster, 0) == ["a": 1, "b": 2])
            let checked = await code {
                _ = try await cluster[0].rename(
                    RenameRequest(
                        Self.source.key,
                        to: Self.target.key,
                        in: photos,
                        sourceCheck: { _ throws(ClusterError) in
                            throw ClusterError(.sourcePreconditionFailed, "test")
                        }
                    )
                )
            }
            #expect(checked == .sourcePreconditionFailed)
            await cluster.sweepAll()
            #expect(cluster.chunks == 6, "What was held for nothing has been given back.")
            try await cluster[0].set(.versioning(.enabled), of: photos)
            for versioning in [Versioning.enabled, .suspended] {
                try await cluster[0].set(.versioning(versioning), of: photos)
                let kept = await code { _ = try await Self.rename(cluster[1]) }
                #expect(kept == .bucketKeepsVersions)
            }
        }
    }

    @Test("A rename waits for four changes one after another, each of one round trip and one sync")
    func cost() throws {
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(Self.source, content(100))
            try await cluster[1].put(Self.target, content(90))
            await cluster.wait()
            cluster.clearLedgers()
            let trips = try await cluster.roundTrips { _ = try await Self.rename(cluster[0]) }
            #expect(trips == 4, "Look and prepare, offer, move, arrive.")
            #expect(cluster.syncedRoundTrips(of: 0) == 4)
            await cluster.wait()
            #expect(cluster.syncedRoundTrips(of: 0) == 4 + 2, "The source forgets afterwards.")
            #expect(
                cluster.nodes[0].ledger.counts == [
                    "read bucket": 2, "read object": 2, "prepare object": 12, "accept object": 12,
                ]
            )
            try await cluster[1].put(object("c"), Self.body(1))
            await cluster.wait()
            cluster.clearLedgers()
            let withChunks = try await cluster.roundTrips {
                _ = try await Self.rename(cluster[0], object("c"), to: object("d"))
            }
            #expect(withChunks == 4 + 2, "The hold: prepare, accept.")
            await cluster.wait()
            #expect(cluster.nodes[0].ledger.counts["accept manifest"] == 3)
        }
    }

    // MARK: - Renames that have come half way

    /// Where a rename waits.
    enum Halt: Int, CaseIterable {
        /// The target knows of it, and the source does not.
        case offered
        /// The source has let go, and the target does not have it.
        case moved
        /// The target has it, and the source still says where it went.
        case arrived
    }

    /// What somebody else does meanwhile.
    enum Doing: String, CaseIterable {
        case nothing, putSource, putTarget, deleteSource, deleteTarget, copyToSource, copyToTarget
        case copyFromTarget, completeSource, completeTarget, tagSource, tagTarget
        case renameTarget, renameToSource, renameToTarget, renameBack

        /// What three keys hold afterwards.
        func effect(on keys: [String: UInt64]) -> [String: UInt64] {
            var after = keys
            func take(_ source: String, to target: String) {
                guard let held = keys[source] else { return }
                after[source] = nil
                after[target] = held
            }
            switch self {
            case .nothing, .tagSource, .tagTarget: break
            case .putSource, .completeSource: after["a"] = 4
            case .putTarget, .completeTarget: after["b"] = 4
            case .deleteSource: after["a"] = nil
            case .deleteTarget: after["b"] = nil
            case .copyToSource: after["a"] = keys["c"]
            case .copyToTarget: after["b"] = keys["c"]
            case .copyFromTarget: after["c"] = keys["b"]
            case .renameTarget: take("b", to: "c")
            case .renameToSource: take("c", to: "a")
            case .renameToTarget: take("c", to: "b")
            case .renameBack: take("b", to: "a")
            }
            return after
        }
    }

    private static func perform(_ doing: Doing, by coordinator: Coordinator) async throws {
        func copy(_ source: String, _ target: String) async throws {
            _ = try await coordinator.copy(
                CopyRequest(source: object(source), target: object(target))
            )
        }
        func complete(_ name: ObjectName) async throws {
            let upload = try await coordinator.createUpload(name)
            let part = try await coordinator.put(1, of: upload, Self.body(4))
            _ = try await coordinator.complete(upload, [part])
        }
        func tag(_ name: ObjectName) async throws {
            let edit = VersionEdit.tags([Tag(key: "k", value: "v")])
            _ = try await coordinator.edit(name, nil, edit, ifStill: nil)
        }
        switch doing {
        case .nothing: break
        case .putSource: try await coordinator.put(Self.source, Self.body(4))
        case .putTarget: try await coordinator.put(Self.target, Self.body(4))
        case .deleteSource: try await coordinator.delete(Self.source)
        case .deleteTarget: try await coordinator.delete(Self.target)
        case .copyToSource: try await copy("c", "a")
        case .copyToTarget: try await copy("c", "b")
        case .copyFromTarget: try await copy("b", "c")
        case .completeSource: try await complete(Self.source)
        case .completeTarget: try await complete(Self.target)
        case .tagSource: try await tag(Self.source)
        case .tagTarget: try await tag(Self.target)
        case .renameTarget: _ = try await Self.rename(coordinator, Self.target, to: object("c"))
        case .renameToSource: _ = try await Self.rename(coordinator, object("c"), to: Self.source)
        case .renameToTarget: _ = try await Self.rename(coordinator, object("c"), to: Self.target)
        case .renameBack: _ = try await Self.rename(coordinator, Self.target, to: Self.source)
        }
    }

    /// Runs with three objects and a rename of one onto another that waits, at node 0.
    private static func halted(
        _ halt: Halt,
        _ body: @escaping @Sendable (TestCluster, HeldStep, Keys) async throws -> Void
    ) throws {
        try Self.run { cluster in
            for (index, name) in ["a", "b", "c"].enumerated() {
                try await cluster[1].put(object(name), Self.body(UInt64(index + 1)))
            }
            await cluster.wait()
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.rename, after: halt.rawValue)
            cluster.nodes[0].machine.doors.background.run {
                _ = try? await Self.rename(cluster[0])
            }
            await step.reached(.rename)
            let isMade = halt != .offered
            try await body(
                cluster,
                step,
                isMade ? ["b": 1, "c": 3] : ["a": 1, "b": 2, "c": 3]
            )
        }
    }

    /// What is left when all has been tidied up: nothing pending, and each content once.
    private static func checkEnd(_ cluster: TestCluster, _ expected: Keys) async throws {
        for index in 1..<3 { #expect(try await Self.keys(cluster, index) == expected) }
        for _ in 0..<3 {
            await cluster.wait(.seconds(120))
            for index in 1..<3 {
                _ = await cluster[index].sweep()
                _ = await cluster[index].audit()
            }
        }
        for name in [Self.source, Self.target, object("c")] {
            #expect(try await Self.pending(name, cluster) == nil)
        }
        for index in 1..<3 { #expect(try await Self.keys(cluster, index) == expected) }
    }

    @Test(
        "Whatever others do to the two keys comes before a rename that waits, or after it",
        arguments: Halt.allCases,
        Doing.allCases
    )
    func meanwhile(halt: Halt, doing: Doing) throws {
        try Self.halted(halt) { cluster, step, keys in
            for index in 1..<3 { #expect(try await Self.keys(cluster, index) == keys) }
            let code = await code { try await Self.perform(doing, by: cluster[1]) }
            let needsSource = doing == .tagSource && keys["a"] == nil
            #expect(code == (needsSource ? .objectNotFound : nil))
            var expected = doing.effect(on: keys)
            for index in 1..<3 { #expect(try await Self.keys(cluster, index) == expected) }
            step.open(.rename)
            await cluster.wait(.seconds(20))
            if halt == .offered, let held = expected["a"] {
                // It goes on, or begins again.
                expected["a"] = nil
                expected["b"] = held
            }
            try await Self.checkEnd(cluster, expected)
            let contents = Set(expected.values).count
            await cluster.sweepAll()
            #expect(cluster.chunks == 3 * contents)
        }
    }

    @Test("A rename whose node died is ended by the sweeps of others", arguments: Halt.allCases)
    func died(halt: Halt) throws {
        try Self.halted(halt) { cluster, _, keys in
            cluster.nodes[0].machine.crash()
            cluster.network.crashed(cluster.nodes[0].storage.id)
            try await Self.checkEnd(cluster, keys)
        }
    }

    @Test("A bucket is not empty while the only object is between two keys")
    func notEmpty() throws {
        try Self.run { cluster in
            try await cluster[1].put(Self.source, Self.body(1))
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.rename, after: Halt.moved.rawValue)
            cluster.nodes[0].machine.doors.background.run {
                _ = try? await Self.rename(cluster[0])
            }
            await step.reached(.rename)
            let refused = await code { try await cluster[1].deleteBucket(photos) }
            #expect(refused == .bucketNotEmpty)
            #expect(try await Self.keys(cluster, 1) == ["b": 1])
        }
    }

    @Test("A bucket is empty if all that is left is a rename that can never be made")
    func empty() throws {
        try Self.run { cluster in
            try await cluster[1].put(Self.source, Self.body(1))
            let step = HeldStep(of: 0, in: cluster)
            step.arm(.rename)
            cluster.nodes[0].machine.doors.background.run {
                _ = try? await Self.rename(cluster[0])
            }
            await step.reached(.rename)
            try await cluster[1].delete(Self.source)
            try await cluster[1].deleteBucket(photos)
            step.open(.rename)
            await cluster.wait(.seconds(20))
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A bucket that begins to keep versions meanwhile ends a rename that is not made")
    func versioned() throws {
        try Self.halted(.offered) { cluster, step, keys in
            try await cluster[1].set(.versioning(.enabled), of: photos)
            step.open(.rename)
            await cluster.wait(.seconds(20))
            try await Self.checkEnd(cluster, keys)
        }
        try Self.halted(.moved) { cluster, step, keys in
            try await cluster[1].set(.versioning(.enabled), of: photos)
            try await cluster[1].put(Self.target, Self.body(5))
            try await Self.checkEnd(cluster, ["b": 5, "c": 3])
            let page = try await cluster[1].listVersions(
                ListVersionsRequest(bucket: photos, prefix: Self.target.key.bytes)
            )
            #expect(page.entries.count == 2, "What was renamed has become the null version.")
            step.open(.rename)
        }
    }
}
