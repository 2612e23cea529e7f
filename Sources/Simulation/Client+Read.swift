import Coordinator
import NIOCore
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
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            let object = try await coordinator.open(name)
            let opened = self.cluster.simulator.nanoseconds
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
        case .success(let found)?: return self.check(found, key, call)
        case .failure(let error)?
        where error.code == .objectNotFound || error.code == .bucketNotFound:
            self.note(call, key, .read(0), \.refused)
            return true
        case .failure?: self.history.end(number, \.failed)
        case nil: self.history.end(number, \.unknown)
        }
        return false
    }

    private func check(_ found: Found, _ key: Int, _ call: Call) -> Bool {
        guard let tag = Self.tag(of: found.summary), let body = self.history.body(of: tag) else {
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
        let whole = self.oracle.body(of: body.put, bytes: body.bytes)
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
        let isGone = found.failure?.code == .objectNotFound
        self.history.end(
            call.number,
            found.failure == nil ? \.succeeded : isGone ? \.refused : \.failed
        )
        return found.failure == nil || isGone
    }

    /// Compares what is said of a version with what was stored.
    func check(_ summary: ObjectSummary, tag: Int, _ call: Call) {
        let body = self.history.body(of: tag)
        guard let body, Self.tag(of: summary) == tag, summary.etag == body.etag,
            summary.size == UInt64(body.bytes)
        else {
            self.history.report(
                Violation(.wrongBytes, "#\(call.number) \(call.what): \(summary) is not \(tag)")
            )
            return
        }
    }

    func list(at member: Member) async {
        let number = self.history.begin("list at \(member.name)")
        let limit = self.cluster.simulator.draw { $0.pick([1, 2, 1_000]) }
        let call = Call(
            number,
            "list, \(limit) a page",
            member,
            self.cluster.simulator.nanoseconds
        )
        var after: [UInt8]?
        var isFirst = true
        while isFirst || after != nil {
            isFirst = false
            // Each page is an answer of its own.
            let page = Call(number, call.what, member, self.cluster.simulator.nanoseconds)
            let request = ListRequest(bucket: self.cluster.bucket, after: after, limit: limit)
            let result = await self.ask(page) { coordinator throws(ClusterError) in
                try await coordinator.list(request)
            }
            switch result {
            case .success(let found)?:
                self.check(found, after: after, page)
                if let next = found.next, let last = after, !last.lexicographicallyPrecedes(next) {
                    self.history.report(
                        Violation(.noProgress, "#\(number) the next page starts at the same place")
                    )
                    self.history.end(number, \.failed)
                    return
                }
                after = found.next
            case .failure(let error)? where error.code == .bucketNotFound:
                for key in 0..<self.workload.keys { self.add(page, key, .read(0)) }
                self.history.end(number, \.refused)
                return
            case .failure?:
                self.history.end(number, \.failed)
                return
            case nil:
                self.history.end(number, \.unknown)
                return
            }
        }
        self.history.end(number, \.succeeded)
    }

    /// Each key that the page covers was read: there, or not there.
    private func check(_ page: ListPage, after: [UInt8]?, _ call: Call) {
        for key in 0..<self.workload.keys {
            let name = self.cluster.name(key).key.bytes
            if let after, !after.lexicographicallyPrecedes(name) { continue }
            if let next = page.next, next.lexicographicallyPrecedes(name) { continue }
            let entry = page.entries.first { entry in
                if case .object(let found, _) = entry { return found.bytes == name }
                return false
            }
            guard case .object(_, let summary)? = entry else {
                self.add(call, key, .read(0))
                continue
            }
            guard let tag = Self.tag(of: summary) else {
                self.history.report(Violation(.wrongBytes, "#\(call.number) lists a stranger"))
                continue
            }
            self.check(summary, tag: tag, call)
            self.add(call, key, .read(tag))
        }
    }
}
