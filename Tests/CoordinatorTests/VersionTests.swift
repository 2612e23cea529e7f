import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel
import Testing

/// Buckets that keep versions, over whole clusters.
struct VersionTests {
    private static let key = object("o")

    /// All versions of a bucket, page by page: key, name, and what it is.
    private static func list(
        _ coordinator: Coordinator,
        prefix: String = "",
        delimiter: String? = nil,
        limit: Int = 1_000
    ) async throws -> [String] {
        var request = ListVersionsRequest(
            bucket: photos,
            prefix: Array(prefix.utf8),
            delimiter: delimiter.map { Array($0.utf8) },
            limit: limit
        )
        var entries: [String] = []
        for _ in 0..<10_000 {
            let page = try await coordinator.listVersions(request)
            #expect(page.entries.count <= limit)
            entries += page.entries.map { Self.text($0) }
            guard let next = page.next else { return entries }
            #expect(!page.entries.isEmpty, "A page that is not the last has entries.")
            request.after = next
        }
        Issue.record("The listing does not end.")
        return entries
    }

    private static func text(_ entry: VersionPage.Entry) -> String {
        switch entry {
        case .commonPrefix(let prefix): String(decoding: prefix, as: UTF8.self) + " *"
        case .version(let version):
            "\(version.key) \(version.name)" + (version.isMarker ? " marker" : "")
                + (version.isLatest ? " latest" : "")
        }
    }

    private static func get(
        _ coordinator: Coordinator,
        _ version: VersionName?
    ) async throws -> ByteBuffer {
        let found = try await coordinator.open(Self.key, version: version)
        let reader = found.read(0..<found.summary.size)
        var content = ByteBuffer()
        while var piece = try await reader.next() { content.writeBuffer(&piece) }
        return content
    }

    private static func name(_ summary: ObjectSummary) throws -> VersionName {
        try #require(summary.name)
    }

    @Test("Where versions are kept, each write adds one, and all are read through every node")
    func keep() throws {
        try TestCluster.run { cluster in
            let null = try await cluster[0].put(Self.key, content(100_000, seed: 1))
            #expect(null.name == nil)
            try await cluster[1].set(.versioning(.enabled), of: photos)
            let first = try Self.name(
                await cluster[2].put(Self.key, content(100_000, seed: 2))
            )
            let second = try Self.name(await cluster[0].put(Self.key, content(10, seed: 3)))
            for node in cluster.nodes.map(\.coordinator) {
                #expect(try await Self.get(node, nil) == content(10, seed: 3))
                #expect(try await Self.get(node, second) == content(10, seed: 3))
                #expect(try await Self.get(node, first) == content(100_000, seed: 2))
                #expect(try await Self.get(node, .null) == content(100_000, seed: 1))
                #expect(
                    try await Self.list(node)
                        == ["o \(second) latest", "o \(first)", "o null"]
                )
                let unknown = VersionName.id(VersionID(high: 1, low: 2))
                #expect(
                    await code { _ = try await Self.get(node, unknown) } == .versionNotFound
                )
            }
            await cluster.sweepAll()
            #expect(try await Self.get(cluster[1], .null) == content(100_000, seed: 1))
            #expect(try await Self.get(cluster[1], first) == content(100_000, seed: 2))
        }
    }

    @Test("A delete marker hides a key from readers and lists, and what deletes it brings it back")
    func marker() throws {
        try TestCluster.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let made = try Self.name(await cluster[1].put(Self.key, content(70_000)))
            let deleted = try await cluster[2].delete(Self.key, condition: .none)
            #expect(deleted.isMarker)
            let marker = try #require(deleted.version)
            for node in cluster.nodes.map(\.coordinator) {
                do {
                    _ = try await node.open(Self.key)
                    Issue.record("A hidden object was found.")
                } catch let error as ClusterError {
                    #expect(error.code == .objectNotFound && error.marker?.name == marker)
                }
                #expect(
                    await code { _ = try await node.open(Self.key, version: marker) }
                        == .versionIsMarker
                )
                #expect(try await node.list(ListRequest(bucket: photos)).entries.isEmpty)
                #expect(
                    try await Self.list(node) == ["o \(marker) marker latest", "o \(made)"]
                )
            }
            #expect(await code { try await cluster[0].deleteBucket(photos) } == .bucketNotEmpty)
            let removed = try await cluster[0].delete(
                DeleteRequest(name: Self.key, version: marker)
            )
            #expect(removed == DeleteResult(version: marker, isMarker: true))
            #expect(try await Self.get(cluster[1], nil) == content(70_000))
            let gone = try await cluster[1].delete(DeleteRequest(name: Self.key, version: made))
            #expect(gone == DeleteResult(version: made, isMarker: false))
            #expect(
                try await cluster[1].delete(DeleteRequest(name: Self.key, version: made)) == gone,
                "Deleting nothing succeeds."
            )
            #expect(await code { _ = try await cluster[2].open(Self.key) } == .objectNotFound)
            try await cluster[2].deleteBucket(photos)
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A bucket with nothing but a delete marker is not empty")
    func markerCounts() throws {
        try TestCluster.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let marker = try #require(
                try await cluster[1].delete(Self.key, condition: .none).version
            )
            #expect(await code { try await cluster[2].deleteBucket(photos) } == .bucketNotEmpty)
            try await cluster[2].delete(DeleteRequest(name: Self.key, version: marker))
            try await cluster[0].deleteBucket(photos)
        }
    }

    @Test("Where versions are kept no more, there is one null version, and the others stay")
    func suspended() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(Self.key, content(100_000, seed: 1))
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let kept = try Self.name(await cluster[1].put(Self.key, content(100_000, seed: 2)))
            try await cluster[2].set(.versioning(.suspended), of: photos)
            for seed in UInt64(3)...5 {
                let put = try await cluster[Int(seed)].put(Self.key, content(100_000, seed: seed))
                #expect(put.name == .null)
            }
            #expect(try await Self.list(cluster[0]) == ["o null latest", "o \(kept)"])
            #expect(try await Self.get(cluster[1], kept) == content(100_000, seed: 2))
            let hidden = try await cluster[1].delete(Self.key, condition: .none)
            #expect(hidden == DeleteResult(version: .null, isMarker: true))
            #expect(
                try await Self.list(cluster[0]) == ["o null marker latest", "o \(kept)"]
            )
            await cluster.sweepAll()
            #expect(cluster.chunks == 3, "One content is left, on three nodes.")
            #expect(try await Self.get(cluster[2], kept) == content(100_000, seed: 2))
            try await cluster[0].delete(DeleteRequest(name: Self.key, version: .null))
            #expect(try await Self.get(cluster[2], nil) == content(100_000, seed: 2))
        }
    }

    @Test("Old versions are copied, whole and in parts; markers are not")
    func copies() throws {
        try TestCluster.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let old = try Self.name(await cluster[0].put(Self.key, content(300_000, seed: 1)))
            try await cluster[1].put(Self.key, content(200_000, seed: 2))
            let marker = try await cluster[1].delete(Self.key, condition: .none).version
            var copy = CopyRequest(source: Self.key, target: Self.key)
            #expect(await code { _ = try await cluster[2].copy(copy) } == .sourceNotFound)
            copy.sourceVersion = marker
            #expect(await code { _ = try await cluster[2].copy(copy) } == .sourceIsMarker)
            copy.sourceVersion = old
            let copied = try await cluster[2].copy(copy)
            #expect(copied.mode == .reference && copied.source == old)
            #expect(copied.summary.name != old)
            #expect(try await Self.get(cluster[0], nil) == content(300_000, seed: 1))
            try await cluster[0].delete(DeleteRequest(name: Self.key, version: old))
            await cluster.sweepAll()
            #expect(try await Self.get(cluster[0], nil) == content(300_000, seed: 1))
            let upload = try await cluster[1].createUpload(
                CreateUploadRequest(name: object("p"), metadata: ObjectMetadata())
            )
            let name = UploadName(object("p"), upload.id)
            let number = try #require(PartNumber(1))
            var part = CopyPartRequest(source: Self.key, upload: name, number: number)
            part.sourceVersion = old
            #expect(await code { _ = try await cluster[2].copyPart(part) } == .versionNotFound)
            part.sourceVersion = copied.summary.name
            let stored = try await cluster[2].copyPart(part)
            #expect(stored.source.name == copied.summary.name)
            let done = try await cluster[0].completeUpload(
                CompleteUploadRequest(
                    upload: name,
                    parts: [PartClaim(number, etag: stored.part.etag)]
                )
            )
            guard case .completed(let made) = done else {
                Issue.record("The upload was refused.")
                return
            }
            #expect(made.name != nil)
            #expect(try await cluster[1].get(object("p")) == content(300_000, seed: 1))
        }
    }

    @Test("Versions have little content in themselves, also those that are copied from elsewhere")
    func inline() throws {
        try TestCluster.run { cluster in
            let other = bucket("other")
            try await cluster[0].createBucket(other)
            try await cluster[0].put(object("a", in: other), content(10_000))
            #expect(cluster.chunks == 0)
            try await cluster[1].set(.versioning(.enabled), of: photos)
            try await cluster[1].put(Self.key, content(2_048))
            #expect(cluster.chunks == 0)
            try await cluster[1].put(Self.key, content(2_049))
            await cluster.wait()
            #expect(cluster.chunks == 3)
            let copied = try await cluster[2].copy(
                CopyRequest(source: object("a", in: other), target: Self.key)
            )
            #expect(copied.mode == .independent)
            await cluster.wait()
            #expect(cluster.chunks == 6)
            #expect(try await Self.get(cluster[0], nil) == content(10_000))
            try await cluster[0].delete(DeleteRequest(name: Self.key, version: copied.summary.name))
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
        }
    }

    @Test("Conditions are those on the current version, and a marker is none")
    func conditions() throws {
        try TestCluster.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            let first = try await cluster[0].put(Self.key, content(10, seed: 1), .absent)
            #expect(
                await code { try await cluster[1].put(Self.key, content(5), .absent) }
                    == .preconditionFailed
            )
            try await cluster[1].put(Self.key, content(10, seed: 2))
            let matching = WriteCondition.matches(etag: first.etag)
            #expect(
                await code { try await cluster[1].put(Self.key, content(5), matching) }
                    == .preconditionFailed
            )
            try await cluster[2].delete(Self.key, condition: .none)
            #expect(
                await code { try await cluster[1].put(Self.key, content(5), matching) }
                    == .objectNotFound
            )
            try await cluster[1].put(Self.key, content(6), .absent)
        }
    }

    @Test("Pages of versions of any size add up to all there are", arguments: UInt64(0)..<4)
    func listing(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            var random = SplitMix64(seed: seed)
            var versions: [String: [String]] = [:]
            let parts = ["a", "b", "c/", "d/", "ab"]
            try await cluster[0].set(.versioning(.enabled), of: photos)
            for round in 0..<60 {
                let key = (0..<(random.next() % 3 + 1)).map { _ in
                    parts.randomElement(using: &random) ?? "a"
                }.joined()
                let made: String
                if random.next() % 4 == 0 {
                    let marker = try await cluster[round].delete(object(key), condition: .none)
                    made = "\(try #require(marker.version)) marker"
                } else {
                    made = "\(try Self.name(await cluster[round].put(object(key), content(9))))"
                }
                versions[key, default: []].insert(made, at: 0)
            }
            for (prefix, delimiter) in [
                ("", nil), ("", "/"), ("c/", "/"), ("a", nil), ("q", nil), ("", "b"),
            ] as [(String, String?)] {
                let expected = Self.expected(versions, prefix, delimiter)
                for limit in [1, 2, 7, 1_000] {
                    let listed = try await Self.list(
                        cluster[limit],
                        prefix: prefix,
                        delimiter: delimiter,
                        limit: limit
                    )
                    #expect(listed == expected, "\(prefix) \(delimiter ?? "-") by \(limit)")
                }
            }
        }
    }

    private static func expected(
        _ versions: [String: [String]],
        _ prefix: String,
        _ delimiter: String?
    ) -> [String] {
        var entries: [String] = []
        let keys = versions.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for key in keys where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            if let delimiter, let end = rest.firstIndex(of: Character(delimiter)) {
                let group = prefix + rest[...end] + " *"
                if entries.last != group { entries.append(group) }
            } else {
                entries += (versions[key] ?? []).enumerated().map { index, name in
                    "\(key) \(name)" + (index == 0 ? " latest" : "")
                }
            }
        }
        return entries
    }

    @Test("A page that begins behind a version that is gone leaves none out")
    func markerVersionGone() throws {
        try TestCluster.run { cluster in
            try await cluster[0].set(.versioning(.enabled), of: photos)
            var names: [VersionName] = []
            for _ in 0..<5 {
                names.insert(try Self.name(await cluster[0].put(Self.key, content(9))), at: 0)
            }
            var request = ListVersionsRequest(bucket: photos, limit: 2)
            let first = try await cluster[1].listVersions(request)
            request.after = first.next
            #expect(request.after?.version == names[1])
            for name in names[..<2] {
                try await cluster[2].delete(DeleteRequest(name: Self.key, version: name))
            }
            request.limit = 1_000
            let rest = try await cluster[1].listVersions(request)
            let shown = names[2...].enumerated().map { index, name in
                "o \(name)" + (index == 0 ? " latest" : "")
            }
            #expect(rest.entries.map { Self.text($0) } == shown)
        }
    }

    @Test(
        "Once versions are kept, no write destroys one, however it raced with the setting",
        arguments: 0..<6
    )
    func race(group: UInt64) throws {
        for seed in group * 8..<group * 8 + 8 {
            try TestCluster.run(seed: 1_000 + seed) { cluster in
                try await Self.race(cluster, seed)
            }
        }
    }

    /// Puts go on through all nodes while versioning is switched on: what is put after that has
    /// returned stays, and so does the last that was put before.
    ///
    /// To a key that all write, and to keys that one node writes alone: that one's accepts leave
    /// without a look at the bucket.
    private static func race(_ cluster: TestCluster, _ seed: UInt64) async throws {
        let progress = RaceProgress()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    var random = SplitMix64(seed: seed * 10 + UInt64(writer))
                    for round in 0..<16 {
                        let isShared = round % 4 == 0
                        let key = isShared ? Self.key : object("own \(writer)")
                        // A node with nothing under way is not told that the setting is new.
                        await cluster.wait(.milliseconds(Int64(random.next() % 12)))
                        let isLate = await progress.begin()
                        let size = isShared && random.next() % 3 == 0 ? 3_000 : 10
                        do {
                            let put = try await cluster[writer].put(
                                key,
                                content(size, seed: UInt64(writer * 100 + round))
                            )
                            await progress.end(key.key, put, isLate: isLate)
                        } catch let error as ClusterError
                            where [.busy, .outcomeUnknown].contains(error.code)
                        {
                            continue
                        }
                    }
                }
            }
            group.addTask {
                await cluster.wait(.milliseconds(Int64(seed * 3)))
                try await cluster[Int(seed)].set(.versioning(.enabled), of: photos)
                await progress.enabled()
            }
            try await group.waitForAll()
        }
        let listed = try await cluster[0].listVersions(ListVersionsRequest(bucket: photos))
        let texts = Set(
            listed.entries.compactMap { entry -> String? in
                if case .version(let version) = entry {
                    "\(version.key) \(version.name)"
                } else {
                    nil
                }
            }
        )
        for (key, put) in await progress.late {
            let name = try Self.name(put)
            #expect(name != .null, "seed \(seed): it was put when versions were kept.")
            #expect(texts.contains("\(key) \(name)"), "seed \(seed): \(key) \(name) is gone.")
        }
        for (key, put) in await progress.early {
            // The last null version, too: whichever of those that were put before.
            let name = put.name ?? .null
            #expect(texts.contains("\(key) \(name)"), "seed \(seed): \(key) \(name) is gone.")
        }
    }
}

/// What has been put before and after versions were kept.
private actor RaceProgress {
    private(set) var early: [(ObjectKey, ObjectSummary)] = []
    private(set) var late: [(ObjectKey, ObjectSummary)] = []
    private var isEnabled = false

    func enabled() { self.isEnabled = true }

    /// - Returns: whether versions are kept already.
    func begin() -> Bool { self.isEnabled }

    func end(_ key: ObjectKey, _ put: ObjectSummary, isLate: Bool) {
        if isLate { self.late.append((key, put)) } else { self.early.append((key, put)) }
    }
}
