import Coordinator
import NIOCore
import SimulatedRuntime
import StoreModel

/// Multipart uploads: begun by one client, and gone on with by all.
extension Client {
    /// Numbers of parts that a run uses: few, so that parts are stored again.
    private static let parts = 1...3

    func upload(_ key: Int, at member: Member) async {
        let step = self.draw { $0.number(in: 0...99) }
        guard step >= 15, let (place, upload) = self.draw({ self.uploads.pick(&$0) }) else {
            return await self.createUpload(key, at: member)
        }
        switch step {
        case ..<50: await self.putPart(place, upload, at: member)
        case ..<70: await self.copyPart(place, upload, of: key, at: member)
        case ..<(100 - self.workload.abortPercent): await self.complete(place, upload, at: member)
        default: await self.abort(place, upload, at: member)
        }
    }

    private func createUpload(_ key: Int, at member: Member) async {
        let number = self.history.begin("create an upload of k\(key) at \(member.name)")
        let call = Call(
            number,
            "create an upload of k\(key)",
            member,
            self.simulator.nanoseconds
        )
        let name = self.cluster.name(key)
        let request = CreateUploadRequest(
            name: name,
            metadata: Self.metadata(tag: number),
            storageClass: self.storageClass()
        )
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.createUpload(request)
        }
        if case .success(let summary)? = result {
            self.uploads.add(
                .init(tag: number, key: key, name: UploadName(name, summary.id))
            )
        }
        self.ended(call, key, nil, result.map { $0.map { _ in () } })
    }

    private func putPart(
        _ place: Int,
        _ upload: KnownUploads.Known,
        at member: Member
    ) async {
        let part = self.draw { $0.number(in: Self.parts) }
        let what = "put part \(part) of #\(upload.tag) of k\(upload.key)"
        let number = self.history.begin("\(what) at \(member.name)")
        let size = self.draw { self.workload.size(&$0) }
        let bytes = self.oracle.body(of: number, bytes: size)
        let body = History.Body(put: number, bytes: size, etag: BodyOracle.etag(of: bytes))
        let call = Call(number, "\(what) (\(size) B)", member, self.simulator.nanoseconds)
        guard let partNumber = PartNumber(part) else { return }
        self.uploads.note(place) { $0.begun[part, default: 0] += 1 }
        let request = PutPartRequest(upload: upload.name, number: partNumber)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.putPart(request, body: self.inPieces(bytes))
        }
        if case .success(let stored)? = result {
            if stored.etag != body.etag || stored.size != UInt64(size) {
                self.wrong(call, "\(stored) is not what was stored")
            }
            self.uploads.note(place) {
                $0.parts[part, default: []].append(.init(etag: stored.etag, body: body))
            }
        }
        self.ended(call, upload.key, place, result.map { $0.map { _ in () } })
    }

    private func copyPart(
        _ place: Int,
        _ upload: KnownUploads.Known,
        of source: Int,
        at member: Member
    ) async {
        let part = self.draw { $0.number(in: Self.parts) }
        let range = self.range()
        let what =
            "copy \(range.map { "\($0) of " } ?? "")k\(source) to part \(part) of "
            + "#\(upload.tag) of k\(upload.key)"
        let number = self.history.begin("\(what) at \(member.name)")
        let call = Call(number, what, member, self.simulator.nanoseconds)
        guard let partNumber = PartNumber(part) else { return }
        let (history, simulator) = (self.history, self.simulator)
        let request = CopyPartRequest(
            source: self.cluster.name(source),
            upload: upload.name,
            number: partNumber,
            range: range,
            sourceCheck: { summary throws(ClusterError) in
                guard let tag = Self.tag(of: summary),
                    let body = history.body(of: tag, etag: summary.etag)
                else {
                    history.report(Violation(.wrongBytes, "#\(number) copies a stranger"))
                    return
                }
                let read = KeyOperation(
                    number: number,
                    .read(tag),
                    invoked: call.start,
                    responded: simulator.nanoseconds
                )
                history.add(read, key: source)
                let range = range.map { Int($0.lowerBound)..<Int($0.upperBound) }
                guard range.map({ $0.upperBound <= body.bytes }) ?? true else {
                    throw ClusterError(.sourcePreconditionFailed, what)
                }
                // The last look is what the part is made of.
                history.setBody(body.slice(range ?? 0..<body.bytes, of: number), of: number)
            }
        )
        self.uploads.note(place) { $0.begun[part, default: 0] += 1 }
        let patience = self.patience()
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await Self.wait(patience, simulator) { () throws(ClusterError) in
                try await coordinator.copyPart(request)
            }
        }
        if case .success(let copied)? = result, let body = history.body(of: number) {
            if copied.part.size != UInt64(body.bytes) {
                self.wrong(call, "\(copied.part) has another size")
            }
            self.uploads.note(place) {
                $0.parts[part, default: []].append(.init(etag: copied.part.etag, body: body))
            }
        }
        switch result {
        case .failure(let error)? where error.code == .sourceNotFound:
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where error.code == .sourceBucketNotFound:
            self.note(call, source, .read(0), \.refused)
        case .failure(let error)? where error.code == .sourcePreconditionFailed:
            self.history.end(number, \.refused)
        default:
            if case .success? = result { self.history.countCopy() }
            self.ended(call, upload.key, place, result.map { $0.map { _ in () } })
        }
    }

    /// A range of a source: all of it, or some, whether or not the source is as long.
    private func range() -> Range<UInt64>? {
        self.draw { random in
            guard random.chance(permille: 400) else { return nil }
            let start = random.pick([0, 0, 1, 10_000, 40_000])
            let count = random.pick([1, 5_000, 40_000, 100_000, 200_000])
            return UInt64(start)..<UInt64(start + count)
        }
    }

    private func complete(
        _ place: Int,
        _ upload: KnownUploads.Known,
        at member: Member
    ) async {
        let parts = self.list(of: upload)
        guard !parts.isEmpty else { return await self.putPart(place, upload, at: member) }
        let condition = self.condition(upload.key)
        let body = History.Body(
            pieces: parts.flatMap { $0.part.body.pieces },
            etag: UploadETag.of(parts.map(\.part.etag)),
            put: upload.tag
        )
        self.history.addBody(body, of: upload.tag)
        let what = "complete #\(upload.tag) of k\(upload.key) from \(parts.map(\.claim.number))"
        let number = self.history.begin("\(what) at \(member.name)")
        let start = self.simulator.nanoseconds
        let call = Call(number, "\(what) (\(condition))", member, start)
        self.uploads.note(place) { known in
            known.closings += 1
            known.lists.insert(body.etag)
        }
        let request = CompleteUploadRequest(
            upload: upload.name,
            parts: parts.map(\.claim),
            condition: self.condition(condition)
        )
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.completeUpload(request)
        }
        switch result {
        case .success(.completed(let summary))?:
            self.check(summary, tag: upload.tag, call)
            if summary.etag != body.etag { self.wrong(call, "another list of parts was taken") }
            self.uploads.note(place) { known in
                known.invoked = min(known.invoked ?? start, start)
                known.responded = min(known.responded ?? .max, self.simulator.nanoseconds)
            }
            if self.workload.keepsVersions {
                // Whoever repeats a completion has found the version, current or not.
                self.history.end(number, \.succeeded)
            } else {
                // Whoever repeats a completion has found the object.
                self.note(call, upload.key, .read(upload.tag), \.succeeded)
            }
        case .success(.refused(let refusal))?:
            self.check(refusal, place, call)
            self.history.end(number, \.refused)
        case .failure(let error)? where error.code == .preconditionFailed:
            self.note(call, upload.key, .refused(condition), \.refused)
        case .failure(let error)? where error.code == .objectNotFound:
            self.note(call, upload.key, .missing, \.refused)
        case .failure(let error)? where error.code == .uploadConflict:
            // Parts that were stored again may look the same and be others.
            let known = self.uploads.note(place) { _ in }
            let isAgain = parts.contains { known.begun[Int($0.claim.number.value), default: 0] > 1 }
            if known.lists.count < 2, !isAgain {
                self.wrong(call, "nobody has put other parts together")
            }
            self.history.end(number, \.refused)
        default:
            if Self.mayHaveHappened(result.map { $0.map { _ in () } }) {
                self.uploads.note(place) { $0.invoked = min($0.invoked ?? start, start) }
            }
            self.ended(call, upload.key, place, result.map { $0.map { _ in () } }, closings: 2)
        }
    }

    /// Parts to make an object of: mostly all, mostly the latest.
    private func list(
        of upload: KnownUploads.Known
    ) -> [(claim: PartClaim, part: KnownUploads.Part)] {
        self.draw { random in
            var list: [(claim: PartClaim, part: KnownUploads.Part)] = []
            for number in upload.parts.keys.sorted() where random.chance(permille: 900) {
                guard let all = upload.parts[number], let last = all.last,
                    let partNumber = PartNumber(number)
                else { continue }
                let part = random.chance(permille: 900) ? last : random.pick(all)
                list.append((PartClaim(partNumber, etag: part.etag), part))
            }
            return list
        }
    }

    /// A part that was acknowledged is there, unless it was stored again.
    private func check(_ refusal: PartRefusal, _ place: Int, _ call: Call) {
        if case .invalid(let claim) = refusal {
            let begun = self.uploads.note(place) { _ in }.begun[Int(claim.number.value)] ?? 0
            if begun > 1 { return }
        }
        self.wrong(call, "refused: \(refusal)")
    }

    private func abort(
        _ place: Int,
        _ upload: KnownUploads.Known,
        at member: Member
    ) async {
        let what = "abort #\(upload.tag) of k\(upload.key)"
        let number = self.history.begin("\(what) at \(member.name)")
        let call = Call(number, what, member, self.simulator.nanoseconds)
        self.uploads.note(place) { $0.closings += 1 }
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.abortUpload(upload.name)
        }
        self.ended(call, upload.key, place, result, closings: 2)
    }

    // MARK: - Ends

    /// Notes the end of something that changes no object.
    private func ended(
        _ call: Call,
        _ key: Int,
        _ place: Int?,
        _ result: Result<Void, ClusterError>?,
        closings: Int = 1
    ) {
        switch result {
        case .success?: self.history.end(call.number, \.succeeded)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.note(call, key, .read(0), \.refused)
        case .failure(let error)? where error.code == .tooManyUploads:
            self.history.end(call.number, \.refused)
        case .failure(let error)? where error.code == .uploadNotFound:
            // Somebody else has closed it, or its bucket has been deleted and made again.
            let known = place.map { self.uploads.note($0) { _ in }.closings } ?? .max
            if known < closings, !self.workload.deletesBuckets {
                self.wrong(call, "nobody has closed it")
            }
            self.history.end(call.number, \.refused)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(call.number, \.failed)
        case .failure?, nil: self.history.end(call.number, \.unknown)
        }
    }

    private static func mayHaveHappened(_ result: Result<Void, ClusterError>?) -> Bool {
        guard case .failure(let error)? = result else { return true }
        return !Self.isHarmless(error)
    }

    private func wrong(_ call: Call, _ story: String) {
        self.history.report(Violation(.wrongBytes, "#\(call.number) \(call.what): \(story)"))
    }

    // MARK: - When all is over

    /// Writes down which completions made an object: one for each upload, at some time from when
    /// the first of them began.
    func noteCompletions() {
        for upload in self.uploads.all {
            guard let invoked = upload.invoked else { continue }
            let write = KeyOperation(
                number: upload.tag,
                .write(upload.tag, if: .none),
                invoked: invoked,
                responded: upload.responded
            )
            self.history.add(write, key: upload.key)
        }
    }

    /// Aborts whatever is open.
    ///
    /// - Returns: false if that fails.
    func abortUploads(at member: Member) async -> Bool {
        let number = self.history.begin("abort all uploads at \(member.name)")
        let call = Call(number, "abort all uploads", member, self.simulator.nanoseconds)
        let bucket = self.cluster.bucket
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            while true {
                let page = try await coordinator.listUploads(
                    ListUploadsRequest(bucket: bucket, limit: 3)
                )
                for case .upload(let key, let upload) in page.entries {
                    let name = UploadName(ObjectName(bucket, key), upload.id)
                    try await coordinator.abortUpload(name)
                }
                if page.entries.isEmpty { return }
            }
        }
        switch result {
        case .success?: self.history.end(number, \.succeeded)
        case .failure(let error)? where error.code == .bucketNotFound:
            self.history.end(number, \.refused)
        case .failure?, nil:
            self.history.end(number, \.failed)
            return false
        }
        return true
    }
}
