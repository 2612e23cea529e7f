import NIOCore
import S3Client
import S3Protocol
import SimulatedRuntime
import Simulation

extension ChaosClient {
    /// A condition, and the header that asks for it; none for keys with odd numbers.
    private mutating func condition(_ key: Int) -> (KeyOperation.Condition, [HeaderField]) {
        guard key % 2 == 0, self.random.chance(permille: 400) else { return (.none, []) }
        if let body = self.recorder.known(key), self.random.chance(permille: 700) {
            return (.body(of: body.put), [HeaderField("if-match", "\"\(body.etag)\"")])
        }
        return (.absent, [HeaderField("if-none-match", "*")])
    }

    private mutating func size() -> Int {
        let base =
            switch self.random.number(in: 0...99) {
            case 0..<40: 200
            case 40..<75: 20_000
            case 75..<98: 300_000
            default: Self.partBytes + 10_000
            }
        return base + self.random.number(in: 0...99)
    }

    private mutating func storageClass() -> [HeaderField] {
        self.random.chance(permille: 200)
            ? [HeaderField("x-amz-storage-class", "REDUCED_REDUNDANCY")] : []
    }

    mutating func put(_ key: Int, at node: Int) async -> Outcome {
        let (condition, header) = self.condition(key)
        let size = self.size()
        let storageClass = self.storageClass()
        let text =
            "put k\(key) (\(size) B, \(condition), \(storageClass.first?.value ?? "STANDARD"))"
        let call = self.begin(text, at: node)
        let bytes = self.recorder.oracle.body(of: call.number, bytes: size)
        let body = History.Body(put: call.number, bytes: size, etag: BodyOracle.etag(of: bytes))
        self.recorder.register(body)
        var request = S3Request("PUT", Self.bucket, self.recorder.name(key))
        request.headers = self.headers(tag: call.number) + header + storageClass
        request.body = bytes
        let answer = await self.ask(request, at: node)
        if case .done(let answer) = answer, answer.etag != body.etag {
            self.report(.wrongBytes, call, "put gave the ETag \(answer.etag ?? "none")")
        }
        return self.wrote(call, key, condition, body, answer)
    }

    /// Writes down what became of a put, a copy or an upload.
    private func wrote(
        _ call: Call,
        _ key: Int,
        _ condition: KeyOperation.Condition,
        _ body: History.Body?,
        _ answer: Answer
    ) -> Outcome {
        let write = KeyOperation.Action.write(call.number, if: condition)
        return self.changed(call, key, by: (write, condition, body), answer)
    }

    /// Writes down what became of a change of a key, after which it has that body.
    private func changed(
        _ call: Call,
        _ key: Int,
        by change: (
            action: KeyOperation.Action, condition: KeyOperation.Condition, body: History.Body?
        ),
        _ answer: Answer
    ) -> Outcome {
        switch answer {
        case .done:
            self.add(call, key, change.action)
            self.recorder.saw(change.body, in: key)
            return self.end(call, \.succeeded)
        case .preconditionFailed:
            self.add(call, key, .refused(change.condition))
            return self.end(call, \.refused)
        case .notFound:
            self.add(call, key, .missing)
            return self.end(call, \.refused)
        case .failed: return self.end(call, \.failed)
        case .unknown: return self.endUnknown(call, key, change.action)
        }
    }

    mutating func delete(_ key: Int, at node: Int) async -> Outcome {
        var (condition, header) = self.condition(key)
        // Deleting what is not there is no condition that clients can ask for.
        if condition == .absent { (condition, header) = (.none, []) }
        let call = self.begin("delete k\(key) (\(condition))", at: node)
        var request = S3Request("DELETE", Self.bucket, self.recorder.name(key))
        request.headers = header
        let action = condition == .none ? KeyOperation.Action.delete : .deleteIf(condition)
        let answer = await self.ask(request, at: node)
        return self.changed(call, key, by: (action, condition, nil), answer)
    }

    // MARK: Copies

    /// A key of this generation or of the one before it.
    private mutating func source(for target: Int) -> Int {
        let generation = target / self.recorder.keys
        let first = max(0, generation - 1) * self.recorder.keys
        let last = (generation + 1) * self.recorder.keys - 1
        return self.random.number(in: first...last)
    }

    private func path(_ key: Int) -> HeaderField {
        HeaderField("x-amz-copy-source", "/\(Self.bucket)/\(self.recorder.name(key))")
    }

    /// What the source was seen to hold is copied, or, to keys with odd numbers, what it holds.
    mutating func copy(to target: Int, at node: Int) async -> Outcome {
        let source = self.source(for: target)
        let known = self.recorder.known(source)
        let wanted = target % 2 == 0 || self.random.chance(permille: 500) ? known : nil
        guard target % 2 == 1 || wanted != nil else { return await self.put(target, at: node) }
        let only = wanted.map { ", only the body of #\($0.put)" } ?? ""
        let call = self.begin("copy k\(source) to k\(target)\(only)", at: node)
        if let wanted {
            self.history.setBody(wanted, of: call.number)
        } else {
            self.recorder.expectCopy(call.number, of: source, to: target, from: call.start)
        }
        var request = S3Request("PUT", Self.bucket, self.recorder.name(target))
        request.headers =
            self.headers(tag: call.number) + [
                self.path(source), HeaderField("x-amz-metadata-directive", "REPLACE"),
            ]
        if let wanted {
            request.headers.append(
                HeaderField("x-amz-copy-source-if-match", "\"\(wanted.etag)\"")
            )
        }
        let mode = self.random.number(in: 0...9)
        if mode < 3 { request.headers.append(HeaderField("x-triolet-copy-mode", "independent")) }
        if mode > 5 { request.headers += self.storageClass() }
        let answer = await self.ask(request, at: node)
        switch answer {
        case .done(let done):
            return self.copied(call, source, target, wanted, done)
        case .preconditionFailed:
            if let wanted { self.add(call, source, .refused(.body(of: wanted.put))) }
            return self.end(call, \.refused)
        case .notFound:
            self.add(call, source, .read(0))
            self.recorder.dismissCopy(call.number)
            return self.end(call, \.refused)
        case .failed:
            self.recorder.dismissCopy(call.number)
            return self.end(call, \.failed)
        case .unknown: return self.wrote(call, target, .none, nil, answer)
        }
    }

    private func copied(
        _ call: Call,
        _ source: Int,
        _ target: Int,
        _ wanted: History.Body?,
        _ answer: S3Answer
    ) -> Outcome {
        self.history.countCopy()
        let etag = answer.etag ?? ""
        guard let body = self.recorder.body(of: call.number, etag: etag) ?? wanted,
            body.etag == etag
        else {
            self.report(.wrongBytes, call, "copied a stranger, \(etag), of k\(source)")
            return self.end(call, \.failed)
        }
        self.add(call, source, self.recorder.sight(of: body, in: source))
        return self.wrote(call, target, .none, body, .done(answer))
    }

    // MARK: Parts

    /// An object of parts: one that is put or borrowed, and a copy of what some key holds.
    mutating func upload(_ key: Int, at node: Int) async -> Outcome {
        let call = self.begin("upload k\(key)", at: node)
        var request = S3Request("POST", Self.bucket, self.recorder.name(key))
        request.query = [("uploads", "")]
        request.headers = self.headers(tag: call.number)
        guard case .done(let created) = await self.ask(request, at: node),
            let id = XMLText.first("UploadId", in: created.text)
        else { return self.end(call, \.failed) }
        var parts: [Part] = []
        for number in 1...2 {
            let part = await self.part(number, of: id, call, key)
            guard case .stored(let stored) = part else {
                request = S3Request("DELETE", Self.bucket, self.recorder.name(key))
                request.query = [("uploadId", id)]
                _ = await self.ask(request, at: node)
                return self.end(call, part == .gone ? \.refused : \.failed)
            }
            parts.append(stored)
        }
        return await self.complete(call, key, id, parts)
    }

    private struct Part: Hashable, Sendable {
        let etag: String
        let pieces: [History.Body.Piece]
    }

    private enum PartResult: Hashable, Sendable {
        case stored(Part)
        /// What was to be copied is not there any more.
        case gone
        case failed
    }

    private mutating func part(
        _ number: Int,
        of id: String,
        _ call: Call,
        _ key: Int
    ) async -> PartResult {
        var request = S3Request("PUT", Self.bucket, self.recorder.name(key))
        request.query = [("partNumber", "\(number)"), ("uploadId", id)]
        let source = self.source(for: key)
        let known = self.recorder.known(source)
        guard let known, number == 2 || known.bytes > Self.partBytes else {
            let size = number == 1 ? Self.partBytes : 10_000
            // Each part is a put of its own.
            let put = self.begin("part \(number) of #\(call.number)", at: call.node)
            let body = History.Body(put: put.number, bytes: size, etag: "")
            request.body = self.recorder.oracle.body(of: put.number, bytes: size)
            let answer = await self.ask(request, at: call.node)
            guard case .done(let stored) = answer, let etag = stored.etag else {
                _ = self.end(put, \.failed)
                return .failed
            }
            _ = self.end(put, \.succeeded)
            return .stored(Part(etag: etag, pieces: body.pieces))
        }
        let count = number == 1 ? Self.partBytes : min(known.bytes, 400_000)
        request.headers = [
            self.path(source),
            HeaderField("x-amz-copy-source-if-match", "\"\(known.etag)\""),
            HeaderField("x-amz-copy-source-range", "bytes=0-\(count - 1)"),
        ]
        switch await self.ask(request, at: call.node) {
        case .done(let copied):
            self.history.countCopy()
            self.add(call, source, self.recorder.sight(of: known, in: source))
            let pieces = known.slice(0..<count, of: call.number).pieces
            return .stored(Part(etag: copied.etag ?? "", pieces: pieces))
        case .preconditionFailed:
            self.add(call, source, .refused(.body(of: known.put)))
            return .gone
        case .notFound:
            self.add(call, source, .read(0))
            return .gone
        case .failed, .unknown: return .failed
        }
    }

    private func complete(
        _ call: Call,
        _ key: Int,
        _ id: String,
        _ parts: [Part]
    ) async -> Outcome {
        var sums = ByteBuffer()
        for part in parts { sums.writeBytes(Self.bytes(part.etag)) }
        let etag = BodyOracle.etag(of: sums) + "-\(parts.count)"
        let body = History.Body(pieces: parts.flatMap(\.pieces), etag: etag, put: call.number)
        self.recorder.register(body)
        let list = parts.enumerated().map { index, part in
            "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\"\(part.etag)\"</ETag></Part>"
        }
        var request = S3Request("POST", Self.bucket, self.recorder.name(key))
        request.query = [("uploadId", id)]
        request.body = ByteBuffer(
            string: "<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>"
        )
        let answer = await self.ask(request, at: call.node)
        if case .notFound = answer {
            return self.endUnknown(call, key, .write(call.number, if: .none))
        }
        return self.wrote(call, key, .none, body, answer)
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...($0 + 1)]), radix: 16)
        }
    }
}
