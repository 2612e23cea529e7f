import Content
import NIOCore
import PeerProtocol
import Register
import SimulatedRuntime
import StoreModel
import Testing

@testable import Coordinator

/// Rules of docs/protocol/content.md, kept and broken, in stories that random runs seldom tell.
struct BrokenRuleTests {
    private static func run(
        breaking rule: Sabotage,
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(
            settings: {
                $0.auditAge = .zero
                $0.versionHolders = 1
                $0.registerTimeout = .milliseconds(200)
                $0.changeDeadline = .seconds(1)
                $0.sabotage = rule
            },
            body
        )
    }

    private static func current(_ name: String, _ cluster: TestCluster) async throws -> Version {
        let key = try await cluster.register(object(name)).key
        let value = try await cluster[0].read(key, "test").value
        return try #require(try ObjectRecord(value).current)
    }

    private static func manifest(_ name: String, _ cluster: TestCluster) async throws -> ManifestID
    {
        guard case .manifest(let manifest, _, _, _) = try await Self.current(name, cluster).content
        else { throw TestFailure("\(name) is inline") }
        return manifest
    }

    private static func owners(
        _ manifest: ManifestID,
        _ cluster: TestCluster
    ) async throws -> [Owner] {
        let state = try await cluster[0].read(.manifest(manifest), "test")
        return try state.body.map { try ManifestRecord(decoding: $0).holds.map(\.owner) } ?? []
    }

    @Test(
        "R8: a child that is released in vain keeps its parent; broken, its content is lost",
        arguments: [Sabotage(), .borrowReleasedBeforeDeath]
    )
    func borrowReleasedBeforeDeath(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            let body = content(50_000)
            try await cluster[0].put(object("s"), body)
            _ = try await cluster[0].copy(CopyRequest(source: object("s"), target: object("d")))
            let child = try await Self.manifest("d", cluster)
            let owner = try #require(try await Self.owners(child, cluster).first)
            // A release that comes too late: its fence lies below the hold's ceiling.
            let kept = try await cluster[1].manifests.release(child, owner, fence: child.birth)
            #expect(kept != nil)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            if rule.isEmpty {
                #expect(try await cluster[2].get(object("d")) == body)
            } else {
                #expect(cluster.chunks == 0)
            }
        }
    }

    @Test(
        "A creation that one replica has is no creation; broken, the version names a dead manifest",
        arguments: [Sabotage(), .creatorTrustsMinority]
    )
    func creatorTrustsMinority(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            let (key, _) = try await cluster.register(object("d"))
            let manifest = cluster[0].ballots.manifest(in: key.partition)
            let hold = Hold(
                owner: .version(key, cluster[0].newVersion()),
                ceiling: cluster[0].ceiling(for: key)
            )
            cluster.isolate(0)
            let refusal = await code {
                try await cluster[0].manifests.create(
                    manifest,
                    as: .standard,
                    segments: [SegmentRun(manifest: manifest, length: 1_000)],
                    for: hold
                )
            }
            #expect(refusal == (rule.isEmpty ? .quorumUnavailable : nil))
            #expect(try await cluster[1].manifests.kill(manifest) == .dead(borrows: []))
        }
    }

    @Test(
        "R4: a version that one replica has cannot come back after audits; broken, it can",
        arguments: [Sabotage(), .fenceIsOnlyAPromise, .fenceOnOneReplica]
    )
    func uncertainFence(rule: Sabotage) throws {
        try Self.run(breaking: rule) { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            try await cluster[0].put(object("d"), content(5))
            let (key, generation) = try await cluster.register(object("d"))
            let before = try await cluster[0].read(key, "test")
            let places = try cluster.places(of: key)
            let (first, second, third) = (places[0], places[1], places[2])
            // A copy that crashed when its accept had reached one replica.
            var version = try await Self.current("s", cluster)
            version.id = cluster[0].newVersion()
            guard case .manifest(let manifest, let segments, let digest, _) = version.content
            else { throw TestFailure("inline") }
            let ballot = cluster[0].ballots.ballot(above: before.ballot, for: key)
            let hold = Hold(owner: .version(key, version.id), ceiling: ballot.ceiling)
            _ = try await cluster[0].manifests.change(
                manifest,
                HoldChange(hold, .segments(digest: digest)),
                "test"
            )
            version.content = .manifest(
                manifest,
                segments: segments,
                digest: digest,
                ceiling: hold.ceiling
            )
            let record = ObjectRecord(versions: [version], garbage: [], modified: version.modified)
            let value = RegisterValue(
                changeNumber: (before.value?.changeNumber ?? 0) + 1,
                lineage: [OperationID(77)],
                body: record.encoded,
                hasGarbage: false
            )
            let accept = RegisterRequest.accept(ballot, value, generation: generation)
            #expect(await cluster.ask(third, accept, about: key) == .accepted)
            cluster.isolate(third)
            #expect(try await cluster[second].auditHolds(of: manifest) == 1)
            cluster.network.heal()
            // Whoever comes next hears of it, if nothing newer was committed.
            cluster.isolate(first)
            let state = try await cluster[second].proposer.identity(key, generation: generation)
            let isBack = try ObjectRecord(state.value).names(manifest, entry: .version(version.id))
            #expect(isBack == !rule.isEmpty)
            cluster.network.heal()
            #expect(try await !Self.owners(manifest, cluster).contains(hold.owner))
        }
    }

    @Test("An accept that nobody has promised makes content dead that was created before")
    func killWithoutPrepare() throws {
        try Self.run(breaking: .killWithoutPrepare) { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            let manifest = try await Self.manifest("s", cluster)
            guard case .alive = try await cluster[1].manifests.kill(manifest) else {
                Issue.record("Killing by the rules leaves it alone.")
                return
            }
            _ = await cluster[1].killRecklessly(manifest)
            #expect(try await cluster[2].manifests.kill(manifest) == .dead(borrows: []))
        }
    }
}
