import Coordinator
import StoreModel
import Testing

struct BucketTests {
    @Test("Who knew a bucket that is gone reads and writes in the new one of that name")
    func followed() throws {
        // Hints do not age here.
        try TestCluster.run(countsRoundTrips: true) { cluster in
            try await cluster[1].put(object("a"), content(10))
            try await cluster[1].delete(object("a"))
            try await cluster[0].deleteBucket(photos)
            try await cluster[0].createBucket(photos)
            try await cluster[0].put(object("a"), content(20))
            #expect(try await cluster[1].get(object("a")) == content(20))
            // Another one that still knows the old bucket.
            try await cluster[2].put(object("b"), content(30))
            #expect(try await cluster[0].get(object("b")) == content(30))
            try await cluster[0].delete(object("a"))
            try await cluster[0].delete(object("b"))
            try await cluster[0].deleteBucket(photos)
            #expect(
                await code { try await cluster[2].put(object("b"), content(30)) }
                    == .bucketNotFound
            )
            #expect(
                await code { _ = try await cluster[1].get(object("a")) } == .bucketNotFound
            )
        }
    }

    @Test(
        "Who knew a bucket that is gone copies into the new one of that name, and leaves nothing",
        arguments: [100, 100_000]
    )
    func copied(length: Int) throws {
        // Hints do not age here.
        try TestCluster.run(countsRoundTrips: true) { cluster in
            let (sources, targets) = (bucket("sources"), bucket("targets"))
            try await cluster[0].createBucket(sources)
            try await cluster[0].createBucket(targets)
            try await cluster[1].put(object("s", in: sources), content(length))
            func copy(_ name: String) async throws {
                let target = object(name, in: targets)
                let request = CopyRequest(source: object("s", in: sources), target: target)
                _ = try await cluster[1].copy(request)
            }
            try await copy("a")
            try await cluster[1].delete(object("a", in: targets))
            try await cluster[0].deleteBucket(targets)
            #expect(await code { try await copy("b") } == .bucketNotFound)
            try await cluster[1].createBucket(targets)
            try await copy("c")
            try await cluster[1].delete(object("c", in: targets))
            try await cluster[0].deleteBucket(targets)
            try await cluster[0].createBucket(targets)
            try await copy("d")
            #expect(try await cluster[2].get(object("d", in: targets)) == content(length))
            let page = try await cluster[2].list(ListRequest(bucket: targets))
            #expect(page.entries.count == 1)
            try await cluster[0].delete(object("d", in: targets))
            try await cluster[0].delete(object("s", in: sources))
            _ = await cluster.sweepAll()
            #expect(cluster.chunks == 0, "No hold that was taken in vain is left.")
        }
    }

    @Test("A bucket is created once, and all nodes list it, in order of name")
    func create() throws {
        try TestCluster.run { cluster in
            try await cluster[1].createBucket(bucket("zebra"))
            try await cluster[2].createBucket(bucket("apple"))
            #expect(
                await code { try await cluster[0].createBucket(bucket("apple")) }
                    == .bucketAlreadyOwned
            )
            for node in cluster.nodes {
                let names = try await node.coordinator.buckets().map(\.name.text)
                #expect(names == ["apple", "photos", "zebra"])
                _ = try await node.coordinator.bucket(bucket("zebra"))
            }
            #expect(
                await code { _ = try await cluster[0].bucket(bucket("none")) } == .bucketNotFound
            )
        }
    }

    @Test("Only an empty bucket is deleted, and it stays usable if it is not")
    func delete() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(100_000))
            #expect(await code { try await cluster[1].deleteBucket(photos) } == .bucketNotEmpty)
            #expect(try await cluster[2].get(object("a")) == content(100_000))
            try await cluster[2].put(object("b"), content(5))
            try await cluster[0].delete(object("a"))
            try await cluster[0].delete(object("b"))
            try await cluster[1].deleteBucket(photos)
            for node in cluster.nodes {
                #expect(
                    await code { _ = try await node.coordinator.bucket(photos) }
                        == .bucketNotFound
                )
                #expect(
                    await code { try await node.coordinator.put(object("c"), content(1)) }
                        == .bucketNotFound
                )
            }
            #expect(await code { try await cluster[0].deleteBucket(photos) } == .bucketNotFound)
            await cluster.sweepAll()
            #expect(cluster.chunks == 0, "What was dropped in it is released all the same.")
        }
    }

    @Test("A bucket that is created again is empty, whatever its namesake had")
    func recreate() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            try await cluster[0].delete(object("a"))
            try await cluster[0].deleteBucket(photos)
            try await cluster[1].createBucket(photos)
            for node in cluster.nodes {
                #expect(
                    await code { _ = try await node.coordinator.open(object("a")) }
                        == .objectNotFound
                )
            }
            try await cluster[2].put(object("a"), content(20))
            #expect(try await cluster[0].get(object("a")) == content(20))
        }
    }

    @Test("A put of a chunk that guesses a bucket which is gone leaves nothing, and may come again")
    func guessesFormer() throws {
        try TestCluster.run { cluster in
            let large = content(Limit.inlineBytes + 1)
            let other = bucket("other")
            try await cluster[0].createBucket(other)
            try await cluster[0].put(object("a", in: other), content(10))
            try await cluster[0].delete(object("a", in: other))
            try await cluster[1].deleteBucket(other)
            // The first node has seen it a moment ago.
            let gone = await code { try await cluster[0].put(object("b", in: other), large) }
            #expect(gone == .bucketNotFound)

            try await cluster[0].put(object("a"), content(10))
            try await cluster[0].delete(object("a"))
            try await cluster[1].deleteBucket(photos)
            try await cluster[1].createBucket(photos)
            let end = await code { try await cluster[0].put(object("b"), large) }
            #expect(end == .busy, "Another bucket of the name is there: its client sends it again.")
            #expect(await code { _ = try await cluster[2].get(object("b")) } == .objectNotFound)
            try await cluster[0].put(object("b"), large)
            #expect(try await cluster[2].get(object("b")) == large)
            try await cluster[0].delete(object("b"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("What a bucket is set to holds through every node, and writes go on")
    func settings() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            let document = Array("<CORSConfiguration/>".utf8)
            try await cluster[1].set(.document(.cors, document), of: photos)
            try await cluster[2].set(.versioning(.enabled), of: photos)
            for node in cluster.nodes {
                let settings = try await node.coordinator.bucket(photos).settings
                #expect((settings.versioning, settings[.cors]) == (.enabled, document))
            }
            // Written by a coordinator that has last seen the generation before.
            try await cluster[0].put(object("b"), content(20))
            #expect(try await cluster[1].get(object("b")) == content(20))
            try await cluster[0].set(.document(.cors, nil), of: photos)
            #expect(try await cluster[1].bucket(photos).settings[.cors] == nil)
            let missing = await code {
                try await cluster[0].set(.versioning(.enabled), of: bucket("nowhere"))
            }
            #expect(missing == .bucketNotFound)
        }
    }

    @Test(
        "A put that races the deletion of its bucket is kept with it, or refused",
        arguments: UInt64(0)..<12
    )
    func races(group: UInt64) throws {
        for seed in (group * 12)..<(group * 12 + 12) { try self.race(seed: seed) }
    }

    private func race(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            async let deletion = code {
                await cluster.wait(.microseconds(Int64(seed % 12) * 400))
                try await cluster[0].deleteBucket(photos)
            }
            async let put = code { try await cluster[1].put(object("a"), content(30_000)) }
            let (deleted, stored) = (await deletion, await put)
            switch (deleted, stored) {
            case (nil, .bucketNotFound?), (nil, .busy?), (nil, .outcomeUnknown?):
                #expect(
                    await code { _ = try await cluster[2].bucket(photos) } == .bucketNotFound
                )
            case (.bucketNotEmpty?, nil):
                let kept = try await cluster[2].get(object("a"))
                #expect(kept == content(30_000))
            default:
                Issue.record("seed \(seed): deleted \(deleted as Any), stored \(stored as Any)")
            }
        }
    }
}
