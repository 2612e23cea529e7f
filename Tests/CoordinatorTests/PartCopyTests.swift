import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel
import Testing

struct PartCopyTests {
    private static let chunk = UInt64(Limit.chunkBytes)

    private static func smallParts(_ settings: inout CoordinatorSettings) {
        settings.partBytesMin = 1
    }

    private static func oneByOne(_ settings: inout CoordinatorSettings) {
        Self.smallParts(&settings)
        settings.parallelPulls = 1
        settings.shortPartBytes = 1_000
    }

    private static func slice(_ content: ByteBuffer, _ range: Range<UInt64>) -> ByteBuffer? {
        content.getSlice(at: Int(range.lowerBound), length: range.count)
    }

    @Test(
        "Any range of a source becomes a part with those bytes; its ETag is its MD5 if it is short"
    )
    func ranges() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let chunk = Self.chunk
            let body = content(5 * Limit.chunkBytes / 2)
            let size = UInt64(body.readableBytes)
            try await cluster[0].put(object("s"), body)
            let upload = try await cluster[0].createUpload(object("d"))
            let ranges: [Range<UInt64>] = [
                0..<size, 0..<(2 * chunk), chunk..<size, 100..<size, 100..<(2 * chunk + 9),
                0..<1, 77..<78, (chunk - 1)..<(chunk + 1), 5..<5,
            ]
            var parts: [PartSummary] = []
            for (index, range) in ranges.enumerated() {
                let copied = try await cluster[index].copyPart(
                    CopyPartRequest(
                        source: object("s"),
                        upload: upload,
                        number: part(index + 1),
                        range: index == 0 ? nil : range
                    )
                )
                let wanted = try #require(Self.slice(body, range))
                #expect(copied.part.size == UInt64(range.count))
                if range.count <= chunk || range.count == size {
                    #expect(copied.part.etag == md5(wanted), "\(range)")
                }
                #expect(copied.part.etag.utf8.count == 32)
                parts.append(copied.part)
            }
            let made = try await cluster[1].complete(upload, parts)
            var whole = ByteBuffer()
            for range in ranges {
                whole.writeImmutableBuffer(try #require(Self.slice(body, range)))
            }
            #expect(made.size == UInt64(whole.readableBytes))
            try await cluster[2].delete(object("s"))
            await cluster.sweepAll()
            #expect(try await cluster[2].get(object("d")) == whole)
            try await cluster[2].delete(object("d"))
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Whole chunks are shared, and outlive their source, whatever becomes of the upload")
    func borrow() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(3 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            #expect(cluster.chunks == 9)
            let upload = try await cluster[0].createUpload(object("d"))
            let copied = try await cluster[1].copyPart(
                CopyPartRequest(
                    source: object("s"),
                    upload: upload,
                    number: part(1),
                    range: 0..<(2 * Self.chunk)
                )
            )
            #expect(copied.mode == .reference)
            #expect(copied.bytesMoved == 0)
            try await cluster[2].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 9, "An open upload keeps what it borrows.")
            _ = try await cluster[0].complete(upload, [copied.part])
            await cluster.sweepAll()
            #expect(
                try await cluster[1].get(object("d")) == Self.slice(body, 0..<(2 * Self.chunk))
            )
            try await cluster[0].delete(object("d"))
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("What a replaced or unlisted part has borrowed is given back once the upload is closed")
    func unlisted() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            try await cluster[0].put(object("s"), content(2 * Limit.chunkBytes))
            let upload = try await cluster[0].createUpload(object("d"))
            for number in [1, 2] {
                _ = try await cluster[number].copyPart(
                    CopyPartRequest(source: object("s"), upload: upload, number: part(number))
                )
            }
            let kept = try await cluster[1].put(1, of: upload, content(20_000))
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 6 + 3)
            _ = try await cluster[0].complete(upload, [kept])
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 3)
            #expect(await cluster.parts == 0)
        }
    }

    @Test("Aborting gives back what was borrowed, and the source keeps its own")
    func abort() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(2 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            let upload = try await cluster[0].createUpload(object("d"))
            _ = try await cluster[0].copyPart(
                CopyPartRequest(source: object("s"), upload: upload, number: part(1))
            )
            try await cluster[1].abortUpload(upload)
            await cluster.sweepAll()
            #expect(try await cluster[2].get(object("s")) == body)
            #expect(cluster.chunks == 6)
            try await cluster[1].delete(object("s"))
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("A small share of a large source is pulled from node to node, not borrowed")
    func pull() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(9 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            let upload = try await cluster[0].createUpload(object("d"))
            let range = Self.chunk..<(3 * Self.chunk)
            let copied = try await cluster[1].copyPart(
                CopyPartRequest(
                    source: object("s"),
                    upload: upload,
                    number: part(1),
                    range: range
                )
            )
            #expect(copied.mode == .independent)
            _ = try await cluster[0].complete(upload, [copied.part])
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 6)
            #expect(try await cluster[2].get(object("d")) == Self.slice(body, range))
        }
    }

    @Test("Short parts and the ends of ranges go from node to node, none through the coordinator")
    func nodeToNode() throws {
        try TestCluster.run(5, settings: Self.smallParts) { cluster in
            let chunk = Self.chunk
            let body = content(4 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            let upload = try await cluster[1].createUpload(object("d"))
            let ranges: [Range<UInt64>] = [
                (chunk - 9)..<(2 * chunk - 9), 5..<6, 100..<(4 * chunk - 100),
                100..<(2 * chunk + 50), 100..<(2 * chunk - 100),
            ]
            var parts: [PartSummary] = []
            var wanted = ByteBuffer()
            for (index, range) in ranges.enumerated() {
                cluster.clearLedgers()
                let copied = try await cluster[1].copyPart(
                    CopyPartRequest(
                        source: object("s"),
                        upload: upload,
                        number: part(index + 1),
                        range: range,
                        mode: index == 3 ? .independent : .automatic
                    )
                )
                let ledger = cluster.nodes[1].ledger
                #expect(ledger.bodyBytes == 0)
                let ends = [1, 1, 2, 2, 2][index]
                #expect(ledger.counts["compose chunk"] == 3 * ends)
                #expect(ledger.counts["pull chunk"] == (index == 3 ? 3 : nil))
                #expect(copied.chunksPulled == [1, 1, 2, 3, 2][index])
                #expect(copied.mode == (index == 2 ? .reference : .independent))
                let bytes = try #require(Self.slice(body, range))
                if index < 2 { #expect(copied.part.etag == md5(bytes)) }
                wanted.writeImmutableBuffer(bytes)
                parts.append(copied.part)
            }
            _ = try await cluster[2].complete(upload, parts)
            try await cluster[3].delete(object("s"))
            await cluster.sweepAll()
            #expect(try await cluster[4].get(object("d")) == wanted)
        }
    }

    @Test("A part that is asked to be independent shares nothing with its source")
    func independent() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(3 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            await cluster.wait()
            let upload = try await cluster[0].createUpload(object("d"))
            let copied = try await cluster[1].copyPart(
                CopyPartRequest(
                    source: object("s"),
                    upload: upload,
                    number: part(1),
                    mode: .independent
                )
            )
            #expect(copied.mode == .independent && copied.chunksPulled == 3)
            await cluster.wait()
            #expect(cluster.chunks == 18)
            _ = try await cluster[0].complete(upload, [copied.part])
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 9)
            #expect(try await cluster[2].get(object("d")) == body)
        }
    }

    @Test("A part has the bytes of its source, though that is deleted and swept while it is pulled")
    func sourceGoes() throws {
        try TestCluster.run(countsRoundTrips: true, settings: Self.oneByOne) { cluster in
            // Many chunks, one round trip each.
            let source = try await cluster[0].createUpload(object("s"))
            var (parts, body): ([PartSummary], ByteBuffer) = ([], ByteBuffer())
            for number in 1...24 {
                let piece = content(20_000, seed: UInt64(number))
                parts.append(try await cluster[0].put(number, of: source, piece))
                body.writeImmutableBuffer(piece)
            }
            _ = try await cluster[0].complete(source, parts)
            let upload = try await cluster[0].createUpload(object("d"))
            let coordinator = cluster[1]
            async let copied = coordinator.copyPart(
                CopyPartRequest(
                    source: object("s"),
                    upload: upload,
                    number: part(1),
                    mode: .independent
                )
            )
            while (coordinator.copyReports.first?.chunksDone ?? 0) < 1 {
                await cluster.wait(.milliseconds(10))
            }
            try await cluster[0].delete(object("s"))
            for node in cluster.nodes { _ = await node.coordinator.sweep() }
            let report = try #require(coordinator.copyReports.first)
            #expect(report.state == .running && report.chunksDone < 24)
            let made = try await copied
            _ = try await cluster[0].complete(upload, [made.part])
            #expect(try await cluster[2].get(object("d")) == body)
            await cluster.sweepAll()
            #expect(cluster.chunks == 3 * 24, "The pin is taken out.")
        }
    }

    @Test("A part copy whose caller goes away leaves nothing once the upload is closed")
    func cancelled() throws {
        try TestCluster.run(settings: Self.oneByOne) { cluster in
            try await cluster[0].put(object("s"), content(4 * Limit.chunkBytes))
            await cluster.wait()
            let upload = try await cluster[0].createUpload(object("d"))
            let coordinator = cluster[1]
            let stopped = await withTaskGroup(of: ClusterError.Code?.self) { group in
                group.addTask {
                    await code {
                        _ = try await coordinator.copyPart(
                            CopyPartRequest(
                                source: object("s"),
                                upload: upload,
                                number: part(1),
                                mode: .independent
                            )
                        )
                    }
                }
                group.addTask {
                    while (coordinator.copyReports.first?.chunksDone ?? 0) < 1 {
                        await cluster.wait(.microseconds(200))
                    }
                    return nil
                }
                var result: ClusterError.Code?
                for await end in group {
                    result = result ?? end
                    group.cancelAll()
                }
                return result
            }
            #expect(stopped == .cancelled)
            #expect(coordinator.copyReports.first?.part == part(1))
            #expect(await cluster.parts == 0)
            await cluster.wait(.seconds(30))
            try await cluster[0].abortUpload(upload)
            try await cluster[0].delete(object("s"))
            await cluster.sweepAll()
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Parts of an object made of parts, borrowed ones among them, are copied like any other")
    func chain() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(3 * Limit.chunkBytes)
            try await cluster[0].put(object("0"), body)
            var expected = body
            for link in 0..<3 {
                let upload = try await cluster[link].createUpload(object("\(link + 1)"))
                let size = UInt64(expected.readableBytes)
                let copied = try await cluster[link].copyPart(
                    CopyPartRequest(
                        source: object("\(link)"),
                        upload: upload,
                        number: part(1),
                        range: 1_000..<(size - 1_000)
                    )
                )
                let tail = content(30_000, seed: UInt64(link))
                let own = try await cluster[link].put(2, of: upload, tail)
                _ = try await cluster[link].complete(upload, [copied.part, own])
                var next = try #require(Self.slice(expected, 1_000..<(size - 1_000)))
                next.writeImmutableBuffer(tail)
                expected = next
                try await cluster[link].delete(object("\(link)"))
                await cluster.sweepAll()
            }
            #expect(try await cluster[1].get(object("3")) == expected)
            try await cluster[1].delete(object("3"))
            for _ in 0..<4 { await cluster.sweepAll() }
            #expect(cluster.chunks == 0)
        }
    }

    @Test("Whoever wants to compute something reads every byte")
    func observe() throws {
        try TestCluster.run(settings: Self.smallParts) { cluster in
            let body = content(2 * Limit.chunkBytes)
            try await cluster[0].put(object("s"), body)
            let upload = try await cluster[0].createUpload(object("d"))
            let copied = try await cluster[1].copyPart(
                CopyPartRequest(
                    source: object("s"),
                    upload: upload,
                    number: part(1),
                    observe: { Observed(body: $0) }
                )
            )
            #expect(copied.part.etag == md5(body))
            #expect(copied.part.checksums == [Observed.checksum])
        }
    }

    private struct Observed: BodySource {
        static let checksum = Checksum(algorithm: .sha1, value: [1, 2, 3])

        let body: any BodySource

        func next() async throws -> ByteBuffer? { try await self.body.next() }
        func checksumsAtEnd() async -> [Checksum] { [Self.checksum] }
    }

    @Test("Missing sources are told apart from missing uploads")
    func refusals() throws {
        try TestCluster.run { cluster in
            let upload = try await cluster[0].createUpload(object("d"))
            func copy(_ source: ObjectName, _ upload: UploadName) async -> ClusterError.Code? {
                await code {
                    _ = try await cluster[0].copyPart(
                        CopyPartRequest(source: source, upload: upload, number: part(1))
                    )
                }
            }
            #expect(await copy(object("s"), upload) == .sourceNotFound)
            #expect(
                await copy(object("s", in: nowhere), upload)
                    == .sourceBucketNotFound
            )
            try await cluster[0].put(object("s"), content(1))
            try await cluster[0].abortUpload(upload)
            #expect(await copy(object("s"), upload) == .uploadNotFound)
        }
    }
}

/// A bucket that nobody creates.
private let nowhere = bucket("nowhere")
