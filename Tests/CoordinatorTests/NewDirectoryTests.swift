import Coordinator
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// A node that starts with an empty directory is a new node, whatever its name and address.
struct NewDirectoryTests {
    private static func wiped(_ index: Int, _ cluster: TestCluster) async throws -> TestCluster {
        cluster.nodes[index].machine.crash()
        cluster.network.crashed(cluster.nodes[index].storage.id)
        cluster.nodes[index].machine.engine.wipe()
        let again = try await cluster.restarted(index)
        try await again.join(index)
        return again
    }

    @Test("It is not taken for the old one: no replica, no coordinator, and it knows")
    func stranger() throws {
        try TestCluster.run { cluster in
            for number in 0..<10 { try await cluster[0].put(object("\(number)"), content(10)) }
            await cluster.wait()
            let again = try await Self.wiped(2, cluster)
            let (old, new) = (cluster.nodes[2].storage.id, again.nodes[2].storage.id)
            #expect(old != new)
            #expect(!again[2].isMember && again[0].isMember)
            #expect(again.nodes[2].storage.layouts.layout?.index(of: old) != nil)
            // As a replica it would have forgotten everything.
            let (key, _) = try await again.register(object("1"))
            for request in [RegisterRequest.read, .prepare(again.ballot())] {
                let reply = await again.ask(2, .register(key, request))
                guard case .failure(let failure)? = reply else {
                    Issue.record("\(String(describing: reply))")
                    continue
                }
                #expect(failure.code == .notAReplica)
            }
            // As a coordinator it would make ballots that are another's.
            #expect(await code { _ = try await again[2].get(object("1")) } == .notReady)
            #expect(
                await code { try await again[2].put(object("1"), content(9)) } == .notReady
            )
            let listing = await code { _ = try await again[2].list(ListRequest(bucket: photos)) }
            #expect(listing == .notReady)
        }
    }

    @Test("The others go on without it, and lack it: with one more away nothing is answered")
    func others() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            await cluster.wait()
            let again = try await Self.wiped(2, cluster)
            for index in 0..<2 {
                try await again[index].put(object("b\(index)"), content(20_000))
                #expect(try await again[index].get(object("a")) == content(10))
                let page = try await again[index].list(ListRequest(bucket: photos))
                #expect(page.entries.count == 2 + index)
            }
            again.isolate(1)
            #expect(await code { _ = try await again[0].get(object("a")) } == .quorumUnavailable)
            let listing = await code { _ = try await again[0].list(ListRequest(bucket: photos)) }
            #expect(listing == .quorumUnavailable)
        }
    }

    @Test("It waits for a layout that has it")
    func waits() throws {
        try TestCluster.run { cluster in
            await cluster.wait()
            let again = try await Self.wiped(2, cluster)
            let node = again.nodes[2]
            let before = again.simulator.nanoseconds
            again.simulator.doors().background.run {
                await again.wait(.seconds(5))
                guard let layout = node.storage.layouts.layout?.record else { return }
                let next = LayoutRecord(
                    epoch: layout.epoch + 1,
                    nodes: layout.nodes + [node.storage.description],
                    replicaSets: layout.replicaSets,
                    systemSet: layout.systemSet
                )
                await again.ask(2, .pushLayout(next))
            }
            try await node.coordinator.waitForMembership()
            #expect(again.simulator.nanoseconds - before >= 5_000_000_000)
            #expect(node.coordinator.isMember)
        }
    }
}
