import StoreModel
import Testing

struct PartRunTests {
    @Test("Parts of one size are one run, and each is found where it lies")
    func ranges() {
        let runs = [PartRun](sizes: [5, 5, 5, 3])
        #expect(runs == [PartRun(size: 5, count: 3), PartRun(size: 3, count: 1)])
        #expect(runs.parts == 4 && runs.bytes == 18)
        #expect((1...4).map { runs.range(of: $0) } == [0..<5, 5..<10, 10..<15, 15..<18])
        #expect(runs.range(of: 0) == nil && runs.range(of: 5) == nil)
        #expect([PartRun](sizes: []).range(of: 1) == nil)
    }

    @Test("Parts of too many sizes are forgotten")
    func limit() {
        let most = (1...UInt64(Limit.partSizes)).map(\.self)
        #expect([PartRun](sizes: most).count == Limit.partSizes)
        #expect([PartRun](sizes: most + [1_000]).isEmpty)
        let equal = [UInt64](repeating: 7, count: Limit.parts)
        #expect([PartRun](sizes: equal).parts == Limit.parts)
    }

    @Test("A version whose parts do not add up is refused")
    func sum() throws {
        var version = Version(
            id: VersionID(high: 1, low: 1),
            etag: "e",
            size: 8,
            storageClass: .standard,
            modified: HybridTime(microseconds: 1),
            metadata: ObjectMetadata(),
            checksums: [],
            content: .inline([]),
            parts: [PartRun](sizes: [5, 3])
        )
        #expect(try Version(decoding: version.encoded) == version)
        version.size = 9
        #expect(throws: RecordError.self) { try Version(decoding: version.encoded) }
        version.parts = [PartRun(size: .max, count: 2)]
        #expect(throws: RecordError.self) { try Version(decoding: version.encoded) }
    }
}
