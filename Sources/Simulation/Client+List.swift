import Coordinator
import PeerProtocol
import SimulatedRuntime
import StoreModel

extension Client {
    /// What a listing asks for, page by page.
    private struct Listing: Sendable {
        let number: Int
        let member: Member
        let prefix: [UInt8]
        let delimiter: [UInt8]?
        let limit: Int

        var text: String {
            let prefix = String(decoding: self.prefix, as: UTF8.self)
            let groups = self.delimiter == nil ? "" : ", by groups"
            return "list \"\(prefix)\"\(groups), \(self.limit) a page"
        }
    }

    /// Lists everything, in one page mostly.
    func list(at member: Member) async {
        let number = self.history.begin("list at \(member.name)")
        let limit = self.draw { $0.pick([1, 2, 3, 5, 1_000, 1_000]) }
        let prefix = self.draw { $0.pick(["", "", "", "g", "g0/", "k"]) }
        let hasGroups = self.draw { $0.chance(permille: 400) }
        let listing = Listing(
            number: number,
            member: member,
            prefix: Array(prefix.utf8),
            delimiter: hasGroups ? Array("/".utf8) : nil,
            limit: limit
        )
        var after: [UInt8]?
        if !hasGroups, self.draw({ $0.chance(permille: 200) }) {
            let key = self.draw { $0.number(in: 0...(self.workload.keys - 1)) }
            after = self.cluster.name(key).key.bytes
        }
        await self.list(listing, after: after)
    }

    /// Lists all keys one by one, in one page.
    func listAll(at member: Member) async {
        let number = self.history.begin("list all at \(member.name)")
        let listing = Listing(
            number: number,
            member: member,
            prefix: [],
            delimiter: nil,
            limit: 1_000
        )
        await self.list(listing, after: nil)
    }

    /// Takes one page after another, each of which is an answer of its own.
    private func list(_ listing: Listing, after first: [UInt8]?) async {
        let number = listing.number
        var after = first
        // Each page goes further, so there are at most as many as keys, and the last.
        for _ in 0...(self.workload.allKeys + 1) {
            let page = Call(number, listing.text, listing.member, self.simulator.nanoseconds)
            let request = ListRequest(
                bucket: self.cluster.bucket,
                prefix: listing.prefix,
                delimiter: listing.delimiter,
                after: after,
                limit: listing.limit
            )
            let result = await self.ask(page) { coordinator throws(ClusterError) in
                try await coordinator.list(request)
            }
            switch result {
            case .success(let found)?:
                self.check(found, request, page)
                self.sawBucket(page)
                guard let next = found.next else {
                    return self.history.end(number, \.succeeded)
                }
                if let last = after, !last.lexicographicallyPrecedes(next) {
                    self.history.report(
                        Violation(.noProgress, "#\(number) the next page starts at the same place")
                    )
                    return self.history.end(number, \.failed)
                }
                after = next
            case .failure(let error)? where error.code == .bucketNotFound:
                for key in 0..<self.workload.allKeys { self.add(page, key, .read(0)) }
                self.missedBucket(page)
                return self.history.end(number, \.refused)
            case .failure?: return self.history.end(number, \.failed)
            case nil: return self.history.end(number, \.unknown)
            }
        }
        self.history.report(Violation(.wrongPage, "#\(number) has more pages than keys"))
        self.history.end(number, \.failed)
    }

    /// Each key that the page covers was read: there, or not there; a prefix says that one of its
    /// keys was there.
    private func check(_ page: ListPage, _ request: ListRequest, _ call: Call) {
        self.checkShape(page, request, call)
        var groups: [[UInt8]: [Int]] = [:]
        for key in 0..<self.workload.allKeys {
            let name = self.cluster.name(key).key.bytes
            guard name.starts(with: request.prefix) else { continue }
            let group = request.delimiter.flatMap {
                CommonPrefix.of(name, prefix: request.prefix, delimiter: $0)
            }
            let place = group ?? name
            if let after = request.after, !after.lexicographicallyPrecedes(place) { continue }
            if let next = page.next, next.lexicographicallyPrecedes(place) { continue }
            if let group, page.entries.contains(where: { $0.name == group }) {
                groups[group, default: []].append(key)
                continue
            }
            let entry = page.entries.first { $0.name == name }
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
        for (_, keys) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            self.sawOne(of: keys, call)
        }
    }

    /// Entries are in order, within the request's bounds, and of keys that clients write.
    private func checkShape(_ page: ListPage, _ request: ListRequest, _ call: Call) {
        func report(_ story: String) {
            self.history.report(Violation(.wrongPage, "#\(call.number) \(call.what): \(story)"))
        }
        if page.entries.count > request.limit { report("\(page.entries.count) entries") }
        var last = request.after
        let names = (0..<self.workload.allKeys).map { self.cluster.name($0).key.bytes }
        for entry in page.entries {
            let name = entry.name
            if let last, !last.lexicographicallyPrecedes(name) { report("not in order") }
            last = name
            guard name.starts(with: request.prefix) else {
                report("an entry without the prefix")
                continue
            }
            switch entry {
            case .object:
                if !names.contains(name) { report("a key that nobody writes") }
            case .commonPrefix:
                if !names.contains(where: { $0.starts(with: name) }) {
                    report("a prefix that no key has")
                }
            }
        }
    }
}

extension ListPage.Entry {
    /// The key, or the common prefix.
    fileprivate var name: [UInt8] {
        switch self {
        case .object(let key, _): key.bytes
        case .commonPrefix(let prefix): prefix
        }
    }
}
