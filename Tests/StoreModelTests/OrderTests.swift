import StoreModel
import TestSupport
import Testing

struct OrderTests {
    @Test("Ballots compare by round, then node, then incarnation, then sequence")
    func ballots() {
        func ballot(_ round: UInt64, _ node: UInt16, _ run: UInt32, _ number: UInt16) -> Ballot {
            Ballot(round: round, node: node, incarnation: run, sequence: number)
        }
        let sorted = [
            Ballot.zero, ballot(0, 0, 0, 1), ballot(0, 0, 1, 0), ballot(0, 1, 0, 0),
            ballot(1, 0, 0, 0), ballot(1, 0, 0, 9), ballot(1, 0, 7, 0), ballot(1, 2, 0, 0),
            ballot(2, 0, 0, 0),
        ]
        #expect(sorted.shuffled().sorted() == sorted)
        #expect(ballot(3, 1, 4, 2).description == "3.1.4.2")
    }

    @Test("A ballot's bytes are ordered as the ballot is", arguments: UInt64(0)..<100)
    func ballotBytes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let (left, right) = (random.ballot(), random.ballot())
        #expect((left < right) == left.encoded.lexicographicallyPrecedes(right.encoded))
        #expect(left.encoded.count == Ballot.byteCount)
    }

    @Test("Names of fixed length have the length they state")
    func byteCounts() {
        var random = SplitMix64(seed: 2)
        #expect(random.manifestID().encoded.count == ManifestID.byteCount)
        #expect(random.chunkName().encoded.count == ChunkName.byteCount)
    }

    @Test("Chunk names are ordered by manifest first", arguments: UInt64(0)..<50)
    func chunkNames(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let (left, right) = (random.chunkName(), random.chunkName())
        #expect((left < right) == left.encoded.lexicographicallyPrecedes(right.encoded))
    }

    @Test("The hash of a name never changes")
    func stableHash() {
        func hash(_ text: String) -> UInt64 {
            var hash = StableHash()
            hash.combine(text.utf8)
            return hash.value
        }
        #expect(hash("") == 0xefd0_1f60_ba99_2926)
        #expect(hash("a") == 0x82a2_a958_a9be_ce5b)
        #expect(hash("triolet") == 0x3ee1_d1c3_a910_5f92)
        var parts = StableHash()
        parts.combine("tri".utf8)
        parts.combine("olet".utf8)
        #expect(parts.value == hash("triolet"), "Only the bytes count, not how they came.")
    }

    @Test("The hash spreads neighbouring names over all partitions")
    func spread() {
        var counts = [Int](repeating: 0, count: Limit.partitions)
        for number in 0..<25_600 {
            var hash = StableHash()
            hash.combine("photos/2024/IMG_\(number).jpg".utf8)
            counts[Int(PartitionID(hash: hash.value).number)] += 1
        }
        // 100 each on average, 10 standard deviation: six of those on either side.
        #expect(counts.allSatisfy { (40...160).contains($0) })
    }

    @Test("A partition is the highest bits of a hash")
    func partitionOfHash() {
        #expect(PartitionID(hash: 0) == PartitionID(index: 0))
        #expect(PartitionID(hash: .max) == PartitionID(index: 255))
        #expect(PartitionID(hash: 0x7F << 56) == PartitionID(index: 0x7F))
    }

    @Test("Chunks of a run follow one another and add up to its length", arguments: UInt64(0)..<30)
    func segmentRuns(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let run = SegmentRun(
            manifest: random.manifestID(),
            first: 5,
            chunkBytes: Int(random.number(1...1_000)),
            length: random.number(1...20_000)
        )
        let bytes = (0..<run.count).map { run.bytes(ofChunk: $0) }
        #expect(UInt64(bytes.reduce(0, +)) == run.length)
        #expect(bytes.dropLast().allSatisfy { $0 == Int(run.chunkBytes) })
        #expect(bytes.allSatisfy { $0 > 0 })
        #expect((0..<run.count).map { run.chunk($0).index } == Array(5..<(5 + UInt32(run.count))))
    }

    @Test("The digest tells lists of segments apart by content and by order")
    func digest() {
        var random = SplitMix64(seed: 4)
        let (first, second) = (random.segmentRun(), random.segmentRun())
        let digests = [[], [first], [second], [first, second], [second, first]].map {
            ManifestRecord.digest(of: $0)
        }
        #expect(Set(digests).count == digests.count)
        #expect(ManifestRecord.digest(of: [first, second]) == digests[3])
    }

    @Test("Derived limits are what they are derived from")
    func limits() {
        #expect(Limit.chunkBlocks == 32)
        #expect(Limit.versionHolders == Limit.holders - 32)
        #expect(Limit.scanRows == Limit.listEntries + 1)
        #expect(Limit.objectBytes == 5 * 1_024 * 1_024 * 1_024)
        #expect(StorageClass.standard.replicas == 3)
        #expect(StorageClass.reducedRedundancy.replicas == 2)
        for storageClass in StorageClass.allCases {
            #expect(storageClass.writeQuorum > storageClass.replicas / 2)
        }
    }

    @Test("Metadata counts the bytes of names and values together")
    func userBytes() {
        var metadata = ObjectMetadata()
        metadata.user = [
            .init(name: "colour", value: "blue"), .init(name: "caf\u{E9}", value: ""),
        ]
        #expect(metadata.userBytes == 10 + 5)
    }

    @Test("A version as listings carry it has no bytes, tags and grants, else it is the same")
    func withoutContent() {
        var random = SplitMix64(seed: 6)
        for _ in 0..<20 {
            let version = random.version()
            var listed = version.withoutContent
            #expect(listed.content == .inline([]))
            #expect(listed.tags.isEmpty && listed.access.grants.isEmpty)
            listed.content = version.content
            listed.tags = version.tags
            listed.access = version.access
            #expect(listed == version)
        }
    }
}
