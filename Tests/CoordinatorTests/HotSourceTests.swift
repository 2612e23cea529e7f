import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel
import Testing

/// Many copies of one object at a time.
struct HotSourceTests {
    @Test("Sixty-four copies of one source at a time change its manifest a handful of times")
    func batching() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("s"), content(50_000))
            await cluster.wait()
            cluster.clearLedgers()
            try await withThrowingTaskGroup(of: CopyResult.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        try await cluster[0].copy(
                            CopyRequest(source: object("s"), target: object("d\(number)"))
                        )
                    }
                }
                for try await result in group { #expect(result.mode == .reference) }
            }
            let counts = cluster.nodes[0].ledger.counts
            // Each change is one accept to each of three replicas.
            let changes = (counts["accept manifest"] ?? 0) / cluster.nodes.count
            #expect((1...8).contains(changes), "\(changes)")
        }
    }
}
