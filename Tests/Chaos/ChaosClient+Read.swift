import NIOCore
import S3Client
import S3Protocol
import SimulatedRuntime
import Simulation

extension ChaosClient {
    /// What reading an object gave.
    private struct Found: Sendable {
        let answer: S3Answer
        let bytes: ByteBuffer
        /// When the version was known.
        let opened: UInt64
        /// The body ended early.
        let isBroken: Bool
    }

    mutating func get(_ key: Int, at node: Int, isWhole: Bool) async -> Outcome {
        let call = self.begin("get k\(key)", at: node)
        // No body is shorter than 64 bytes.
        let from = isWhole ? 0 : self.random.number(in: 1...63)
        let headers = isWhole ? [] : [HeaderField("range", "bytes=\(from)-")]
        let recorder = self.recorder
        do {
            let found = try await self.nodes[node - 1].get(
                recorder.name(key),
                in: Self.bucket,
                headers: headers
            ) { answer, body in
                let opened = recorder.now
                var bytes = ByteBuffer()
                do {
                    while let part = try await body.next() { bytes.writeImmutableBuffer(part) }
                } catch {
                    return Found(answer: answer, bytes: bytes, opened: opened, isBroken: true)
                }
                return Found(answer: answer, bytes: bytes, opened: opened, isBroken: false)
            }
            return self.check(found, call, key, from: from)
        } catch {
            switch self.answer(for: error, "get k\(key)") {
            case .notFound:
                self.add(call, key, .read(0))
                self.recorder.saw(nil, in: key)
                return self.end(call, \.refused)
            default: return self.end(call, \.failed)
            }
        }
    }

    private func check(_ found: Found, _ call: Call, _ key: Int, from: Int) -> Outcome {
        guard let body = self.body(found.answer, call, key) else {
            return self.end(call, \.failed)
        }
        self.add(call, key, .read(self.tag(of: found.answer) ?? 0), responded: found.opened)
        let whole = self.recorder.oracle.bytes(of: body)
        let count = found.bytes.readableBytes
        let expected = from + count <= body.bytes ? whole.getSlice(at: from, length: count) : nil
        if expected != found.bytes || (!found.isBroken && from + count != body.bytes) {
            self.report(
                .wrongBytes,
                call,
                "read \(count) bytes from \(from) of k\(key), the body of put #\(body.put) with "
                    + "\(body.bytes): not those"
            )
        }
        if found.isBroken {
            self.recorder.countError("body broken")
            return self.end(call, \.failed)
        }
        self.recorder.saw(body, in: key)
        return self.end(call, \.succeeded)
    }

    /// The body of the version that an answer is about.
    private func body(_ answer: S3Answer, _ call: Call, _ key: Int) -> History.Body? {
        guard let tag = self.tag(of: answer), let etag = answer.etag,
            let body = self.recorder.body(of: tag, etag: etag)
        else {
            self.report(.wrongBytes, call, "found a stranger in k\(key): \(answer.etag ?? "none")")
            return nil
        }
        return body
    }

    mutating func head(_ key: Int, at node: Int) async -> Outcome {
        let call = self.begin("head k\(key)", at: node)
        switch await self.ask(S3Request("HEAD", Self.bucket, self.recorder.name(key)), at: node) {
        case .done(let answer):
            let responded = self.recorder.now
            guard let body = self.body(answer, call, key) else { return self.end(call, \.failed) }
            if answer[header: "content-length"] != "\(body.bytes)" {
                self.report(.wrongBytes, call, "k\(key) has another length than its body")
            }
            self.add(call, key, .read(self.tag(of: answer) ?? 0), responded: responded)
            self.recorder.saw(body, in: key)
            return self.end(call, \.succeeded)
        case .notFound:
            self.add(call, key, .read(0))
            return self.end(call, \.refused)
        default: return self.end(call, \.failed)
        }
    }

    /// Lists a generation: each of its keys is read, as there with its body or as not there.
    mutating func list(_ generation: Int, at node: Int) async -> Outcome {
        let call = self.begin("list g\(generation)", at: node)
        var request = S3Request("GET", Self.bucket)
        request.query = [("list-type", "2"), ("prefix", "g\(generation)/")]
        guard case .done(let answer) = await self.ask(request, at: node) else {
            return self.end(call, \.failed)
        }
        let responded = self.recorder.now
        var found: [String: String] = [:]
        var last = ""
        for entry in XMLText.all("Contents", in: answer.text) {
            let name = XMLText.first("Key", in: entry) ?? ""
            if !last.utf8.lexicographicallyPrecedes(name.utf8) {
                self.report(.wrongPage, call, "lists \(name) behind \(last)")
            }
            last = name
            found[name] = (XMLText.first("ETag", in: entry) ?? "").filter { $0 != "\"" }
        }
        let first = generation * self.recorder.keys
        for key in first..<(first + self.recorder.keys) {
            guard let etag = found.removeValue(forKey: self.recorder.name(key)) else {
                self.add(call, key, .read(0), responded: responded)
                continue
            }
            guard let body = self.recorder.body(etag: etag) else {
                self.report(.wrongBytes, call, "lists a stranger in k\(key): \(etag)")
                continue
            }
            let sight = self.recorder.sight(of: body, in: key)
            self.add(call, key, sight, responded: responded)
        }
        if let stranger = found.keys.min() {
            self.report(.wrongPage, call, "lists \(stranger), which nobody writes")
        }
        return self.end(call, \.succeeded)
    }
}
