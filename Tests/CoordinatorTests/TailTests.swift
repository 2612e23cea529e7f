import PeerProtocol
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Synchronization
import Testing

@testable import Coordinator

/// Holds of objects of many parts cost what those of few cost.
struct TailTests {
    /// Lists of 16 runs or more are tails.
    private static func smallTails(_ settings: inout CoordinatorSettings) {
        settings.partBytesMin = 0
        settings.tailBytes = 16 * SegmentList.runBytes
    }

    /// An object of that many parts; the register of its manifest.
    private static func put(
        _ parts: Int,
        as name: ObjectName,
        in cluster: TestCluster
    ) async throws -> RegisterKey {
        let upload = try await cluster[0].createUpload(name)
        var done: [PartSummary] = []
        for number in 1...parts {
            done.append(try await cluster[0].put(number, of: upload, content(10)))
        }
        _ = try await cluster[0].complete(upload, done)
        await cluster.wait()
        return try #require(
            cluster.keys(at: 0).last { if case .manifest = $0 { true } else { false } }
        )
    }

    private static func copy(
        _ source: ObjectName,
        to target: String,
        by coordinator: Coordinator
    ) async throws {
        let copy = try await coordinator.copy(
            CopyRequest(source: source, target: object(target))
        )
        #expect(copy.mode == .reference)
    }

    struct HoldCost: Hashable, Sendable {
        var messages: [String: Int] = [:]
        var sentBytes = 0
        var writtenBytes = 0
        var syncs = 0
    }

    private static func written(_ cluster: TestCluster) -> Int {
        cluster.nodes.reduce(0) { $0 + $1.machine.engine.writtenBytes }
    }

    @Test("Copying sends and writes the same bytes whether there are 40 parts or 90")
    func anyNumber() throws {
        let costs = Recorded<[Int: [HoldCost]]>([:])
        for parts in [40, 90] {
            try TestCluster.run(countsRoundTrips: true, settings: Self.smallTails) { cluster in
                _ = try await Self.put(parts, as: object("s"), in: cluster)
                // Alone, right behind another, and with a promise kept from the one before.
                for number in 1...3 {
                    cluster.clearLedgers()
                    let before = (Self.written(cluster), cluster.syncs.rows)
                    try await Self.copy(object("s"), to: "d\(number)", by: cluster[0])
                    await cluster.wait(.milliseconds(1_000))
                    let ledger = cluster.nodes[0].ledger
                    let cost = HoldCost(
                        messages: ledger.counts,
                        sentBytes: ledger.headBytes,
                        writtenBytes: Self.written(cluster) - before.0,
                        syncs: cluster.syncs.rows - before.1
                    )
                    costs.change { $0[parts, default: []].append(cost) }
                }
            }
        }
        #expect(costs.value[40] == costs.value[90])
        #expect(costs.value[90]?.count == 3)
        #expect(costs.value[90]?.allSatisfy { $0.sentBytes < 8_000 } == true)
        #expect(costs.value[90]?.last?.messages["prepare manifest"] == nil)
        #expect(costs.value[90]?.last?.messages["accept manifest"] == 3)
    }

    @Test("A replica that was away when the list came is sent it with the next hold")
    func away() throws {
        try TestCluster.run(settings: Self.smallTails) { cluster in
            let upload = try await cluster[0].createUpload(object("s"))
            var parts: [PartSummary] = []
            for number in 1...20 {
                parts.append(try await cluster[0].put(number, of: upload, content(10)))
            }
            for other in [0, 1] {
                cluster.network.cut(
                    from: cluster.nodes[other].machine,
                    to: cluster.nodes[2].machine
                )
            }
            _ = try await cluster[0].complete(upload, parts)
            await cluster.wait()
            #expect(cluster.nodes[2].machine.engine.keys(of: .tails) == [])
            cluster.network.heal()
            cluster.clearLedgers()
            try await Self.copy(object("s"), to: "d", by: cluster[0])
            await cluster.wait()
            let tails = cluster.nodes.map { $0.machine.engine.keys(of: .tails) }
            #expect(tails[0].count == 1)
            #expect(tails.allSatisfy { $0 == tails[0] })
            #expect(cluster.nodes[0].ledger.counts["accept manifest"] == 4)
            let key = try #require(try tails[0].first.map { try RegisterKey(row: $0) })
            let rows = await cluster.rows(of: key)
            #expect(rows.allSatisfy { $0 == rows[0] })
        }
    }

    @Test("A damaged list is repaired from the other replicas, and so is a lost one")
    func repaired() throws {
        try TestCluster.run(settings: Self.smallTails) { cluster in
            let key = try await Self.put(20, as: object("s"), in: cluster)
            let before = await cluster.rows(of: key)
            for isLost in [false, true] {
                let engine = cluster.nodes[1].machine.engine
                var tail = try #require(try await engine.get(.tails, key.row))
                var batch = RowBatch()
                tail[tail.count / 2] ^= 1
                if isLost {
                    batch.delete(.tails, key.row)
                } else {
                    batch.put(.tails, key.row, tail)
                }
                try await engine.commit(batch, durable: true)
                #expect(await cluster.ask(1, .read, about: key) == .corrupt)
                let summary = await cluster[1].scrub()
                #expect(summary.repaired == 1)
                await cluster.wait()
                guard case .row(_, let value)? = await cluster.ask(1, .read, about: key),
                    case .row(_, let former)? = before[1]
                else {
                    Issue.record("No row.")
                    return
                }
                #expect(value?.body == former?.body)
            }
            try await Self.copy(object("s"), to: "d", by: cluster[1])
            #expect(try await cluster[2].get(object("d")) == cluster[0].get(object("s")))
        }
    }
}

/// A value that a run in a simulation leaves behind.
private final class Recorded<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { self.state = Mutex(value) }

    var value: Value { self.state.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { self.state.withLock { body(&$0) } }
}
