/// Checks whether one order explains what all clients saw of one key, or of two keys between which
/// objects are renamed.
///
/// The search of Wing and Gong with the memory of Lowe: a set of operations already placed,
/// together with the state they lead to, is looked at once. Operations that fit and never change
/// anything are placed at once: they cannot be in the way.
///
/// Operations of unknown outcome may be left out, so most ways to place them need no look:
/// * one is placed only where what comes next needs it (`isPointless`);
/// * of several that do the same, the one that began first goes first;
/// * a place that was looked at with fewer of them is not looked at again.
///
/// Source: Lowe, "Testing for linearizability" (2016).
package struct Linearizability {
    package enum Verdict: Hashable, Sendable {
        case linearizable
        /// The longest explanation found ends here.
        case violation(String)
        /// Too many possibilities were looked at.
        case gaveUp
    }

    private struct Place: Hashable {
        /// Those with an outcome that are placed.
        let placed: [UInt64]
        let state: SIMD2<Int>
        let doubtful: Doubtful?
    }

    /// The operation placed last, if its outcome is unknown: something has to need it.
    private struct Doubtful: Hashable {
        let index: Int
        /// What the keys held before it.
        let before: SIMD2<Int>
    }

    /// An operation placed, what was so before it, and what else could have come there.
    private struct Frame {
        let index: Int
        let before: SIMD2<Int>
        let doubtful: Doubtful?
        let others: ArraySlice<Int>
    }

    /// Sorted by invocation.
    private let operations: [KeyOperation]
    /// The put whose body a tag has.
    private let bodies: [Int: Int]
    private let placesMax: Int
    /// For every place the sets of operations of unknown outcome with which it was looked at.
    private var seen: [Place: [[UInt64]]] = [:]
    /// How many sets there are in `seen`.
    private var looked = 0
    private var placed: [UInt64]
    /// Those with an outcome, as bits like `placed`.
    private let certain: [UInt64]
    /// Operations with an outcome that are not placed yet.
    private var open: Int
    /// What each of the two keys holds.
    private var state = SIMD2(0, 0)
    private var doubtful: Doubtful?
    /// The most operations placed so far, what the key held then, and what could have come next.
    private var best: (order: [Int], state: SIMD2<Int>, next: [Int]) = ([], SIMD2(0, 0), [])

    private init(_ operations: [KeyOperation], _ bodies: [Int: Int], placesMax: Int) {
        self.operations = Self.sorted(operations)
        self.bodies = bodies
        self.placesMax = placesMax
        let words = (operations.count + 63) / 64
        self.placed = Array(repeating: 0, count: words)
        var certain = Array(repeating: UInt64(0), count: words)
        for (index, operation) in self.operations.enumerated() where operation.responded != nil {
            certain[index / 64] |= 1 << UInt64(index % 64)
        }
        self.certain = certain
        self.open = operations.count { $0.responded != nil }
    }

    /// Looks for an order that explains them.
    ///
    /// - Parameters:
    ///   - operations: Those on one key or one pair, in any order.
    ///   - bodies: For every tag the first put that had the same body.
    ///   - placesMax: How many combinations are looked at before it gives up.
    /// - Returns: the verdict; a violation tells where the longest explanation ended.
    package static func check(
        _ operations: [KeyOperation],
        bodies: [Int: Int],
        placesMax: Int = 300_000
    ) -> Verdict {
        var search = Self(Self.relevant(operations), bodies, placesMax: placesMax)
        return search.run()
    }

    /// Leaves out operations without a known outcome that cannot matter: reads, and puts that
    /// nobody saw on a key where no condition was ever answered.
    private static func relevant(_ operations: [KeyOperation]) -> [KeyOperation] {
        var seen: Set<Int> = []
        var isConditional = false
        for operation in operations {
            switch operation.action {
            case .read(let tag): seen.insert(tag)
            case .refused: isConditional = true
            case .write(_, let condition): if condition != .none { isConditional = true }
            case .deleteIf: isConditional = true
            // What is there may be a write of unknown outcome.
            case .present, .presentBody, .remove: isConditional = true
            case .rename(let tag, _):
                if let tag { seen.insert(tag) } else { isConditional = true }
            case .delete, .missing: break
            }
        }
        return operations.filter { operation in
            guard operation.responded == nil else { return true }
            switch operation.action {
            case .write(let tag, _): return isConditional || seen.contains(tag)
            case .delete, .deleteIf, .remove, .rename: return true
            case .read, .present, .presentBody, .refused, .missing: return false
            }
        }
    }

    private static func sorted(_ operations: [KeyOperation]) -> [KeyOperation] {
        operations.sorted {
            ($0.invoked, $0.responded ?? .max, $0.number) < (
                $1.invoked, $1.responded ?? .max, $1.number
            )
        }
    }

    private func isPlaced(_ index: Int) -> Bool { self.placed[index / 64] >> (index % 64) & 1 == 1 }

    private mutating func flip(_ index: Int) {
        self.placed[index / 64] ^= 1 << UInt64(index % 64)
        guard self.operations[index].responded != nil else { return }
        self.open += self.isPlaced(index) ? -1 : 1
    }

    /// The operations that may come next: nothing unplaced had ended before they began.
    private func candidates() -> [Int] {
        var horizon = UInt64.max
        var found: [Int] = []
        for index in self.operations.indices where !self.isPlaced(index) {
            let operation = self.operations[index]
            if operation.invoked > horizon { break }
            found.append(index)
            horizon = min(horizon, operation.responded ?? .max)
        }
        return found.filter { self.operations[$0].invoked <= horizon }
    }

    /// What the keys hold after an operation; nil if it does not fit.
    private func next(after state: SIMD2<Int>, _ operation: KeyOperation) -> SIMD2<Int>? {
        let place = operation.place
        var after = state
        if case .rename(let tag, let condition) = operation.action {
            guard state[place] != 0, state[place] == tag ?? state[place],
                self.next(after: state[1 - place], .write(state[place], if: condition)) != nil
            else { return nil }
            after[1 - place] = state[place]
            after[place] = 0
            return after
        }
        guard let held = self.next(after: state[place], operation.action) else { return nil }
        after[place] = held
        return after
    }

    private func next(after state: Int, _ action: KeyOperation.Action) -> Int? {
        switch action {
        case .rename: return nil
        case .read(let tag): return tag == state ? state : nil
        case .write(let tag, let condition):
            switch condition {
            case .none: return tag
            case .absent: return state == 0 ? tag : nil
            case .body(let put): return self.hasBody(state, of: put) ? tag : nil
            }
        case .delete: return 0
        case .deleteIf(.none): return 0
        case .deleteIf(.absent): return state == 0 ? 0 : nil
        case .deleteIf(.body(let put)): return self.hasBody(state, of: put) ? 0 : nil
        case .present: return state != 0 ? state : nil
        case .presentBody(let put): return self.hasBody(state, of: put) ? state : nil
        case .remove: return state != 0 ? 0 : nil
        case .missing: return state == 0 ? 0 : nil
        case .refused(.none): return nil
        case .refused(.absent): return state != 0 ? state : nil
        case .refused(.body(let put)):
            return state != 0 && !self.hasBody(state, of: put) ? state : nil
        }
    }

    private func hasBody(_ state: Int, of put: Int) -> Bool {
        state != 0 && (self.bodies[state] ?? state) == (self.bodies[put] ?? put)
    }

    private var isDone: Bool { self.open == 0 }

    private mutating func run() -> Verdict {
        var frames: [Frame] = []
        var others = self.choices()[...]
        self.best.next = self.candidates()
        while true {
            if self.isDone { return .linearizable }
            if let index = others.popFirst() {
                guard let after = self.next(after: self.state, self.operations[index]),
                    !self.isPointless(index, after)
                else { continue }
                let frame = Frame(
                    index: index,
                    before: self.state,
                    doubtful: self.doubtful,
                    others: others
                )
                self.place(index, after)
                guard self.isNew else {
                    self.takeBack(frame)
                    continue
                }
                guard self.looked <= self.placesMax else { return .gaveUp }
                frames.append(frame)
                others = self.choices()[...]
                if frames.count > self.best.order.count { self.remember(frames.map(\.index)) }
                continue
            }
            guard let frame = frames.popLast() else { return .violation(self.story) }
            self.takeBack(frame)
            others = frame.others
        }
    }

    private mutating func place(_ index: Int, _ after: SIMD2<Int>) {
        self.flip(index)
        let isCertain = self.operations[index].responded != nil
        self.doubtful = isCertain ? nil : Doubtful(index: index, before: self.state)
        self.state = after
    }

    private mutating func takeBack(_ frame: Frame) {
        self.flip(frame.index)
        self.state = frame.before
        self.doubtful = frame.doubtful
    }

    /// Whether an order in which this operation comes next needs no look, since another that is
    /// looked at explains as much.
    ///
    /// An operation of unknown outcome that changes nothing can be left out. So can one after
    /// which the next leads to the same state as without it. And if the two may change places,
    /// the one with an outcome goes first.
    private func isPointless(_ index: Int, _ after: SIMD2<Int>) -> Bool {
        let operation = self.operations[index]
        if operation.responded == nil, after == self.state { return true }
        guard let doubtful = self.doubtful,
            let without = self.next(after: doubtful.before, operation)
        else { return false }
        if without == after { return true }
        return operation.responded != nil
            && self.next(after: without, self.operations[doubtful.index]) == after
    }

    /// Whether this place was not looked at yet, with these operations of unknown outcome or
    /// fewer; remembers it.
    private var isNew: Bool {
        mutating get {
            let known = zip(self.placed, self.certain).map { $0 & $1 }
            let unknown = zip(self.placed, self.certain).map { $0 & ~$1 }
            let place = Place(placed: known, state: self.state, doubtful: self.doubtful)
            let isKnown = self.seen[place, default: []].contains { fewer in
                zip(fewer, unknown).allSatisfy { $0 & ~$1 == 0 }
            }
            if isKnown { return false }
            self.seen[place, default: []].append(unknown)
            self.looked += 1
            return true
        }
    }

    /// The candidates, the most promising first; a single one if it fits and changes nothing.
    private func choices() -> [Int] {
        let candidates = self.candidates()
        let harmless = candidates.first { index in
            self.operations[index].responded != nil && !self.operations[index].action.mayChange
                && self.next(after: self.state, self.operations[index]) != nil
        }
        if let harmless { return [harmless] }
        return candidates.filter { self.operations[$0].responded != nil } + self.unknown(candidates)
    }

    /// Those of unknown outcome among some; of several that do the same, the one that began first.
    private func unknown(_ candidates: [Int]) -> [Int] {
        var found: [Int] = []
        for index in candidates where self.operations[index].responded == nil {
            let operation = self.operations[index]
            let isThere = found.contains { other in
                self.operations[other].action == operation.action
                    && self.operations[other].place == operation.place
            }
            if !isThere { found.append(index) }
        }
        return found
    }

    private mutating func remember(_ order: [Int]) {
        self.best = (order, self.state, self.candidates())
    }

    /// Where the longest explanation ends.
    private var story: String {
        let last = self.best.order.suffix(6).map { self.text(self.operations[$0]) }
        let next = self.best.next.prefix(8).map { self.text(self.operations[$0]) }
        return
            "after \(last.joined(separator: ", ")) the key holds \(self.held); "
            + "next could be " + next.joined(separator: ", ")
    }

    private var held: String {
        let isPair = self.operations.contains { $0.place != 0 }
        let state = self.best.state
        return isPair ? "\(state[0]) and the other \(state[1])" : "\(state[0])"
    }

    private func text(_ operation: KeyOperation) -> String {
        let end = operation.responded.map { "\($0 / 1_000)" } ?? "?"
        let place = operation.place == 0 ? "" : " the other"
        let times = "[\(operation.invoked / 1_000)-\(end) us]"
        return "#\(operation.number)\(place) \(operation.action) \(times)"
    }
}
