import NIOCore
import PeerProtocol
import Placement
import Register
import Runtime
import SimulatedRuntime
import StorageNode
import StoreModel
import Testing

struct ScanTests {
    private static let bucket = BucketID(1)

    /// All pages of a scan, one after another, as a listing reads them.
    private static func all(
        _ node: TestNode,
        _ subject: ScanRequest.Subject,
        after: [UInt8]? = nil,
        limit: Int
    ) async throws -> [ScannedRow] {
        var rows: [ScannedRow] = []
        var after = after
        for _ in 0..<10_000 {
            let reply = await node.ask(.scan(ScanRequest(subject, after: after, limit: limit)))
            let page = try #require(reply.page)
            #expect(page.rows.count <= limit)
            rows += page.rows
            guard let next = page.next else { return rows }
            #expect(after.map { $0.lexicographicallyPrecedes(next) } ?? true, "pages go forward")
            after =
                Self.group(of: page.rows.last, subject).flatMap { group in
                    next.starts(with: group) ? group : nil
                } ?? next
        }
        Issue.record("the scan has no end")
        return rows
    }

    private static func group(
        of row: ScannedRow?,
        _ subject: ScanRequest.Subject
    ) -> [UInt8]? {
        guard
            case .objects(_, let prefix, let delimiter?) = subject, let row,
            case .live = row.content, case .object(_, let key) = row.key
        else { return nil }
        return CommonPrefix.of(key.bytes, prefix: prefix, delimiter: delimiter)
    }

    private static func text(_ row: ScannedRow) -> String {
        guard case .object(_, let key) = row.key else { return "\(row.key)" }
        return key.description
    }

    /// What a scan is to report: keys in order, with whether they are live.
    private static func expected(
        _ rows: [String: Bool],
        prefix: String,
        delimiter: String?,
        after: [UInt8]?
    ) -> [(key: String, isLive: Bool)] {
        var result: [(key: String, isLive: Bool)] = []
        var groups: Set<[UInt8]> = []
        let keys = rows.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for key in keys where key.hasPrefix(prefix) {
            let isLive = rows[key] ?? false
            if let after, !after.lexicographicallyPrecedes(Array(key.utf8)) { continue }
            let group = delimiter.flatMap {
                CommonPrefix.of(
                    Array(key.utf8),
                    prefix: Array(prefix.utf8),
                    delimiter: Array($0.utf8)
                )
            }
            if let group {
                guard isLive, group != after, groups.insert(group).inserted else { continue }
            }
            result.append((key, isLive))
        }
        return result
    }

    @Test(
        "A scan reports what the rows and the rules say, in pages of any size",
        arguments: UInt64(0)..<40
    )
    func model(seed: UInt64) throws {
        try Simulator.run(seed: seed) { simulator in
            var random = SplitMix64(seed: seed)
            let node = try await TestNode.alone(on: simulator.machine("a"))
            var rows: [String: Bool] = [:]
            for _ in 0..<random.number(in: 0...60) {
                let length = random.number(in: 1...4)
                let name = (0..<length).map { _ in random.pick(["a", "b", "/", "/", "é"]) }.joined()
                rows[name] = random.chance(permille: 700)
            }
            for name in rows.keys.sorted() {
                _ = await node.put(key(name), value(live: rows[name] ?? false))
                _ = await node.put(key(name, bucket: 2), value(live: true))
                _ = await node.put(key(name, bucket: 0), value(live: true))
            }
            for _ in 0..<12 {
                let prefix = random.pick(["", "", "a", "a/", "b", "/", "é"])
                let delimiter = random.pick([nil, "/", "/", "b", "a/"])
                let after: [UInt8]? = random.pick([nil, "a", "a/", "a/b", "b/", "é"]).map {
                    Array($0.utf8)
                }
                let found = try await Self.all(
                    node,
                    .objects(
                        Self.bucket,
                        prefix: Array(prefix.utf8),
                        delimiter: delimiter.map { Array($0.utf8) }
                    ),
                    after: after,
                    limit: random.pick([1, 2, 3, 7, Limit.scanRows])
                )
                let wanted = Self.expected(rows, prefix: prefix, delimiter: delimiter, after: after)
                #expect(found.map(Self.text) == wanted.map(\.key), "\(prefix) \(delimiter ?? "-")")
                #expect(found.map { $0.content != .dead } == wanted.map(\.isLive))
            }
        }
    }

    @Test("What a delete marker hides is no object, and all of it is listed among the versions")
    func versions() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let names = ["a", "d/1", "d/2", "e/1"]
            for name in names {
                let plain = value(live: true, content: 100)
                var record = try ObjectRecord(decoding: try #require(plain.body))
                if name != "d/2" {
                    let marker = Version(
                        marker: VersionID(high: 5, low: 5),
                        isNull: false,
                        modified: record.modified,
                        access: AccessList()
                    )
                    record.versions.insert(marker, at: 0)
                }
                let body = record.encoded
                _ = await node.put(
                    key(name),
                    RegisterValue(changeNumber: 1, lineage: [], body: body, hasGarbage: false)
                )
            }
            for delimiter in [nil, Array("/".utf8)] as [[UInt8]?] {
                let objects = ScanRequest.Subject.objects(
                    Self.bucket,
                    prefix: [],
                    delimiter: delimiter
                )
                let shown = try await Self.all(node, objects, limit: 10)
                #expect(shown.filter { $0.content != .dead }.map(Self.text) == ["d/2"])
                let versions = ScanRequest.Subject.versions(
                    Self.bucket,
                    prefix: [],
                    delimiter: delimiter
                )
                let listed = try await Self.all(node, versions, limit: 10)
                let first = delimiter == nil ? names : ["a", "d/1", "e/1"]
                #expect(listed.map(Self.text) == first, "One key of each group will do.")
                guard case .live(let record) = try #require(listed.first).content else {
                    Issue.record("Not live.")
                    return
                }
                let list = try VersionList(decoding: record).versions
                #expect(list.map(\.isMarker) == [true, false])
                #expect(list.map(\.size) == [0, 100] && list[1].content == .inline([]))
            }
        }
    }

    @Test("Rules are shown what they look at: tags and sizes below a prefix, and no bytes")
    func judged() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for name in ["a", "d/1", "d/2", "e"] {
                let plain = value(live: true, content: 100)
                var record = try ObjectRecord(decoding: try #require(plain.body))
                record.versions[0].tags = [StoreModel.Tag(key: "k", value: name)]
                if name == "d/2" { record.versions = [] }
                let body = record.versions.isEmpty ? nil : record.encoded
                _ = await node.put(
                    key(name),
                    RegisterValue(changeNumber: 1, lineage: [], body: body, hasGarbage: false)
                )
            }
            let subject = ScanRequest.Subject.judged(Self.bucket, prefix: Array("d/".utf8))
            let rows = try await Self.all(node, subject, limit: 1)
            let live = rows.filter { $0.content != .dead }
            #expect(live.map(Self.text) == ["d/1"])
            guard case .live(let body) = try #require(live.first).content else { return }
            let record = try ObjectRecord(decoding: body)
            #expect(record.versions.map(\.size) == [100] && record.garbage.isEmpty)
            #expect(record.versions[0].content == .inline([]))
            #expect(record.versions[0].tags == [StoreModel.Tag(key: "k", value: "d/1")])
        }
    }

    @Test("A reported version carries its metadata and none of its bytes")
    func withoutContent() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            _ = await node.put(key("k"), value(live: true, content: 9_000))
            let subject = ScanRequest.Subject.objects(Self.bucket, prefix: [], delimiter: nil)
            let rows = try await Self.all(node, subject, limit: 10)
            guard case .live(let record) = try #require(rows.first).content else {
                return #expect(Bool(false), "not live")
            }
            let version = try Version(decoding: record)
            #expect(version.size == 9_000)
            #expect(version.content == .inline([]))
        }
    }

    @Test("A page ends at its limit of rows, and a page of large rows ends earlier")
    func bounds() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for number in 0..<(Limit.scanRows + 5) {
                _ = await node.put(key("k\(number)"), value(live: true))
            }
            for number in 0..<300 {
                var value = value(live: false)
                let bucket = BucketRecord(
                    state: .active,
                    id: BucketID(UInt64(number)),
                    generation: 1,
                    created: HybridTime(microseconds: 1)
                )
                value.body = bucket.encoded + [UInt8](repeating: 0, count: 20_000)
                let name = try #require(BucketName("bucket-\(number)"))
                _ = await node.put(.bucket(name), value)
            }
            let objects = ScanRequest(
                .objects(Self.bucket, prefix: [], delimiter: nil),
                after: nil,
                limit: Limit.scanRows
            )
            let page = try #require(await node.ask(.scan(objects)).page)
            #expect(page.rows.count == Limit.scanRows)
            #expect(page.next != nil)
            let buckets = ScanRequest(.buckets, after: nil, limit: Limit.scanRows)
            let reply = await node.node.handle(
                PeerRequest.scan(buckets).message(epoch: 1),
                from: node.node.id
            )
            #expect(reply.head.readableBytes < 3 << 20)
            let all = try await Self.all(node, .buckets, limit: Limit.scanRows)
            #expect(all.count == 300, "the rest comes with the next pages")
        }
    }

    @Test("Ten thousand dead keys of one group are passed over in bounded pages")
    func deadGroup() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let count = 10 * Limit.scanRows + 50
            for number in 0..<count {
                let key = key("g/\(1_000_000 + number)")
                let reply = await node.put(key, value(live: false))
                guard case .register(.accepted) = reply else {
                    return #expect(Bool(false), "\(reply)")
                }
            }
            _ = await node.put(key("g/z"), value(live: true))
            let subject = ScanRequest.Subject.objects(
                Self.bucket,
                prefix: [],
                delimiter: Array("/".utf8)
            )
            let first = try #require(
                await node.ask(.scan(ScanRequest(subject, after: nil, limit: 10))).page
            )
            #expect(first.rows.isEmpty && first.next != nil)
            let rows = try await Self.all(node, subject, limit: 10)
            #expect(rows.map(Self.text) == ["g/z"])
        }
    }

    @Test("Buckets are listed by name, deleted ones as dead")
    func buckets() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let record = BucketRecord(
                state: .active,
                id: BucketID(7),
                generation: 1,
                created: HybridTime(microseconds: 1)
            )
            for (text, isThere) in [("photos", true), ("backup", true), ("music", false)] {
                let name = try #require(BucketName(text))
                let value = RegisterValue(
                    changeNumber: 1,
                    lineage: [],
                    body: isThere ? record.encoded : nil,
                    hasGarbage: false
                )
                _ = await node.put(.bucket(name), value)
            }
            _ = await node.put(key("photos"), value(live: true))
            for limit in [1, 2, 10] {
                let rows = try await Self.all(node, .buckets, limit: limit)
                #expect(
                    rows.map(\.key.description) == [
                        "bucket backup", "bucket music", "bucket photos",
                    ]
                )
                #expect(rows[1].content == .dead)
                #expect(rows[2].content == .live(record.encoded))
            }
        }
    }

    @Test("Garbage is found wherever it is, and only there")
    func garbage() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for number in 0..<50 {
                let isWork = number % 3 == 0
                _ = await node.put(
                    key("key \(100 + number)", bucket: UInt64(number % 2)),
                    value(live: number % 2 == 0, garbage: isWork)
                )
            }
            for limit in [1, 4, 100] {
                let rows = try await Self.all(node, .garbage, limit: limit)
                #expect(rows.count == 17)
                #expect(rows.map(\.key) == rows.map(\.key).sorted())
            }
            _ = await node.put(key("key 100", bucket: 0), value(live: true), round: 2)
            #expect(try await Self.all(node, .garbage, limit: 100).count == 16)
        }
    }

    @Test("A promise is no row: only what was accepted is reported")
    func promises() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            let ballot = Ballot(round: 5, node: 0, incarnation: 1, sequence: 0)
            _ = await node.ask(.register(key("k"), .prepare(ballot)))
            let subject = ScanRequest.Subject.objects(Self.bucket, prefix: [], delimiter: nil)
            #expect(try await Self.all(node, subject, limit: 5).isEmpty)
        }
    }

    @Test("Rows of partitions that the node does not keep are no evidence")
    func notKept() throws {
        try Simulator.run { simulator in
            let node = try await TestNode.alone(on: simulator.machine("a"))
            for number in 0..<40 { _ = await node.put(key("k\(number)"), value(live: true)) }
            let others = (0..<5).map { number in
                LayoutNode(
                    id: NodeID(high: 1, low: UInt64(number)),
                    name: "n\(number)",
                    zone: "z\(number)",
                    capacityBytes: 1 << 40,
                    address: "n\(number):7332"
                )
            }
            let former = try #require(node.node.layouts.layout?.record)
            let next = try LayoutPlan.next(after: former, nodes: others + [node.node.description])
            _ = await node.ask(.pushLayout(next))
            let layout = try #require(node.node.layouts.layout)
            let kept = (0..<40).map { key("k\($0)") }.filter {
                layout.replicaSet(of: $0.partition).contains(node.node.id)
            }
            #expect((1..<40).contains(kept.count))
            let subject = ScanRequest.Subject.objects(Self.bucket, prefix: [], delimiter: nil)
            let rows = try await Self.all(node, subject, limit: 100)
            #expect(rows.map(\.key) == kept.sorted())
        }
    }
}
