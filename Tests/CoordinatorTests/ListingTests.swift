import Coordinator
import Foundation
import SimulatedRuntime
import StoreModel
import Testing

struct ListingTests {
    private static func text(_ entry: ListPage.Entry) -> String {
        switch entry {
        case .object(let key, _): "\(key)"
        case .commonPrefix(let prefix): String(decoding: prefix, as: UTF8.self) + " *"
        }
    }

    /// All entries, page by page.
    private static func list(
        _ coordinator: Coordinator,
        prefix: String = "",
        delimiter: String? = nil,
        limit: Int
    ) async throws -> [String] {
        var request = ListRequest(
            bucket: photos,
            prefix: Array(prefix.utf8),
            delimiter: delimiter.map { Array($0.utf8) },
            limit: limit
        )
        var entries: [String] = []
        for _ in 0..<1_000 {
            let page = try await coordinator.list(request)
            #expect(page.entries.count <= limit)
            entries += page.entries.map { Self.text($0) }
            guard let next = page.next else { return entries }
            #expect(!page.entries.isEmpty, "A page that is not the last has entries.")
            request.after = next
        }
        Issue.record("The listing does not end.")
        return entries
    }

    /// What S3 says a listing is.
    private static func expected(
        _ keys: Set<String>,
        prefix: String,
        delimiter: String?
    ) -> [String] {
        var entries: [String] = []
        for key in keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        where key.hasPrefix(prefix) {
            let rest = key.dropFirst(prefix.count)
            if let delimiter, let end = rest.range(of: delimiter)?.upperBound {
                let group = prefix + rest[..<end] + " *"
                if entries.last != group { entries.append(group) }
            } else {
                entries.append(key)
            }
        }
        return entries
    }

    @Test("Pages of any size add up to the keys that are there", arguments: UInt64(0)..<4)
    func model(seed: UInt64) throws {
        try TestCluster.run(seed: seed) { cluster in
            var random = SplitMix64(seed: seed)
            var keys: Set<String> = []
            let parts = ["a", "b", "c/", "d/", "/", "ab", "z"]
            for round in 0..<40 {
                let key = (0..<(random.next() % 4 + 1)).map { _ in
                    parts.randomElement(using: &random) ?? "a"
                }.joined()
                if random.next() % 4 == 0 {
                    try await cluster[round].delete(object(key))
                    keys.remove(key)
                } else {
                    try await cluster[round].put(object(key), content(10))
                    keys.insert(key)
                }
            }
            for (prefix, delimiter) in [
                ("", nil), ("", "/"), ("c/", "/"), ("a", "/"), ("d/", nil), ("q", nil), ("", "b"),
            ] as [(String, String?)] {
                let expected = Self.expected(keys, prefix: prefix, delimiter: delimiter)
                for limit in [1, 3, 1_000] {
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

    @Test("A listing shows what a completed write has done, through every node")
    func freshness() throws {
        try TestCluster.run { cluster in
            for round in 0..<5 {
                try await cluster[round].put(object("k\(round)"), content(20_000))
                let listed = try await Self.list(cluster[round + 1], limit: 1_000)
                #expect(listed == (0...round).map { "k\($0)" })
            }
            try await cluster[0].delete(object("k2"))
            let listed = try await Self.list(cluster[1], limit: 2)
            #expect(listed == ["k0", "k1", "k3", "k4"])
        }
    }

    @Test("A listing of no entries, and one of a bucket that is not there")
    func edges() throws {
        try TestCluster.run { cluster in
            try await cluster[0].put(object("a"), content(10))
            let none = try await cluster[0].list(ListRequest(bucket: photos, limit: 0))
            #expect(none.entries.isEmpty)
            #expect(none.next == nil)
            #expect(
                await code {
                    _ = try await cluster[0].list(ListRequest(bucket: bucket("none")))
                } == .bucketNotFound
            )
            let entry = try await cluster[1].list(ListRequest(bucket: photos)).entries.first
            guard case .object(_, let summary)? = entry else {
                Issue.record("nothing listed")
                return
            }
            #expect(summary.size == 10)
            #expect(try await cluster[2].open(object("a")).summary.etag == summary.etag)
        }
    }
}
