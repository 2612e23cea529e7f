import Content
import NIOCore
import PeerProtocol
import Placement
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

@testable import Coordinator

/// What lifecycle rules do, over whole clusters and in virtual time.
struct LifecycleTests {
    /// Days of 100 s.
    private static let day = Duration.seconds(100)
    /// Long enough for anything to be a day old.
    private static let twoDays = Duration.seconds(200)

    private static func run(
        _ count: Int = 3,
        rows: Int = 500,
        _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) throws {
        try TestCluster.run(
            count,
            settings: {
                $0.lifecycleDay = Self.day
                $0.lifecycleRows = rows
                $0.partBytesMin = 0
                // What is dropped can be looked at.
                $0.releaseGrace = .zero
            },
            body
        )
    }

    private static func set(_ rules: [LifecycleRule], _ cluster: TestCluster) async throws {
        let bytes = rules.isEmpty ? nil : LifecycleRules(rules).encoded
        try await cluster[0].set(.document(.lifecycle, bytes), of: photos)
    }

    /// One pass of each node that is there.
    @discardableResult
    private static func pass(
        _ cluster: TestCluster,
        by nodes: [Int] = [0, 1, 2]
    ) async -> LifecycleSummary {
        var total = LifecycleSummary()
        for node in nodes {
            let summary = await cluster[node].expire()
            total.judged += summary.judged
            total.objects += summary.objects
            total.versions += summary.versions
            total.uploads += summary.uploads
            total.failures += summary.failures
            total.parallelMax = max(total.parallelMax, summary.parallelMax)
        }
        return total
    }

    private static func put(
        _ cluster: TestCluster,
        _ name: String,
        _ content: ByteBuffer = content(100),
        tags: [StoreModel.Tag] = []
    ) async throws -> ObjectSummary {
        try await cluster[0].put(
            PutRequest(
                name: object(name),
                metadata: ObjectMetadata(),
                announcedBytes: UInt64(content.readableBytes),
                tags: tags
            ),
            body: TestBody(content)
        )
    }

    private static func keys(_ cluster: TestCluster, _ node: Int = 1) async throws -> [String] {
        try await cluster[node].list(ListRequest(bucket: photos)).entries.map { entry in
            guard case .object(let key, _) = entry else { return "" }
            return key.description
        }
    }

    private static func versions(_ cluster: TestCluster) async throws -> [ListedVersion] {
        try await cluster[1].listVersions(ListVersionsRequest(bucket: photos)).entries.compactMap {
            guard case .version(let version) = $0 else { return nil }
            return version
        }
    }

    /// The node whose business a key is.
    private static func owner(of name: ObjectName, _ cluster: TestCluster) async throws -> Int {
        let key = try await cluster.register(name).key
        let first = cluster[0].layouts.layout?.replicaSet(of: key.partition).first
        return try #require(cluster.nodes.firstIndex { $0.storage.id == first })
    }

    @Test("Old objects that a rule is about go with their content; young and other ones stay")
    func objects() throws {
        try Self.run { cluster in
            let tag = StoreModel.Tag(key: "kind", value: "tmp")
            _ = try await Self.put(cluster, "logs/old", content(100_000))
            _ = try await Self.put(cluster, "kept", content(100_000))
            _ = try await Self.put(cluster, "tagged", tags: [tag])
            _ = try await Self.put(cluster, "logs", tags: [StoreModel.Tag(key: "kind", value: "x")])
            try await Self.set(
                [
                    LifecycleRule(
                        id: "logs",
                        filter: LifecycleFilter(prefix: "logs/"),
                        expiration: .days(1)
                    ),
                    LifecycleRule(
                        id: "tmp",
                        filter: LifecycleFilter(tags: [tag]),
                        expiration: .days(1)
                    ),
                    LifecycleRule(id: "off", isEnabled: false, expiration: .days(1)),
                ],
                cluster
            )
            let early = await Self.pass(cluster)
            #expect(early.objects == 0 && early.judged == 4, "Each is one node's business.")
            await cluster.wait(Self.twoDays)
            _ = try await Self.put(cluster, "logs/young", content(100_000))
            let late = await Self.pass(cluster)
            #expect(late.objects == 2 && late.failures == 0 && late.judged == 5)
            #expect(try await Self.keys(cluster) == ["kept", "logs", "logs/young"])
            let again = await Self.pass(cluster)
            #expect(again.objects == 0 && again.judged == 3)
            await cluster.sweepAll()
            #expect(cluster.chunks == 2 * 3, "The content of what has gone is given back.")
            #expect(try await cluster[2].get(object("logs/young")) == content(100_000))
        }
    }

    @Test("When a version goes is told when it is stored and read, and by which rule")
    func told() throws {
        try Self.run { cluster in
            #expect(try await Self.put(cluster, "a").expiry == nil)
            try await Self.set(
                [
                    LifecycleRule(id: "three", expiration: .days(3)),
                    LifecycleRule(
                        id: "two",
                        filter: LifecycleFilter(prefix: "a"),
                        expiration: .days(2)
                    ),
                ],
                cluster
            )
            let stored = try await Self.put(cluster, "a")
            let expiry = try #require(stored.expiry)
            // What another node knows of the bucket may be a second old.
            await cluster.wait(.seconds(2))
            let day = LifecycleDay(microseconds: 100_000_000)
            #expect(expiry.rule == "two" && expiry.time == day.end(of: 2, after: stored.modified))
            #expect(try await cluster[1].open(object("a")).summary.expiry == expiry)
            let copied = try await cluster[2].copy(
                CopyRequest(source: object("a"), target: object("b"))
            )
            #expect(copied.summary.expiry?.rule == "three")
        }
    }

    /// What somebody does while a node is about to remove what it has found old.
    enum Meanwhile: CaseIterable, Sendable {
        case overwrite, retag, removeRules, keepVersions, replaceBucket

        func happen(_ cluster: TestCluster, by node: Int) async throws {
            switch self {
            case .overwrite: try await cluster[node].put(object("o"), content(200, seed: 9))
            case .retag:
                _ = try await cluster[node].edit(object("o"), nil, .tags([]), ifStill: nil)
            case .removeRules: try await LifecycleTests.set([], cluster)
            case .keepVersions:
                try await cluster[node].set(.versioning(.enabled), of: photos)
                try await cluster[node].put(object("o"), content(200, seed: 9))
            case .replaceBucket:
                try await cluster[node].delete(object("o"))
                try await cluster[node].deleteBucket(photos)
                try await cluster[node].createBucket(photos)
                try await LifecycleTests.set(
                    [LifecycleRule(id: "r", expiration: .days(1))],
                    cluster
                )
                try await cluster[node].put(object("o"), content(200, seed: 9))
            }
        }

        var remains: ByteBuffer {
            switch self {
            case .retag, .removeRules: content(100)
            case .overwrite, .keepVersions, .replaceBucket: content(200, seed: 9)
            }
        }
    }

    @Test(
        "What somebody does after a node has found an object old counts: nothing is removed",
        arguments: Meanwhile.allCases
    )
    func race(meanwhile: Meanwhile) throws {
        try Self.run { cluster in
            let tag = StoreModel.Tag(key: "k", value: "v")
            _ = try await Self.put(cluster, "o", tags: [tag])
            try await Self.set(
                [
                    LifecycleRule(
                        id: "r",
                        filter: LifecycleFilter(tags: [tag]),
                        expiration: .days(1)
                    )
                ],
                cluster
            )
            await cluster.wait(Self.twoDays)
            let owner = try await Self.owner(of: object("o"), cluster)
            let step = HeldStep(of: owner, in: cluster)
            step.arm(.prepare)
            async let pass = cluster[owner].expire()
            await step.reached(.prepare)
            try await meanwhile.happen(cluster, by: owner + 1)
            step.open(.prepare)
            let summary = await pass
            #expect(summary.objects == 0 && summary.versions == 0 && summary.failures == 0)
            #expect(try await cluster[owner].get(object("o")) == meanwhile.remains)
            if meanwhile == .keepVersions { #expect(try await Self.versions(cluster).count == 2) }
        }
    }

    @Test("Where versions are kept, what expires is hidden, and old versions and markers go later")
    func versions() throws {
        try Self.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            var made: [VersionName] = []
            for _ in 0..<3 { made.append(try #require(try await Self.put(cluster, "o").name)) }
            try await Self.set(
                [
                    LifecycleRule(
                        id: "r",
                        expiration: .days(1),
                        noncurrent: .init(days: 1, kept: 1)
                    )
                ],
                cluster
            )
            await cluster.wait(Self.twoDays)
            let first = await Self.pass(cluster)
            #expect(first.objects == 1 && first.versions == 1)
            #expect(try await Self.keys(cluster).isEmpty)
            let hidden = try await Self.versions(cluster)
            #expect(hidden.map(\.isMarker) == [true, false, false])
            #expect(hidden.dropFirst().map(\.name) == [made[2], made[1]])
            // The one that was hidden is the one that is kept now.
            #expect(await Self.pass(cluster).versions == 1)
            await cluster.wait(Self.twoDays)
            let none = await Self.pass(cluster)
            #expect(none.objects == 0 && none.versions == 0)
            #expect(try await Self.versions(cluster).dropFirst().map(\.name) == [made[2]])
            try await Self.set(
                [LifecycleRule(id: "r", expiration: .markers(true), noncurrent: .init(days: 1))],
                cluster
            )
            #expect(await Self.pass(cluster).versions == 1)
            #expect(try await Self.versions(cluster).map(\.isMarker) == [true])
            #expect(await Self.pass(cluster).versions == 1)
            try await cluster[2].deleteBucket(photos)
        }
    }

    @Test("Where versions are not kept any more, the marker takes the place of the null version")
    func suspended() throws {
        try Self.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let kept = try await Self.put(cluster, "o", content(100_000, seed: 1))
            try await cluster[0].set(.versioning(.suspended), of: photos)
            _ = try await Self.put(cluster, "o", content(100_000, seed: 2))
            try await Self.set([LifecycleRule(id: "r", expiration: .days(1))], cluster)
            await cluster.wait(Self.twoDays)
            #expect(await Self.pass(cluster).objects == 1)
            let left = try await Self.versions(cluster)
            #expect(left.map(\.name) == [.null, kept.name] && left[0].isMarker)
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
        }
    }

    @Test("An upload is aborted if it is open and that old, and its parts are given back")
    func uploads() throws {
        try Self.run { cluster in
            let old = try await cluster[0].createUpload(object("o"))
            try await cluster[0].put(1, of: old, content(100_000))
            let done = try await cluster[0].createUpload(object("done"))
            let part = try await cluster[0].put(1, of: done, content(100_000))
            try await Self.set([LifecycleRule(id: "r", abortDays: 1)], cluster)
            await cluster.wait(Self.twoDays)
            let young = try await cluster[1].createUpload(object("o"))
            _ = try await cluster[1].complete(done, [part])
            let summary = await Self.pass(cluster)
            #expect(summary.uploads == 1 && summary.objects == 0 && summary.failures == 0)
            #expect(await code { _ = try await cluster[2].upload(old) } == .uploadNotFound)
            #expect(try await cluster[2].upload(young).id == young.id)
            #expect(try await cluster[2].get(object("done")) == content(100_000))
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
        }
    }

    @Test("A page has so many rows, and so many keys are changed at once; none is left out")
    func bounds() throws {
        try Self.run(rows: 7) { cluster in
            for number in 0..<60 { _ = try await Self.put(cluster, "o\(number)") }
            try await Self.set([LifecycleRule(id: "r", expiration: .days(1))], cluster)
            await cluster.wait(Self.twoDays)
            cluster.clearLedgers()
            let summary = await Self.pass(cluster)
            #expect(summary.judged == 60 && summary.objects == 60 && summary.failures == 0)
            #expect(summary.parallelMax <= 7)
            #expect(try await Self.keys(cluster).isEmpty)
        }
    }

    @Test("A node that crashes in its pass goes on when it starts; nothing else is lost")
    func crash() throws {
        try Self.run(rows: 5) { cluster in
            for number in 0..<40 { _ = try await Self.put(cluster, "old/\(number)") }
            _ = try await Self.put(cluster, "kept")
            try await Self.set(
                [
                    LifecycleRule(
                        id: "r",
                        filter: LifecycleFilter(prefix: "old/"),
                        expiration: .days(1)
                    )
                ],
                cluster
            )
            await cluster.wait(Self.twoDays)
            let victim = cluster.nodes[0]
            victim.machine.doors.background.run { _ = await victim.coordinator.expire() }
            var left = 41
            for _ in 0..<100 where left == 41 {
                await cluster.wait(.milliseconds(10))
                left = try await Self.keys(cluster).count
            }
            victim.machine.crash()
            cluster.network.crashed(victim.storage.id)
            #expect((2..<41).contains(left), "It was in the middle: \(left) left.")
            let restarted = try await cluster.restarted(0)
            try await restarted.join(0)
            let summary = await Self.pass(restarted)
            #expect(summary.failures == 0)
            #expect(try await Self.keys(restarted) == ["kept"])
        }
    }

    @Test("The others do what a node that is away would do")
    func away() throws {
        try Self.run { cluster in
            for number in 0..<30 { _ = try await Self.put(cluster, "o\(number)") }
            try await Self.set([LifecycleRule(id: "r", expiration: .days(1))], cluster)
            await cluster.wait(Self.twoDays)
            cluster.nodes[2].machine.crash()
            cluster.network.crashed(cluster.nodes[2].storage.id)
            let summary = await Self.pass(cluster, by: [0, 1])
            #expect(summary.judged == 30 && summary.objects == 30)
            #expect(try await Self.keys(cluster).isEmpty)
        }
    }

    @Test("Two nodes that think that a key is their business do no harm")
    func twice() throws {
        try Self.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            for number in 0..<20 { _ = try await Self.put(cluster, "o\(number)") }
            try await Self.set([LifecycleRule(id: "r", expiration: .days(1))], cluster)
            await cluster.wait(Self.twoDays)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for node in cluster.nodes {
                    group.addTask {
                        var hidden = 0
                        for number in 0..<20 {
                            hidden += try await node.coordinator.expire(object("o\(number)"))
                                .objects
                        }
                        return hidden
                    }
                }
                var total = 0
                for try await hidden in group { total += hidden }
                #expect(total == 20)
            }
            #expect(try await Self.versions(cluster).count == 40, "One marker each.")
        }
    }

    @Test("Passes come by themselves, one at the beginning of each day")
    func passes() throws {
        try Self.run { cluster in
            for node in cluster.nodes {
                node.machine.doors.background.run { await node.coordinator.runLifecycle() }
            }
            _ = try await Self.put(cluster, "a")
            try await Self.set([LifecycleRule(id: "r", expiration: .days(1))], cluster)
            await cluster.wait(.seconds(95))
            #expect(try await Self.keys(cluster) == ["a"])
            await cluster.wait(.seconds(115))
            #expect(try await Self.keys(cluster).isEmpty)
            let asked = cluster.nodes[0].ledger.entries.count
            await cluster.wait(.seconds(1_000))
            let more = cluster.nodes[0].ledger.entries.count - asked
            #expect(more < 10 * 10, "Ten passes over nothing, not more: \(more) requests.")
        }
    }
}
