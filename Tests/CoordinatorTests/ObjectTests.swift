import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel
import Testing

struct ObjectTests {
    /// Lengths around the borders of inline content, of blocks and of chunks.
    static let lengths = [
        0, 1, Limit.inlineBytes, Limit.inlineBytes + 1, Limit.blockBytes, Limit.blockBytes + 1,
        Limit.chunkBytes, Limit.chunkBytes + 1, 2 * Limit.chunkBytes + 77,
    ]

    @Test("What was put through one node is read through any, byte for byte", arguments: lengths)
    func roundTrip(length: Int) throws {
        try TestCluster.run { cluster in
            let body = content(length)
            let summary = try await cluster[0].put(object("a"), body)
            #expect(summary.size == UInt64(length))
            for node in cluster.nodes {
                #expect(try await node.coordinator.get(object("a")) == body)
                let found = try await node.coordinator.open(object("a"))
                #expect(found.summary == summary)
            }
        }
    }

    @Test("Any range of an object is read as the bytes that are there", arguments: UInt64(0)..<2)
    func ranges(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let length = Limit.chunkBytes * 2 + 1_000
            let body = content(length)
            try await cluster[0].put(object("a"), body)
            var random = SplitMix64(seed: seed)
            let blocks = Limit.blockBytes
            var ranges = [0..<1, 0..<0, (length - 1)..<length, blocks..<(2 * blocks)]
            ranges.append((Limit.chunkBytes - 1)..<(Limit.chunkBytes + 1))
            for _ in 0..<10 {
                let start = Int(random.next() % UInt64(length))
                ranges.append(start..<Int.random(in: start...length, using: &random))
            }
            for range in ranges {
                let read = try await cluster[1].get(
                    object("a"),
                    UInt64(range.lowerBound)..<UInt64(range.upperBound)
                )
                let expected = body.getSlice(at: range.lowerBound, length: range.count)
                #expect(read == expected, "\(range)")
            }
        }
    }

    @Test("The ETag is the MD5 of the content, and metadata comes back as it was given")
    func summary() throws {
        try TestCluster.run { cluster in
            let empty = try await cluster[0].put(object("empty"), ByteBuffer())
            #expect(empty.etag == "d41d8cd98f00b204e9800998ecf8427e")
            var metadata = ObjectMetadata()
            metadata.contentType = "text/plain"
            metadata.user = [.init(name: "colour", value: "blue")]
            let put = try await cluster[0].put(
                PutRequest(name: object("a"), metadata: metadata, announcedBytes: nil),
                body: TestBody(ByteBuffer(string: "The quick brown fox jumps over the lazy dog"))
            )
            #expect(put.etag == "9e107d9d372bb6826bd81d3542a419d6")
            let found = try await cluster[2].open(object("a"))
            #expect(found.summary.metadata == metadata)
            #expect(found.summary.modified == put.modified)
        }
    }

    @Test("An overwrite is seen at once through every node, and only its content")
    func overwrite() throws {
        try TestCluster.run { cluster in
            for round in 0..<6 {
                let body = content(round.isMultiple(of: 2) ? 100_000 : 100, seed: UInt64(round))
                let put = try await cluster[round].put(object("a"), body)
                for node in cluster.nodes {
                    #expect(try await node.coordinator.get(object("a")) == body)
                    let found = try await node.coordinator.open(object("a"))
                    #expect(found.summary.version == put.version)
                }
            }
        }
    }

    @Test("Who reads what has been overwritten and dropped learns that it is gone, not the object")
    func droppedMeanwhile() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            let found = try await cluster[1].open(object("a"))
            let again = content(90_000, seed: 2)
            try await cluster[0].put(object("a"), again)
            await cluster.sweepAll()
            let reader = found.read(0..<found.summary.size)
            #expect(await code { _ = try await reader.next() } == .versionGone)
            #expect(try await cluster[1].get(object("a")) == again)
        }
    }

    @Test("The time of an object never goes back when it is overwritten")
    func times() throws {
        try TestCluster.run { cluster in
            var last = HybridTime(microseconds: 0)
            for round in 0..<6 {
                let put = try await cluster[round].put(object("a"), content(10))
                #expect(put.modified > last)
                last = put.modified
            }
        }
    }

    @Test("A deleted object is gone through every node; deleting nothing succeeds")
    func delete() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            try await cluster[1].delete(object("a"))
            for node in cluster.nodes {
                #expect(
                    await code { _ = try await node.coordinator.open(object("a")) }
                        == .objectNotFound
                )
            }
            try await cluster[2].delete(object("a"))
            try await cluster[2].delete(object("never"))
            try await cluster[0].put(object("a"), content(5))
            #expect(try await cluster[1].get(object("a")) == content(5))
        }
    }

    @Test("A condition on the target is true at the instant of the write, or nothing is written")
    func conditions() throws {
        try TestCluster.run { cluster in
            let first = try await cluster[0].put(object("a"), content(10), .absent)
            #expect(
                await code { try await cluster[1].put(object("a"), content(20), .absent) }
                    == .preconditionFailed
            )
            #expect(
                await code {
                    try await cluster[1].put(object("a"), content(20), .matches(etag: "0"))
                } == .preconditionFailed
            )
            #expect(
                await code {
                    try await cluster[1].put(object("b"), content(20), .matches(etag: "0"))
                } == .objectNotFound
            )
            #expect(try await cluster[2].get(object("a")) == content(10))
            try await cluster[1].put(object("a"), content(20), .matches(etag: first.etag))
            #expect(try await cluster[2].get(object("a")) == content(20))
            #expect(
                await code {
                    try await cluster[0].delete(
                        object("a"),
                        condition: .matches(etag: first.etag)
                    )
                } == .preconditionFailed
            )
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Of many who create an object only if it is absent, one wins", arguments: UInt64(0)..<5)
    func oneWinner(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            let winners = await withTaskGroup(of: Int?.self) { group in
                for client in 0..<6 {
                    group.addTask {
                        let body = content(100, seed: UInt64(client))
                        let code = await code {
                            try await cluster[client].put(object("a"), body, .absent)
                        }
                        #expect(code == nil || code == .preconditionFailed)
                        return code == nil ? client : nil
                    }
                }
                var winners: [Int] = []
                for await winner in group { if let winner { winners.append(winner) } }
                return winners
            }
            #expect(winners.count == 1)
            let body = content(100, seed: UInt64(winners.first ?? 99))
            let stored = try await cluster[0].get(object("a"))
            #expect(stored == body)
        }
    }

    @Test(
        "A write under a promise that others have long outbid has a known outcome",
        arguments: UInt64(0)..<10
    )
    func stalePromise(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            var faults = LinkFaults.none
            faults.delayMicroseconds = 100...12_000
            cluster.network.setFaults(faults)
            for number in 0..<3 { try await cluster[0].put(object("a"), content(number)) }
            // More changes than a lineage tells of.
            for number in 0...Limit.lineage {
                try await cluster[1].put(object("a"), content(number))
            }
            try await cluster[0].put(object("a"), content(100))
            #expect(try await cluster[2].get(object("a")) == content(100))
        }
    }

    @Test("A body that breaks off leaves nothing: neither object nor chunks")
    func brokenBody() throws {
        try TestCluster.run { cluster in
            let body = TestBody(content(Limit.chunkBytes * 2), breaksOff: true)
            let request = PutRequest(
                name: object("a"),
                metadata: ObjectMetadata(),
                announcedBytes: nil
            )
            #expect(
                await code { _ = try await cluster[0].put(request, body: body) } == .bodyInvalid
            )
            #expect(
                await code { _ = try await cluster[1].open(object("a")) } == .objectNotFound
            )
            await cluster.wait(.seconds(30))
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A refused overwrite leaves no content behind")
    func refusedOverwrite() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            await cluster.wait()
            let before = cluster.chunks
            // The condition is true when the body begins and false when it has ended.
            let put = await code {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for seed in UInt64(2)...3 {
                        group.addTask {
                            let etag = try await cluster[0].open(object("a")).summary.etag
                            try await cluster[Int(seed)].put(
                                object("a"),
                                content(200_000, seed: seed),
                                .matches(etag: etag)
                            )
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(put == .preconditionFailed)
            await cluster.sweepAll()
            #expect(cluster.chunks == before, "One version of one chunk, as before.")
        }
    }

    @Test("A cluster of one node, of two and of five works the same", arguments: [1, 2, 5])
    func otherSizes(count: Int) throws {
        try TestCluster.run(count) { cluster in
            let body = content(Limit.chunkBytes + 5)
            try await cluster[0].put(object("a"), body)
            #expect(try await cluster[count - 1].get(object("a")) == body)
            let copy = CopyRequest(source: object("a"), target: object("b"))
            #expect(try await cluster[count - 1].copy(copy).mode == .reference)
            try await cluster[0].delete(object("a"))
            #expect(try await cluster[0].get(object("b")) == body)
            await cluster.wait()
            #expect(cluster.chunks == 2 * min(count, 3))
        }
    }
}
