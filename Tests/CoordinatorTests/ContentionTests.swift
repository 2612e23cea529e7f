import Coordinator
import SimulatedRuntime
import StoreModel
import Testing

/// One key that everybody changes.
struct ContentionTests {
    private static let workers = 4
    private static let changesEach = 100

    @Test(
        "Where nothing fails every change of a contended key is known to be made",
        arguments: UInt64(1)...4
    )
    func known(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let body = content(100_000)
            try await cluster[0].put(object("busy"), body)
            let unknown = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<Self.workers {
                    group.addTask {
                        var unknown = 0
                        for _ in 0..<Self.changesEach {
                            let failure = await code {
                                let request = CopyRequest(
                                    source: object("busy"),
                                    target: object("busy")
                                )
                                _ = try await cluster[worker].copy(request)
                            }
                            if failure != nil { unknown += 1 }
                        }
                        return unknown
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(unknown == 0)
            #expect(try await cluster[1].get(object("busy")) == body)
        }
    }
}
