import Foundation

/// A line of a scenario that makes no sense.
struct ScenarioError: Error, Hashable, CustomStringConvertible {
    var line: Int
    var text: String
    var reason: String

    var description: String { "line \(self.line), \"\(self.text)\": \(self.reason)" }
}

extension Scenario {
    init(parsing text: String) throws(ScenarioError) {
        self.init()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("#"), self.title.isEmpty {
                self.title = line.drop { $0 == "#" || $0 == " " }.description
            }
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            do throws(Words.Refusal) {
                var words = Words(line)
                try self.take(&words, line)
                try words.end()
            } catch {
                throw ScenarioError(line: index + 1, text: line, reason: error.reason)
            }
        }
        self.events.sort { $0.at < $1.at }
    }

    /// What only proxies can do cannot be done to packets.
    private func check(_ action: Action) throws(Words.Refusal) {
        guard self.hasNetworks, case .link(_, let fault) = action else { return }
        switch fault {
        case .cut, .lose: return
        default: throw .init("with networks of their own, links are cut or lose packets")
        }
    }

    private mutating func take(_ words: inout Words, _ text: String) throws(Words.Refusal) {
        switch try words.next() {
        case "nodes": self.nodes = try words.number(in: 1...9)
        case "clients":
            self.clients = try words.number(in: 1...1_000)
            if words.skip("pausing") { self.pause = try words.duration() }
        case "keys": self.keys = try words.number(in: 1...200)
        case "lasts": self.lasts = try words.duration()
        case "patience": self.patience = try words.duration()
        case "tries": self.tries = try words.number(in: 1...100)
        case "network":
            try words.expect("own")
            guard self.events.isEmpty else { throw .init("this comes before what happens") }
            self.hasNetworks = true
        case "set": self.settings[try words.next()] = try words.next()
        case "expect": self.expectations.append(try self.expectation(&words))
        case "disk":
            let nodes = try words.nodes(of: self.nodes)
            let isImage = words.skip("image")
            let bytes = try words.bytes()
            for node in nodes {
                self.disks[node] = isImage ? .image(bytes: bytes) : .small(bytes: bytes)
            }
        case "at":
            let at = try words.duration()
            let action = try self.action(&words)
            try self.check(action)
            let until = words.skip("for") ? at + (try words.duration()) : nil
            self.events.append(Event(at: at, action: action, text: text, until: until))
        case "from":
            let at = try words.duration()
            try words.expect("to")
            let until = try words.duration()
            let action = try self.action(&words)
            try self.check(action)
            self.events.append(Event(at: at, action: action, text: text, until: until))
        case let word: throw Words.Refusal("no line begins with \"\(word)\"")
        }
    }

    private func expectation(_ words: inout Words) throws(Words.Refusal) -> Expectation {
        switch try words.next() {
        case "SlowDown": return .slowDown
        case "only":
            try words.expect("SlowDown")
            return .onlySlowDown
        case "success": return .success
        case "memory":
            try words.expect("below")
            return .memory(bytes: try words.bytes())
        case "answers":
            try words.expect("within")
            return .answersWithin(try words.duration())
        case let word: throw .init("nobody expects \"\(word)\"")
        }
    }

    private func action(_ words: inout Words) throws(Words.Refusal) -> Action {
        let verb = try words.next()
        switch verb {
        case "kill": return .kill(try words.nodes(of: self.nodes))
        case "start": return .start(try words.nodes(of: self.nodes))
        case "stop": return .stop(try words.nodes(of: self.nodes))
        case "pause": return .pause(try words.nodes(of: self.nodes))
        case "empty": return .empty(try words.nodes(of: self.nodes))
        case "replace": return .replace(try words.node(of: self.nodes))
        case "fill": return .fill(try words.nodes(of: self.nodes))
        case "cut-power": return .cutPower(try words.nodes(of: self.nodes))
        case "write-back": return .writeBack(try words.nodes(of: self.nodes))
        case "skew":
            let nodes = try words.nodes(of: self.nodes)
            try words.expect("by")
            return .skew(nodes, seconds: try words.signedSeconds())
        case "slow-disk":
            let nodes = try words.nodes(of: self.nodes)
            try words.expect("to")
            return .slowDisk(nodes, bytesPerSecond: try words.rate())
        case "flip" where words.isNumberNext:
            let bits = try words.number(in: 1...100_000)
            guard words.skip("bits") || words.skip("bit") else { throw .init("bits?") }
            try words.expect("in")
            guard let files = Files(rawValue: try words.next()) else {
                throw .init("bits turn in volumes or rows")
            }
            try words.expect("of")
            return .flip(bits: bits, files, try words.nodes(of: self.nodes))
        default: return try self.linkAction(verb, &words)
        }
    }

    private func linkAction(
        _ verb: String,
        _ words: inout Words
    ) throws(Words.Refusal) -> Action {
        let links = try words.links(of: self.nodes)
        switch verb {
        case "cut": return .link(links, .cut)
        case "delay":
            try words.expect("by")
            return .link(links, .delay(try words.duration()))
        case "throttle":
            try words.expect("to")
            return .link(links, .throttle(bytesPerSecond: try words.rate()))
        case "lose":
            let percent = try words.number(in: 1...100)
            try words.expect("%")
            return .link(links, .lose(percent: percent))
        case "break":
            try words.expect("after")
            return .link(links, .breakAfter(bytes: try words.bytes()))
        case "half-close":
            try words.expect("after")
            return .link(links, .halfClose(bytes: try words.bytes()))
        case "flip":
            try words.expect("every")
            return .link(links, .flip(everyBytes: try words.bytes()))
        case "duplicate": return .link(links, .duplicate)
        default: throw .init("nothing is called \"\(verb)\"")
        }
    }
}

/// The words of a line, taken from the left.
struct Words {
    struct Refusal: Error, Hashable {
        var reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private var left: ArraySlice<Substring>

    init(_ line: String) { self.left = line.split(separator: " ")[...] }

    var isNumberNext: Bool { self.left.first.flatMap { Int($0) } != nil }

    mutating func next() throws(Refusal) -> String {
        guard let word = self.left.popFirst() else {
            throw .init("something is missing at the end")
        }
        return String(word)
    }

    mutating func skip(_ word: String) -> Bool {
        guard self.left.first.map({ $0 == word }) == true else { return false }
        self.left.removeFirst()
        return true
    }

    mutating func expect(_ word: String) throws(Refusal) {
        let found = try self.next()
        guard found == word else { throw .init("\"\(word)\" instead of \"\(found)\"?") }
    }

    func end() throws(Refusal) {
        guard self.left.isEmpty else {
            throw .init("too much: \(self.left.joined(separator: " "))")
        }
    }

    mutating func number(in range: ClosedRange<Int>) throws(Refusal) -> Int {
        let word = try self.next()
        guard let number = Int(word), range.contains(number) else {
            throw .init("\(word) is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// "1.5 s", "200 ms".
    mutating func duration() throws(Refusal) -> Duration {
        let word = try self.next()
        guard let number = Double(word), (0...100_000).contains(number) else {
            throw .init("\(word) is no time")
        }
        switch try self.next() {
        case "s": return .milliseconds(Int(number * 1_000))
        case "ms": return .milliseconds(Int(number))
        case let unit: throw .init("times are in s or ms, not in \(unit)")
        }
    }

    /// "-600 s".
    mutating func signedSeconds() throws(Refusal) -> Int {
        let seconds = try self.number(in: -1_000_000...1_000_000)
        try self.expect("s")
        return seconds
    }

    /// "200 MiB".
    mutating func bytes() throws(Refusal) -> Int {
        let number = try self.number(in: 1...1_000_000)
        return number * (try self.unit(self.next()))
    }

    /// "100 KiB/s".
    mutating func rate() throws(Refusal) -> Int {
        let number = try self.number(in: 1...1_000_000)
        let word = try self.next()
        guard word.hasSuffix("/s") else { throw .init("a rate ends with /s") }
        return number * (try self.unit(String(word.dropLast(2))))
    }

    private func unit(_ word: String) throws(Refusal) -> Int {
        switch word {
        case "B": 1
        case "KiB": 1 << 10
        case "MiB": 1 << 20
        default: throw .init("sizes are in B, KiB or MiB, not in \(word)")
        }
    }

    mutating func node(of count: Int) throws(Refusal) -> Int {
        let nodes = try self.nodes(of: count)
        guard nodes.count == 1, let node = nodes.first else { throw .init("one node, not several") }
        return node
    }

    /// "n1", "n1,n3" or "all".
    mutating func nodes(of count: Int) throws(Refusal) -> [Int] {
        let word = try self.next()
        if word == "all" { return Array(1...count) }
        var nodes: [Int] = []
        for name in word.split(separator: ",") {
            guard name.hasPrefix("n"), let node = Int(name.dropFirst()), (1...count).contains(node)
            else { throw .init("\(name) is no node; they are n1 to n\(count)") }
            nodes.append(node)
        }
        return nodes
    }

    /// "n1 -> n2", or "n1 <-> n2,n3" for both ways.
    mutating func links(of count: Int) throws(Refusal) -> [Link] {
        let from = try self.nodes(of: count)
        let arrow = try self.next()
        guard arrow == "->" || arrow == "<->" else { throw .init("-> or <-> instead of \(arrow)?") }
        let to = try self.nodes(of: count)
        var links: [Link] = []
        for first in from {
            for second in to where first != second {
                links.append(Link(from: first, to: second))
                if arrow == "<->" { links.append(Link(from: second, to: first)) }
            }
        }
        return links
    }
}
