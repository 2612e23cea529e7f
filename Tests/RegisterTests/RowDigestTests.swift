import Register
import StoreModel
import Testing

struct RowDigestTests {
    @Test("A row added and taken away again leaves nothing, in whatever order")
    func toggles() {
        var sum = RowDigest.none
        let rows = (0..<20).map { RowDigest(of: [UInt8($0)], accepted: ballot(UInt64($0) + 1)) }
        for row in rows { sum.toggle(row) }
        #expect(sum != .none)
        for row in rows.reversed() { sum.toggle(row) }
        #expect(sum == .none)
    }

    @Test("Another key, another ballot, another digest; nothing accepted, none")
    func tellsApart() {
        #expect(RowDigest(of: [1], accepted: .zero) == .none)
        let digests = (0..<50).flatMap { key in
            (1..<50).map { RowDigest(of: [UInt8(key)], accepted: ballot($0)) }
        }
        #expect(Set(digests).count == digests.count)
        #expect(Set(digests.map(\.high)).count == digests.count)
        #expect(Set(digests.map(\.low)).count == digests.count)
    }

    @Test("Keys spread over all ranges, within one partition too")
    func ranges() throws {
        var partitioned: [Int] = []
        for number in 0..<20_000 {
            let key = RegisterKey.object(BucketID(1), try #require(ObjectKey("key \(number)")))
            if key.partition.index == 7 { partitioned.append(RowDigest.range(of: key.row)) }
        }
        #expect(partitioned.allSatisfy { (0..<RowDigest.ranges).contains($0) })
        #expect(partitioned.count > 40)
        #expect(Set(partitioned).count > partitioned.count * 8 / 10)
    }

    @Test("The digest of a row is the same on every node and in every release")
    func golden() throws {
        let digest = RowDigest(of: [0x10, 1, 2], accepted: ballot(5))
        #expect(try RowDigest(decoding: digest.encoded) == digest)
        #expect(Hexadecimal.text(digest.encoded) == "1cd9fa455299d9c0a678b7a65b183154")
    }
}
