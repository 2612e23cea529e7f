import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

/// Many copies of one object, deleted in random order.
struct ManyCopiesTests {
    @Test("A thousand copies of one object: the last one is intact, and then all space is free")
    func thousand() throws {
        try TestCluster.run { cluster in
            let body = content(100_000)
            try await cluster[0].put(object("0"), body)
            var random = SplitMix64(seed: 7)
            for number in 1...1_000 {
                // A copy of any earlier one: of the first, of a copy, of a copy of a copy.
                let source = Int(random.next() % UInt64(number))
                let result = try await cluster[number].copy(
                    CopyRequest(source: object("\(source)"), target: object("\(number)"))
                )
                #expect(result.mode == .reference)
            }
            await cluster.wait()
            #expect(cluster.chunks == 3)
            var names = Array(0...1_000)
            for place in names.indices.dropFirst().reversed() {
                names.swapAt(place, Int(random.next() % UInt64(place + 1)))
            }
            for name in names.dropLast() {
                try await cluster[name].delete(object("\(name)"))
            }
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
            #expect(try await cluster[1].get(object("\(names[1_000])")) == body)
            try await cluster[2].delete(object("\(names[1_000])"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(await cluster.leftManifests().isEmpty)
        }
    }

    @Test(
        "Fifty copies, deleted in random order while nodes crash: the same",
        arguments: UInt64(1)...3
    )
    func crashes(seed: UInt64) throws {
        try TestCluster.run(
            seed: seed,
            settings: {
                $0.versionHolders = 8
                $0.auditAge = .zero
            },
            { try await Self.crashing($0, seed) }
        )
    }

    private static func crashing(_ start: TestCluster, _ seed: UInt64) async throws {
        var cluster = start
        var random = SplitMix64(seed: seed)
        let body = content(100_000)
        try await cluster[0].put(object("0"), body)
        func crashNow() async throws {
            let victim = Int(random.next() % 3)
            // What it has under way is cut off.
            cluster.nodes[victim].machine.crash()
            cluster.network.crashed(cluster.nodes[victim].storage.id)
            await cluster.wait(.milliseconds(Int(random.next() % 300)))
            cluster = try await cluster.restarted(victim)
            await cluster.wait(.seconds(1))
        }
        for number in 1...50 {
            let source = Int(random.next() % UInt64(number))
            let request = CopyRequest(source: object("\(source)"), target: object("\(number)"))
            if random.next() % 8 == 0 {
                let coordinator = cluster[Int(random.next() % 3)]
                cluster.simulator.doors().background.run {
                    _ = try? await coordinator.copy(request)
                }
                await cluster.wait(.microseconds(Int(random.next() % 3_000)))
                try await crashNow()
            }
            try await cluster.insist { _ = try await $0.copy(request) }
        }
        var names = Array(0...50)
        for place in names.indices.dropFirst().reversed() {
            names.swapAt(place, Int(random.next() % UInt64(place + 1)))
        }
        for (index, name) in names.dropLast().enumerated() {
            if index % 10 == 9 {
                let coordinator = cluster[index]
                cluster.simulator.doors().background.run {
                    try? await coordinator.delete(object("\(name)"))
                    _ = await coordinator.sweep()
                }
                await cluster.wait(.microseconds(Int(random.next() % 3_000)))
                try await crashNow()
            }
            try await cluster.insist { try await $0.delete(object("\(name)")) }
        }
        await cluster.tidyUp()
        let last = object("\(names[50])")
        for node in cluster.nodes { #expect(try await node.coordinator.get(last) == body) }
        try await cluster.insist { try await $0.delete(last) }
        await cluster.tidyUp()
        #expect(cluster.chunks == 0)
        #expect(await cluster.leftManifests().isEmpty)
    }
}

extension TestCluster {
    /// Does it through one node or another until it is done.
    func insist(_ body: (Coordinator) async throws -> Void) async throws {
        for attempt in 0..<20 {
            do { return try await body(self[attempt]) } catch {
                await self.wait(.milliseconds(500))
            }
        }
        throw TestFailure("It cannot be done.")
    }

    /// Sweeps and audits on every node, in turns, until there is nothing left to do.
    func tidyUp() async {
        for _ in 0..<12 {
            await self.wait(.seconds(60))
            for node in self.nodes {
                _ = await node.coordinator.audit()
                _ = await node.coordinator.sweep()
            }
        }
    }
}
