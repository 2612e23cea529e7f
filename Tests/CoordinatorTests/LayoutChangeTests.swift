import Coordinator
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Nodes join, leave and replace one another while the cluster serves.
struct LayoutChangeTests {
    private static let count = 15

    /// Objects with inline content, some of them overwritten, some deleted again.
    private static func fill(_ cluster: TestCluster) async throws {
        for number in 0..<Self.count {
            let name = object("k\(number)")
            try await cluster[number].put(name, content(100, seed: UInt64(number)))
            if number % 5 == 1 {
                try await cluster[number + 1].put(name, content(50, seed: UInt64(number + 1_000)))
            }
            if number % 5 == 2 { try await cluster[number + 1].delete(name) }
        }
    }

    private static func check(_ cluster: TestCluster, through index: Int) async throws {
        for number in 0..<Self.count {
            let name = object("k\(number)")
            switch number % 5 {
            case 2:
                let found = await code { _ = try await cluster[index].get(name) }
                #expect(found == .objectNotFound)
            case 1:
                let found = try await cluster[index].get(name)
                #expect(found == content(50, seed: UInt64(number + 1_000)))
            default:
                let found = try await cluster[index].get(name)
                #expect(found == content(100, seed: UInt64(number)))
            }
        }
        let request = ListRequest(bucket: photos, limit: 1_000)
        let page = try await cluster[index].list(request)
        #expect(page.entries.count == Self.count - Self.count / 5)
    }

    private static func crash(_ index: Int, _ cluster: TestCluster) {
        cluster.nodes[index].machine.crash()
        cluster.network.crashed(cluster.nodes[index].storage.id)
    }

    private static func sums(_ cluster: TestCluster, _ indices: [Int]) async -> [[RowDigest]] {
        var sums: [[RowDigest]] = []
        for index in indices {
            if case .digests(let digests)? = await cluster.ask(index, .digests(nil)) {
                sums.append(digests)
            }
        }
        return sums
    }

    @Test("An empty node takes the place of one whose disk is gone, and has all its rows then")
    func replace() throws {
        try TestCluster.run { cluster in
            try await Self.fill(cluster)
            let old = cluster.nodes[2].storage.id
            Self.crash(2, cluster)
            let machine = cluster.nodes[2].machine
            machine.disk.wipe()
            machine.engine.wipe()
            machine.restart()
            var cluster = try await cluster.adding(machine)
            await cluster.wait(.seconds(2))
            let new = cluster.nodes[3].storage
            #expect(new.id != old, "It has the same name and address, and is another node.")
            #expect(new.layouts.layout?.index(of: new.id) == nil, "It knows the layout, and waits.")
            let layout = try await cluster[0].changeLayout(.replace(old, by: new.description))
            #expect(layout.epoch == 3 && !layout.isJoint)
            await cluster.wait(.seconds(2))
            #expect(new.layouts.epoch == 3)
            cluster.nodes.remove(at: 2)
            let sums = await Self.sums(cluster, [0, 1, 2])
            #expect(sums.count == 3 && sums.allSatisfy { $0 == sums[0] })
            try await Self.check(cluster, through: 2)
            Self.crash(0, cluster)
            try await Self.check(cluster, through: 1)
            try await cluster[2].put(object("new"), content(10))
            let again = try await cluster[1].changeLayout(.replace(old, by: new.description))
            #expect(again == layout, "Once more changes nothing.")
        }
    }

    @Test("A node that joins and one that leaves move rows, and only theirs")
    func addAndRemove() throws {
        try TestCluster.run { cluster in
            try await Self.fill(cluster)
            let cluster = try await cluster.adding(cluster.simulator.machine("n4"))
            await cluster.wait(.seconds(1))
            let new = cluster.nodes[3].storage
            let added = try await cluster[1].changeLayout(.add(new.description))
            #expect(added.epoch == 3)
            await cluster.wait(.seconds(2))
            for index in 0..<4 { try await Self.check(cluster, through: index) }
            for node in cluster.nodes {
                #expect(node.storage.hasIntroducedItself, "A new member is told, too.")
                #expect(node.storage.isKnownToAll)
            }
            let first = cluster.nodes[0].storage
            let removed = try await cluster[3].changeLayout(.remove(first.id))
            #expect(removed.epoch == 5)
            await cluster.wait(.seconds(5))
            for index in 0..<4 { try await Self.check(cluster, through: index) }
            #expect(cluster.nodes[0].machine.engine.keys(of: .partitions).isEmpty, "It has left.")
            let sums = await Self.sums(cluster, [1, 2, 3])
            #expect(sums.count == 3 && sums.allSatisfy { $0 == sums[0] })
            Self.crash(0, cluster)
            Self.crash(1, cluster)
            try await Self.check(cluster, through: 2)
        }
    }

    @Test("A node that comes back after having left has none of its old rows")
    func comesBack() throws {
        try TestCluster.run(4) { cluster in
            try await Self.fill(cluster)
            let last = cluster.nodes[3].storage
            for machine in [cluster.nodes[3].machine] {
                for other in cluster.nodes.dropLast() {
                    cluster.network.cut(from: machine, to: other.machine)
                    cluster.network.cut(from: other.machine, to: machine)
                }
            }
            // It hears of neither step.
            _ = try await cluster[0].changeLayout(.remove(last.id))
            #expect(last.layouts.epoch == 1)
            for number in 0..<Self.count {
                try await cluster[0].put(object("k\(number)"), content(7, seed: 9))
            }
            let joint = try await cluster[0].changeLayout(.add(last.description))
            #expect(joint.epoch == 5)
            cluster.network.heal()
            let back = cluster.nodes[3]
            back.machine.doors.background.run { await back.coordinator.runSweeps() }
            await cluster.wait(.seconds(30))
            #expect(last.layouts.epoch == 5)
            for number in 0..<Self.count {
                let (key, _) = try await cluster.register(object("k\(number)"))
                guard case .row(let mine, _)? = await cluster.ask(3, .read, about: key) else {
                    continue
                }
                let state = try await cluster[1].get(object("k\(number)"))
                #expect(state == content(7, seed: 9))
                #expect(mine != .zero, "It has caught up.")
            }
            Self.crash(0, cluster)
            for number in 0..<Self.count {
                #expect(try await cluster[3].get(object("k\(number)")) == content(7, seed: 9))
            }
        }
    }

    @Test("A change whose coordinator dies in the middle is finished by a steward")
    func steward() throws {
        try TestCluster.run(4) { cluster in
            try await Self.fill(cluster)
            let cluster = try await cluster.adding(cluster.simulator.machine("n5"))
            await cluster.wait(.seconds(1))
            let new = cluster.nodes[4].storage
            let doomed = cluster.nodes[3]
            for node in cluster.nodes {
                node.machine.doors.background.run { await node.coordinator.runSweeps() }
            }
            doomed.machine.doors.background.run {
                _ = try? await doomed.coordinator.changeLayout(.add(new.description))
            }
            while cluster.nodes[0].storage.layouts.epoch < 2 {
                await cluster.wait(.milliseconds(1))
            }
            Self.crash(3, cluster)
            #expect(cluster.nodes[0].storage.layouts.layout?.isJoint == true)
            await cluster.wait(.seconds(120))
            for index in [0, 1, 2, 4] {
                #expect(cluster.nodes[index].storage.layouts.epoch == 3)
                try await Self.check(cluster, through: index)
            }
        }
    }

    @Test("A fence is on the latter replicas, too: what was refused before stays refused")
    func fences() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            let (key, generation) = try await cluster.register(object("a"))
            let refused = await code { try await cluster[0].deleteBucket(photos) }
            #expect(refused == .bucketNotEmpty)
            let cluster = try await cluster.adding(cluster.simulator.machine("n4"))
            await cluster.wait(.seconds(1))
            let new = cluster.nodes[3].storage
            let third = cluster.nodes[2].storage.id
            _ = try await cluster[1].changeLayout(.replace(third, by: new.description))
            await cluster.wait(.seconds(1))
            let late = RegisterRequest.accept(
                cluster.ballot(),
                RegisterValue(changeNumber: 9, lineage: [], body: [1], hasGarbage: false),
                generation: generation
            )
            guard case .fenced? = await cluster.ask(3, late, about: key) else {
                Issue.record("The new node takes what the others refuse.")
                return
            }
        }
    }

    /// When somebody deletes the bucket, as seen from a change of the layout.
    enum Deletion: Sendable, CaseIterable {
        case before, meanwhile, after
    }

    @Test(
        "A put that guesses the bucket's generation writes nothing into a bucket deleted meanwhile",
        arguments: Deletion.allCases
    )
    func guess(deletion: Deletion) throws {
        try TestCluster.run(4) { cluster in
            let cluster = try await cluster.adding(cluster.simulator.machine("n5"))
            await cluster.wait(.seconds(1))
            let (last, new) = (cluster.nodes[3].storage, cluster.nodes[4].storage)
            // A promise of each key is kept, and the bucket's generation known.
            for number in 0..<Self.count {
                try await cluster[0].put(object("k\(number)"), content(10))
                try await cluster[0].delete(object("k\(number)"))
            }
            Self.cutOff(0, cluster)
            if deletion == .before { try await cluster[1].deleteBucket(photos) }
            let change = MembershipChange.replace(last.id, by: new.description)
            if deletion == .meanwhile {
                let ended = Eventual<Bool>()
                cluster.nodes[2].machine.doors.background.run {
                    ended.fulfil((try? await cluster[2].changeLayout(change)) != nil)
                }
                while cluster.nodes[1].storage.layouts.epoch < 2 {
                    await cluster.wait(.milliseconds(1))
                }
                try await cluster[1].deleteBucket(photos)
                #expect(await ended.value)
            } else {
                _ = try await cluster[2].changeLayout(change)
            }
            if deletion == .after { try await cluster[1].deleteBucket(photos) }
            cluster.network.heal()
            #expect(cluster.nodes[0].storage.layouts.epoch == 1, "It has heard of nothing.")
            for number in 0..<Self.count {
                let end = await code { try await cluster[0].put(object("k\(number)"), content(10)) }
                #expect(end == .bucketNotFound)
            }
            #expect(cluster.nodes[0].storage.layouts.epoch == 3)
            try await cluster[1].createBucket(photos)
            let page = try await cluster[0].list(ListRequest(bucket: photos, limit: 1_000))
            #expect(page.entries.isEmpty)
        }
    }

    /// Cuts a node off, in both directions.
    private static func cutOff(_ index: Int, _ cluster: TestCluster) {
        for other in cluster.nodes.indices where other != index {
            let (lost, rest) = (cluster.nodes[index].machine, cluster.nodes[other].machine)
            cluster.network.cut(from: lost, to: rest)
            cluster.network.cut(from: rest, to: lost)
        }
    }
}
