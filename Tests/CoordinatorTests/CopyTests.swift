import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel
import Testing

struct CopyTests {
    private static func request(
        _ source: String,
        _ target: String,
        _ change: (inout CopyRequest) -> Void = { _ in }
    ) -> CopyRequest {
        var request = CopyRequest(source: object(source), target: object(target))
        change(&request)
        return request
    }

    @Test("A copy by reference stores no chunk, and outlives its source")
    func reference() throws {
        try TestCluster.run { cluster in
            let body = content(Limit.chunkBytes + 5)
            let put = try await cluster[0].put(object("s"), body)
            await cluster.wait()
            #expect(cluster.chunks == 6)
            let result = try await cluster[1].copy(Self.request("s", "d"))
            #expect(result.mode == .reference)
            #expect(result.bytesMoved == 0)
            #expect(result.summary.etag == put.etag)
            #expect(result.summary.version != put.version)
            try await cluster[2].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 6)
            #expect(try await cluster[0].get(object("d")) == body)
            try await cluster[0].delete(object("d"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A copy whose checksum has to be computed reads the content, and stores nothing")
    func observed() throws {
        try TestCluster.run { cluster in
            let body = content(Limit.chunkBytes + 5)
            for (name, bytes) in [("s", body), ("small", content(20)), ("empty", ByteBuffer())] {
                try await cluster[0].put(object(name), bytes)
                await cluster.wait()
                let stored = cluster.chunks
                let request = Self.request(name, "d") {
                    $0.observe = { _, body in Counted(body) }
                }
                let result = try await cluster[1].copy(request)
                let counted = String(bytes.readableBytes)
                #expect(result.summary.checksums.map(\.value) == [Array(counted.utf8)])
                #expect(cluster.chunks == stored)
                #expect(try await cluster[2].get(object("d")) == bytes)
                // Carried as they are.
                let carried = try await cluster[1].copy(
                    Self.request("d", "e") { $0.observe = { _, _ in nil } }
                )
                #expect(carried.summary.checksums == result.summary.checksums)
            }
        }
    }

    @Test("An object copied onto itself, again and again, keeps its content")
    func self_() throws {
        try TestCluster.run { cluster in
            let body = content(Limit.chunkBytes + 5)
            try await cluster[0].put(object("s"), body)
            for round in 0..<10 {
                var metadata = ObjectMetadata()
                metadata.user = [.init(name: "round", value: "\(round)")]
                let request = Self.request("s", "s") { $0.metadata = metadata }
                let result = try await cluster[round].copy(request)
                #expect(result.mode == .reference)
                #expect(result.summary.metadata == metadata)
                if round.isMultiple(of: 3) { await cluster.sweepAll() }
            }
            await cluster.sweepAll()
            #expect(try await cluster[1].get(object("s")) == body)
            #expect(cluster.chunks == 6)
            try await cluster[1].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A chain of copies lives as long as its last one")
    func chain() throws {
        try TestCluster.run { cluster in
            let body = content(50_000)
            try await cluster[0].put(object("0"), body)
            for link in 0..<5 {
                _ = try await cluster[link].copy(Self.request("\(link)", "\(link + 1)"))
                try await cluster[link + 1].delete(object("\(link)"))
            }
            await cluster.sweepAll()
            #expect(try await cluster[0].get(object("5")) == body)
            #expect(cluster.chunks == 3)
        }
    }

    @Test("A copy into another class is independent: its chunks are its own, on two nodes")
    func independent() throws {
        try TestCluster.run { cluster in
            let body = content(Limit.chunkBytes + 5)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            let result = try await cluster[1].copy(
                Self.request("s", "d") { $0.storageClass = .reducedRedundancy }
            )
            #expect(result.mode == .independent)
            #expect(result.chunksPulled == 2)
            #expect(result.summary.storageClass == .reducedRedundancy)
            await cluster.wait()
            #expect(cluster.chunks == 6 + 4)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 4, "The copy does not keep the source's chunks.")
            for node in cluster.nodes {
                #expect(try await node.coordinator.get(object("d")) == body)
            }
        }
    }

    @Test("An independent copy in the same class is made when it is asked for")
    func independentSameClass() throws {
        try TestCluster.run { cluster in
            let body = content(100_000)
            try await cluster[0].put(object("s"), body)
            let result = try await cluster[0].copy(
                Self.request("s", "d") { $0.mode = .independent }
            )
            #expect(result.mode == .independent)
            #expect(try await cluster[2].get(object("d")) == body)
            await cluster.wait()
            #expect(cluster.chunks == 6)
        }
    }

    @Test("Small content is copied with its record")
    func inline() throws {
        try TestCluster.run { cluster in
            let body = content(Limit.inlineBytes)
            try await cluster[0].put(object("s"), body)
            let result = try await cluster[1].copy(
                Self.request("s", "d") { $0.storageClass = .reducedRedundancy }
            )
            #expect(result.chunksPulled == 0)
            try await cluster[0].delete(object("s"))
            #expect(try await cluster[2].get(object("d")) == body)
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Metadata comes from the source unless it is replaced")
    func metadata() throws {
        try TestCluster.run { cluster in
            var metadata = ObjectMetadata()
            metadata.contentType = "image/jpeg"
            _ = try await cluster[0].put(
                PutRequest(name: object("s"), metadata: metadata, announcedBytes: nil),
                body: TestBody(content(20_000))
            )
            let kept = try await cluster[1].copy(Self.request("s", "d"))
            #expect(kept.summary.metadata == metadata)
            let replaced = try await cluster[1].copy(
                Self.request("s", "e") { $0.metadata = ObjectMetadata() }
            )
            #expect(replaced.summary.metadata == ObjectMetadata())
        }
    }

    @Test("A copy that may not be made changes nothing and says why")
    func refusals() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("s"), content(20_000))
            try await cluster[0].put(object("d"), content(7))
            func refusal(_ request: CopyRequest) async -> ClusterError.Code? {
                await code { _ = try await cluster[1].copy(request) }
            }
            #expect(await refusal(Self.request("none", "d")) == .sourceNotFound)
            #expect(
                await refusal(
                    CopyRequest(source: object("s", in: bucket("none")), target: object("d"))
                ) == .sourceBucketNotFound
            )
            #expect(
                await refusal(
                    CopyRequest(source: object("s"), target: object("d", in: bucket("none")))
                ) == .bucketNotFound
            )
            #expect(
                await refusal(Self.request("s", "d") { $0.condition = .absent })
                    == .preconditionFailed
            )
            #expect(
                await refusal(Self.request("s", "d") { $0.sizeMax = 19_999 }) == .entityTooLarge
            )
            let check = Self.request("s", "d") {
                $0.sourceCheck = { summary throws(ClusterError) in
                    #expect(summary.size == 20_000)
                    throw ClusterError(.sourcePreconditionFailed, "test")
                }
            }
            #expect(await refusal(check) == .sourcePreconditionFailed)
            #expect(try await cluster[2].get(object("d")) == content(7))
            await cluster.sweepAll()
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0, "A refused copy holds nothing.")
        }
    }

    @Test(
        "Copies, overwrites and deletes at the same time lose no content and leave none",
        arguments: UInt64(0)..<6
    )
    func concurrent(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            try await cluster[0].put(object("0"), content(20_000))
            await withTaskGroup(of: Void.self) { group in
                for client in 0..<6 {
                    group.addTask {
                        var random = SplitMix64(seed: seed * 100 + UInt64(client))
                        for _ in 0..<6 {
                            await Self.operation(on: cluster[client], &random)
                        }
                    }
                }
            }
            await cluster.sweepAll()
            var live: Set<ByteBuffer> = []
            for name in 0..<3 {
                guard await code({ _ = try await cluster[0].open(object("\(name)")) }) == nil
                else { continue }
                live.insert(try await cluster[1].get(object("\(name)")))
            }
            // Each content once on each node, however many objects name it.
            #expect(cluster.chunks == 3 * live.count)
        }
    }

    private static func operation(
        on coordinator: Coordinator,
        _ random: inout SplitMix64
    ) async {
        let (source, target) = ("\(random.next() % 3)", "\(random.next() % 3)")
        let (kind, seed) = (random.next() % 4, random.next())
        let code = await code {
            switch kind {
            case 0: try await coordinator.put(object(target), content(20_000, seed: seed))
            case 1: try await coordinator.delete(object(target))
            default: _ = try await coordinator.copy(Self.request(source, target))
            }
        }
        let isExpected = code == nil || code == .sourceNotFound || code == .busy
        #expect(isExpected, "\(code as Any)")
    }
}

/// Has the number of its bytes in place of a checksum.
private actor Counted: BodySource {
    private let raw: any BodySource
    private var count = 0

    init(_ raw: any BodySource) { self.raw = raw }

    func next() async throws -> ByteBuffer? {
        guard let buffer = try await self.raw.next() else { return nil }
        self.count += buffer.readableBytes
        return buffer
    }

    func checksumsAtEnd() -> [Checksum] {
        [Checksum(algorithm: .crc32, value: Array(String(self.count).utf8))]
    }
}
