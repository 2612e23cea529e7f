import Coordinator
import Crypto
import NIOCore
import SimulatedRuntime
import StoreModel
import Testing

/// Parts of any size may be followed by others.
private func smallParts(_ settings: inout CoordinatorSettings) { settings.partBytesMin = 0 }

func part(_ number: Int) -> PartNumber {
    guard let part = PartNumber(number) else { preconditionFailure("No part: \(number)") }
    return part
}

func md5(_ content: ByteBuffer) -> String {
    Hexadecimal.text(Array(Insecure.MD5.hash(data: Array(content.readableBytesView))))
}

extension Coordinator {
    func createUpload(
        _ name: ObjectName,
        _ change: (inout CreateUploadRequest) -> Void = { _ in }
    ) async throws -> UploadName {
        var request = CreateUploadRequest(name: name, metadata: ObjectMetadata())
        change(&request)
        return UploadName(name, try await self.createUpload(request).id)
    }

    @discardableResult
    func put(
        _ number: Int,
        of upload: UploadName,
        _ content: ByteBuffer
    ) async throws -> PartSummary {
        try await self.putPart(
            PutPartRequest(upload: upload, number: part(number)),
            body: TestBody(content)
        )
    }

    func complete(
        _ upload: UploadName,
        _ parts: [PartSummary],
        _ change: (inout CompleteUploadRequest) -> Void = { _ in }
    ) async throws -> ObjectSummary {
        var request = CompleteUploadRequest(
            upload: upload,
            parts: parts.map { PartClaim($0.number, etag: $0.etag) }
        )
        change(&request)
        guard case .completed(let summary) = try await self.completeUpload(request) else {
            throw ClusterError(.internalError, "the list is right")
        }
        return summary
    }
}

struct UploadTests {
    @Test("Parts make an object, in the order of their numbers, whoever stores them and when")
    func roundTrip() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            var metadata = ObjectMetadata()
            metadata.contentType = "text/plain"
            let described = metadata
            let upload = try await cluster[0].createUpload(object("a")) {
                $0.metadata = described
                $0.storageClass = .reducedRedundancy
            }
            let sizes = [100, Limit.chunkBytes + 7, 0, 70_000]
            let bodies = sizes.enumerated().map { content($1, seed: UInt64($0)) }
            var parts: [PartSummary] = []
            for index in [3, 0, 2, 1] {
                let stored = try await cluster[index].put(index + 1, of: upload, bodies[index])
                #expect(stored.etag == md5(bodies[index]))
                #expect(stored.size == UInt64(sizes[index]))
                parts.append(stored)
            }
            #expect(await code { _ = try await cluster[1].open(object("a")) } == .objectNotFound)
            parts.sort { $0.number < $1.number }
            let listed = try await cluster[2].listParts(ListPartsRequest(upload: upload))
            #expect(listed.parts == parts)
            let made = try await cluster[1].complete(upload, parts)
            #expect(made.size == UInt64(sizes.reduce(0, +)))
            #expect(made.etag == UploadTests.etag(of: bodies))
            #expect(made.metadata == described)
            #expect(made.storageClass == .reducedRedundancy)
            #expect(made.parts == [PartRun](sizes: sizes.map(UInt64.init)))
            #expect(try await cluster[2].open(object("a")).summary.parts == made.parts)
            _ = try await cluster[2].copy(
                CopyRequest(source: object("a"), target: object("copy"))
            )
            #expect(try await cluster[0].open(object("copy")).summary.parts.isEmpty)
            try await cluster[1].delete(object("copy"))
            var whole = ByteBuffer()
            for body in bodies { whole.writeImmutableBuffer(body) }
            #expect(try await cluster[0].get(object("a")) == whole)
            let start = UInt64(90)
            let range = start..<(start + 40 + UInt64(Limit.chunkBytes))
            #expect(
                try await cluster[2].get(object("a"), range)
                    == whole.getSlice(at: 90, length: range.count)
            )
            try await cluster[0].delete(object("a"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
        }
    }

    private static func etag(of bodies: [ByteBuffer]) -> String {
        var all: [UInt8] = []
        for body in bodies { all += Insecure.MD5.hash(data: Array(body.readableBytesView)) }
        return Hexadecimal.text(Array(Insecure.MD5.hash(data: all))) + "-\(bodies.count)"
    }

    @Test("A part that is stored again replaces the one before; what nobody lists goes in the end")
    func replace() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let old = try await cluster[0].put(1, of: upload, content(50_000, seed: 1))
            let unlisted = try await cluster[1].put(9, of: upload, content(60_000, seed: 2))
            let new = try await cluster[1].put(1, of: upload, content(70_000, seed: 3))
            let list = try await cluster[2].listParts(ListPartsRequest(upload: upload))
            #expect(list.parts == [new, unlisted])
            await cluster.wait()
            #expect(cluster.chunks == 9)
            let stale = CompleteUploadRequest(
                upload: upload,
                parts: [PartClaim(old.number, etag: old.etag)]
            )
            #expect(
                try await cluster[2].completeUpload(stale)
                    == .refused(.invalid(PartClaim(old.number, etag: old.etag)))
            )
            _ = try await cluster[2].complete(upload, [new])
            await cluster.sweepAll()
            #expect(try await cluster[0].get(object("a")) == content(70_000, seed: 3))
            #expect(cluster.chunks == 3)
            #expect(await cluster.parts == 0)
        }
    }

    @Test("Lists of parts that S3 refuses are refused, and leave the upload open")
    func refusals() throws {
        try TestCluster.run { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let small = try await cluster[0].put(1, of: upload, content(100))
            let last = try await cluster[0].put(2, of: upload, content(100))
            let (first, second) = (
                PartClaim(small.number, etag: small.etag), PartClaim(last.number, etag: last.etag)
            )
            let missing = PartClaim(part(3), etag: small.etag)
            func outcome(
                _ parts: [PartClaim],
                _ size: UInt64? = nil
            ) async throws -> CompleteUploadOutcome {
                var request = CompleteUploadRequest(upload: upload, parts: parts)
                request.size = size
                return try await cluster[1].completeUpload(request)
            }
            #expect(try await outcome([]) == .refused(.noParts))
            #expect(try await outcome([second, first]) == .refused(.notAscending))
            #expect(try await outcome([first, first]) == .refused(.notAscending))
            #expect(try await outcome([first, missing]) == .refused(.invalid(missing)))
            let least = Limit.partBytesMin
            #expect(
                try await outcome([first, second])
                    == .refused(.tooSmall(first, size: 100, least: least))
            )
            #expect(try await outcome([second], 99) == .refused(.otherSize(100)))
            let page = try await cluster[2].listParts(ListPartsRequest(upload: upload))
            #expect(page.parts == [small, last])
            guard case .completed(let made) = try await outcome([second], 100) else {
                Issue.record("The list is right.")
                return
            }
            #expect(made.size == 100)
        }
    }

    @Test("Completing again gives the same object; another list, or none there, finds no upload")
    func again() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let one = try await cluster[0].put(1, of: upload, content(100))
            let two = try await cluster[0].put(2, of: upload, content(200))
            let made = try await cluster[1].complete(upload, [one, two])
            #expect(try await cluster[2].complete(upload, [one, two]) == made)
            await cluster.sweepAll()
            #expect(try await cluster[0].complete(upload, [one, two]) == made)
            #expect(
                await code { _ = try await cluster[2].complete(upload, [one]) } == .uploadNotFound
            )
            #expect(
                await code { try await cluster[2].put(1, of: upload, content(1)) }
                    == .uploadNotFound
            )
            #expect(await code { try await cluster[2].abortUpload(upload) } == .uploadNotFound)
            try await cluster[0].put(object("a"), content(5))
            #expect(
                await code { _ = try await cluster[1].complete(upload, [one, two]) }
                    == .uploadNotFound
            )
        }
    }

    @Test("Of many who complete an upload at once with the same list all have the same object")
    func concurrent() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let one = try await cluster[0].put(1, of: upload, content(50_000))
            let made = try await withThrowingTaskGroup(of: ObjectSummary.self) { group in
                for index in 0..<6 {
                    group.addTask { try await cluster[index].complete(upload, [one]) }
                }
                return try await group.reduce(into: [ObjectSummary]()) { $0.append($1) }
            }
            #expect(made.allSatisfy { $0 == made[0] })
            await cluster.sweepAll()
            #expect(try await cluster[1].get(object("a")) == content(50_000))
            #expect(cluster.chunks == 3)
            try await cluster[1].delete(object("a"))
            await cluster.sweepAll()
            #expect(cluster.chunks == 0, "Nobody has left a hold behind.")
        }
    }

    @Test("An aborted upload leaves nothing, and the key as it was")
    func abort() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            try await cluster[0].put(object("a"), content(10))
            let upload = try await cluster[0].createUpload(object("a"))
            let one = try await cluster[0].put(1, of: upload, content(50_000))
            try await cluster[1].abortUpload(upload)
            #expect(await code { try await cluster[2].abortUpload(upload) } == .uploadNotFound)
            #expect(
                await code { _ = try await cluster[0].complete(upload, [one]) } == .uploadNotFound
            )
            #expect(
                await code {
                    _ = try await cluster[0].listParts(ListPartsRequest(upload: upload))
                } == .uploadNotFound
            )
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(await cluster.parts == 0)
            #expect(try await cluster[0].get(object("a")) == content(10))
        }
    }

    @Test("An upload is found under its own key only")
    func otherKey() throws {
        try TestCluster.run { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let other = UploadName(object("b"), upload.id)
            #expect(await code { _ = try await cluster[0].upload(other) } == .uploadNotFound)
            let summary = try await cluster[1].upload(upload)
            #expect(summary.id == upload.id)
        }
    }

    @Test("Conditions are true at the instant of the completion, and a false one leaves the upload")
    func conditions() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            let one = try await cluster[0].put(1, of: upload, content(50_000))
            try await cluster[1].put(object("a"), content(10))
            #expect(
                await code {
                    _ = try await cluster[2].complete(upload, [one]) { $0.condition = .absent }
                } == .preconditionFailed
            )
            try await cluster[1].delete(object("a"))
            let made = try await cluster[2].complete(upload, [one]) { $0.condition = .absent }
            #expect(made.size == 50_000)
        }
    }

    @Test("Parts are listed page by page, in order")
    func pages() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            // Another upload's parts, and one of another key, are not among them.
            for other in ["a", "b"] {
                let upload = try await cluster[0].createUpload(object(other))
                try await cluster[0].put(2, of: upload, content(1))
            }
            let numbers = [1, 2, 255, 256, 257, 9_999, 10_000]
            var random = SplitMix64(seed: 5)
            for number in numbers.shuffled(using: &random) {
                try await cluster[number].put(number, of: upload, content(number % 3))
            }
            var found: [Int] = []
            var after: PartNumber?
            repeat {
                let page = try await cluster[1].listParts(
                    ListPartsRequest(upload: upload, after: after, limit: 3)
                )
                #expect(page.parts.count <= 3)
                found += page.parts.map { Int($0.number.value) }
                after = page.next
            } while after != nil
            #expect(found == numbers)
        }
    }

    @Test("Open uploads are listed by key and id, grouped, page by page; closed ones are not")
    func uploads() throws {
        try TestCluster.run { cluster in
            var wanted: [UploadName] = []
            for name in ["a", "b/1", "b/2", "c", "c", "c", "d"] {
                wanted.append(try await cluster[wanted.count].createUpload(object(name)))
            }
            try await cluster[0].put(object("b/3"), content(1))
            let closed = try await cluster[1].createUpload(object("c"))
            try await cluster[2].abortUpload(closed)
            wanted.sort { ($0.object.key, $0.id) < ($1.object.key, $1.id) }
            for limit in [1, 2, 3, 1_000] {
                var found: [UploadName] = []
                var request = ListUploadsRequest(bucket: photos, limit: limit)
                repeat {
                    let page = try await cluster[limit].listUploads(request)
                    #expect(page.entries.count <= limit)
                    for case .upload(let key, let upload) in page.entries {
                        found.append(UploadName(ObjectName(photos, key), upload.id))
                    }
                    request.after = page.next
                } while request.after != nil
                #expect(found == wanted, "\(limit) a page")
            }
            let groups = try await cluster[0].listUploads(
                ListUploadsRequest(bucket: photos, delimiter: Array("/".utf8))
            )
            #expect(groups.entries.count == 6)
            #expect(groups.entries[1] == .commonPrefix(Array("b/".utf8)))
            let prefixed = try await cluster[0].listUploads(
                ListUploadsRequest(bucket: photos, prefix: Array("b".utf8))
            )
            #expect(prefixed.entries.count == 2)
            let objects = try await cluster[0].list(ListRequest(bucket: photos))
            #expect(objects.entries.count == 1)
        }
    }

    @Test("A bucket with an open upload is not deleted")
    func bucket() throws {
        try TestCluster.run { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            try await cluster[0].put(1, of: upload, content(50_000))
            #expect(await code { try await cluster[1].deleteBucket(photos) } == .bucketNotEmpty)
            try await cluster[2].abortUpload(upload)
            try await cluster[1].deleteBucket(photos)
            await cluster.sweepAll()
            #expect(cluster.chunks == 0)
            #expect(await cluster.parts == 0)
        }
    }

    @Test("An object of more parts than a version lists is read, and copied either way")
    func manyParts() throws {
        try TestCluster.run(settings: smallParts) { cluster in
            let upload = try await cluster[0].createUpload(object("a"))
            var parts: [PartSummary] = []
            var whole = ByteBuffer()
            for number in 1...(Limit.inlineRuns + 8) {
                let body = content(1_000 + number, seed: UInt64(number))
                whole.writeImmutableBuffer(body)
                parts.append(try await cluster[number].put(number, of: upload, body))
            }
            _ = try await cluster[0].complete(upload, parts)
            #expect(try await cluster[1].get(object("a")) == whole)
            let reference = try await cluster[2].copy(
                CopyRequest(source: object("a"), target: object("b"))
            )
            #expect(reference.mode == .reference)
            let independent = try await cluster[1].copy(
                CopyRequest(source: object("b"), target: object("c"), mode: .independent)
            )
            #expect(independent.mode == .independent)
            #expect(independent.chunksPulled == parts.count)
            try await cluster[0].delete(object("a"))
            try await cluster[0].delete(object("b"))
            await cluster.sweepAll()
            #expect(try await cluster[2].get(object("c")) == whole)
            #expect(cluster.chunks == 3 * parts.count)
        }
    }
}
