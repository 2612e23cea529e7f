import Coordinator
import NIOCore
import Runtime
import SimulatedRuntime
import StoreModel

extension Client {
    /// What reading an object gave.
    private struct Found: Sendable {
        let summary: ObjectSummary
        let range: Range<Int>
        let bytes: ByteBuffer
        /// When the version was known.
        let opened: UInt64
        /// Why the body ended early.
        let failure: ClusterError?
    }

    /// - Returns: false if it could not be read.
    @discardableResult
    func get(_ key: Int, at member: Member, isWhole: Bool = false) async -> Bool {
        let number = self.history.begin("get k\(key) at \(member.name)")
        let call = Call(number, "get k\(key)", member, self.cluster.simulator.nanoseconds)
        let name = self.cluster.name(key)
        let cut = self.cluster.simulator.draw {
            ($0.chance(permille: isWhole ? 0 : 300), $0.next(), $0.next())
        }
        // Long enough for what was opened to be overwritten, and its content dropped.
        let pause = self.cluster.simulator.draw {
            !isWhole && $0.chance(permille: 100) ? $0.number(in: 0...3_000) : 0
        }
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            let object = try await coordinator.open(name)
            let opened = self.cluster.simulator.nanoseconds
            if pause > 0 { await member.machine.doors.time.sleep(for: .milliseconds(pause)) }
            let size = object.summary.size
            let start = cut.0 && size > 0 ? cut.1 % size : 0
            let end = cut.0 && size > 0 ? start + cut.2 % (size - start + 1) : size
            var bytes = ByteBuffer()
            var failure: ClusterError?
            let reader = object.read(start..<end)
            do throws(ClusterError) {
                while var piece = try await reader.next() { bytes.writeBuffer(&piece) }
            } catch { failure = error }
            return Found(
                summary: object.summary,
                range: Int(start)..<Int(end),
                bytes: bytes,
                opened: opened,
                failure: failure
            )
        }
        switch result {
        case .success(let found)?:
            // Before the first byte, that there is no such object is all that a client is told.
            if let failure = found.failure, found.bytes.readableBytes == 0,
                failure.code == .objectNotFound
            {
                self.note(call, key, .read(0), \.refused)
                return true
            }
            return self.check(found, key, call)
        case .failure(let error)?
        where error.code == .objectNotFound || error.code == .bucketNotFound:
            if error.code == .bucketNotFound { self.missedBucket(call) }
            self.note(call, key, .read(0), \.refused)
            return true
        case .failure?: self.history.end(number, \.failed)
        case nil: self.history.end(number, \.unknown)
        }
        return false
    }

    /// Looks at an object without reading it.
    func head(_ key: Int, at member: Member) async {
        let number = self.history.begin("head k\(key) at \(member.name)")
        let call = Call(number, "head k\(key)", member, self.cluster.simulator.nanoseconds)
        let name = self.cluster.name(key)
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.open(name).summary
        }
        switch result {
        case .success(let summary)?:
            guard let tag = Self.tag(of: summary) else {
                self.history.report(Violation(.wrongBytes, "#\(number) looked at a stranger"))
                return self.history.end(number, \.failed)
            }
            self.check(summary, tag: tag, call)
            self.note(call, key, .read(tag), \.succeeded)
        case .failure(let error)?
        where error.code == .objectNotFound || error.code == .bucketNotFound:
            if error.code == .bucketNotFound { self.missedBucket(call) }
            self.note(call, key, .read(0), \.refused)
        case .failure?: self.history.end(number, \.failed)
        case nil: self.history.end(number, \.unknown)
        }
    }

    private func check(_ found: Found, _ key: Int, _ call: Call) -> Bool {
        guard let tag = Self.tag(of: found.summary),
            let body = self.history.body(of: tag, etag: found.summary.etag)
        else {
            self.history.report(Violation(.wrongBytes, "#\(call.number) read a stranger"))
            self.history.end(call.number, \.failed)
            return false
        }
        self.check(found.summary, tag: tag, call)
        let read = KeyOperation(
            number: call.number,
            .read(tag),
            invoked: call.start,
            responded: found.opened
        )
        self.history.add(read, key: key)
        let whole = self.oracle.bytes(of: body)
        let count = found.bytes.readableBytes
        let isPrefix = count <= found.range.count && found.range.upperBound <= body.bytes
        let expected = isPrefix ? whole.getSlice(at: found.range.lowerBound, length: count) : nil
        if expected != found.bytes || (found.failure == nil && count != found.range.count) {
            let story =
                "#\(call.number) read \(count) bytes of \(found.range) of the body of put "
                + "#\(body.put) in k\(key), tag \(tag): not those"
            self.history.report(Violation(.wrongBytes, story))
        }
        // A version that is deleted while it is read may go away.
        let isGone = found.failure?.code == .versionGone
        self.history.end(
            call.number,
            found.failure == nil ? \.succeeded : isGone ? \.refused : \.failed
        )
        return found.failure == nil || isGone
    }

    /// Compares what is said of a version with what was stored.
    func check(_ summary: ObjectSummary, tag: Int, _ call: Call) {
        let body = self.history.body(of: tag, etag: summary.etag)
        guard let body, Self.tag(of: summary) == tag, summary.etag == body.etag,
            summary.size == UInt64(body.bytes)
        else {
            self.history.report(
                Violation(.wrongBytes, "#\(call.number) \(call.what): \(summary) is not \(tag)")
            )
            return
        }
    }
}
