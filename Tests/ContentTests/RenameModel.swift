/// What a register of the model holds: a version, and what a rename has left beside it.
struct RenameCell: Hashable {
    /// 0 for none; ids never come back.
    var id: UInt8 = 0
    /// What clients see of the version; 0: nothing.
    var tag: UInt8 = 0
    var fence: UInt8 = 0
    /// The rename that has taken a version away from here; 0: none.
    var moved: UInt8 = 0
    /// The rename that is to bring a version; 0: none.
    var incoming: UInt8 = 0
    var incomingTag: UInt8 = 0
    /// The version at the rename's source, and the fence that was found there.
    var incomingOf: UInt8 = 0
    var incomingFence: UInt8 = 0
}

/// The rules of renames as plain steps on two cells, one register change or read each, and a search
/// through all interleavings of a few operations.
///
/// Every state is compared with the two keys as clients may know them: with each operation begun,
/// and not ended, before or after any other. Source: docs/protocol/renaming.md.
struct RenameModel {
    /// A rule that is broken.
    enum Broken: CaseIterable {
        /// Whoever decides against a rename leaves the fence at the source as it is.
        case noFence
        /// A reader that sees no move at the source believes what it read at the target.
        case readsOnce
        /// A writer of the source drops the mark before the target has the version.
        case dropsMoved
        /// The commit looks for the version by its id, and not for what was read of it.
        case idOnly
        /// The mark at the source goes before the target has the version.
        case clearsEarly
        /// A writer of the target leaves what is incoming where it is.
        case writesBeside
    }

    enum Operation: Hashable {
        /// By this number, from 1, from one cell to the other.
        case rename(UInt8, from: Int)
        /// A rename that may stop for good after each of its steps.
        case crashing(UInt8, from: Int)
        /// Writes a tag; 0 deletes.
        case write(UInt8, to: Int)
        /// Gives the version another tag, if there is one.
        case edit(UInt8, at: Int)
        case read(Int)
        /// Ends what it finds in one cell, then in the other; clients see nothing of it.
        case finish
    }

    let operations: [Operation]
    /// Operations that begin when another one, by its place, has ended.
    var after: [Int: Int] = [:]
    var broken: Broken?

    struct Process: Hashable {
        var step: UInt8 = 0
        /// What is done to a cell before the step is taken again: 0 nothing.
        var errand: UInt8 = 0
        var errandCell: UInt8 = 0
        var errandMove: UInt8 = 0
        var isCommitted = false
        /// What was read.
        var id: UInt8 = 0
        var tag: UInt8 = 0
        var fence: UInt8 = 0
        var move: UInt8 = 0
        var tries: UInt8 = 0

        var hasEnded: Bool { self.step == 255 }
    }

    /// The keys and operations as clients may know them, in one number: four bits for each key, one
    /// byte for each operation: 0 before it takes effect, then its result and 1; 255 once it has
    /// ended.
    typealias View = UInt64

    struct State: Hashable {
        var cells: [RenameCell]
        var processes: [Process]
        var begun: UInt8 = 0
        /// Sorted.
        var views: [View]
    }

    private static let triesMax: UInt8 = 3

    // MARK: - The search

    /// - Returns: the states looked at, and the first that no order of the operations explains.
    func search(statesMax: Int = 400_000) -> (states: Int, violation: String?) {
        let first = RenameCell(id: 1, tag: 1)
        let second = RenameCell(id: 2, tag: 2)
        let start = State(
            cells: [first, second],
            processes: self.operations.map { _ in Process() },
            views: [1 | 2 << 4]
        )
        var seen: Set<State> = [start]
        var waiting = [start]
        while let state = waiting.popLast() {
            for place in self.operations.indices {
                for next in self.steps(of: place, in: state) {
                    if let violation = self.violation(in: next) {
                        return (seen.count, "\(violation) after \(self.operations[place])")
                    }
                    guard seen.insert(next).inserted else { continue }
                    if seen.count > statesMax { return (seen.count, "too many states") }
                    waiting.append(next)
                }
            }
        }
        return (seen.count, nil)
    }

    private func violation(in state: State) -> String? {
        if state.views.isEmpty { return "no order explains a result" }
        let seen = self.logical(state, 0) | self.logical(state, 1) << 4
        guard state.views.contains(where: { $0 & 0xff == View(seen) }) else {
            return "no order explains the keys \(state.cells)"
        }
        return nil
    }

    /// What a reader of a cell would find if nobody else did anything.
    private func logical(_ state: State, _ cell: Int) -> UInt8 {
        let found = state.cells[cell]
        guard found.incoming != 0, state.cells[1 - cell].moved == found.incoming else {
            return found.tag
        }
        return found.incomingTag
    }

    private func steps(of place: Int, in state: State) -> [State] {
        if state.processes[place].hasEnded { return [] }
        if let other = self.after[place], !state.processes[other].hasEnded { return [] }
        var next = state
        if state.begun >> UInt8(place) & 1 == 0 {
            next.begun |= 1 << UInt8(place)
            self.widen(&next)
        }
        var run = Run(model: self, place: place, state: next)
        run.step()
        var found = [run.state]
        if case .crashing = self.operations[place], state.begun >> UInt8(place) & 1 == 1 {
            // Nobody learns what became of it: it may take effect at any later time, or never.
            var crashed = state
            crashed.processes[place] = Process()
            crashed.processes[place].step = 255
            found.append(crashed)
        }
        return found
    }

    // MARK: - Views

    private static func shift(_ place: Int) -> View { View(8 + 8 * place) }

    /// Has every operation that has begun take effect, in all orders.
    private func widen(_ state: inout State) {
        var views = Set(state.views)
        var waiting = state.views
        while let view = waiting.popLast() {
            for place in self.operations.indices where state.begun >> UInt8(place) & 1 == 1 {
                guard view >> Self.shift(place) & 0xff == 0,
                    let next = self.take(self.operations[place], in: view)
                else { continue }
                let placed = next.view | View(next.result + 1) << Self.shift(place)
                if views.insert(placed).inserted { waiting.append(placed) }
            }
        }
        state.views = views.sorted()
    }

    /// What an operation does to two keys at once; nil for one that clients see nothing of.
    private func take(_ operation: Operation, in view: View) -> (view: View, result: UInt8)? {
        func get(_ cell: Int) -> UInt8 { UInt8(view >> View(4 * cell) & 0xf) }
        func set(_ view: View, _ cell: Int, _ tag: UInt8) -> View {
            view & ~(0xf << View(4 * cell)) | View(tag) << View(4 * cell)
        }
        switch operation {
        case .rename(_, let source), .crashing(_, let source):
            let tag = get(source)
            if tag == 0 { return (view, 0) }
            return (set(set(view, source, 0), 1 - source, tag), tag)
        case .write(let tag, let cell): return (set(view, cell, tag), 0)
        case .edit(let tag, let cell):
            return get(cell) == 0 ? (view, 0) : (set(view, cell, tag), 1)
        case .read(let cell): return (view, get(cell))
        case .finish: return nil
        }
    }

    /// Keeps what explains that an operation has ended with a result; nil: that it had no effect.
    fileprivate func narrow(_ state: inout State, _ place: Int, to result: UInt8?) {
        if self.operations[place] == .finish { return }
        let wanted = result.map { View($0 + 1) } ?? 0
        let shift = Self.shift(place)
        let kept = state.views.filter { $0 >> shift & 0xff == wanted }
        state.views = Set(kept.map { $0 | 0xff << shift }).sorted()
    }
}

/// One step of one operation.
private struct Run {
    let model: RenameModel
    let place: Int
    var state: RenameModel.State

    private static let triesMax: UInt8 = 3

    private var process: RenameModel.Process {
        get { self.state.processes[self.place] }
        set { self.state.processes[self.place] = newValue }
    }

    mutating func step() {
        if self.process.errand != 0 { return self.runErrand() }
        switch self.model.operations[self.place] {
        case .rename(let move, let source), .crashing(let move, let source):
            self.rename(move, from: source)
        case .write(let tag, let cell): self.write(tag, to: cell)
        case .edit(let tag, let cell): self.edit(tag, at: cell)
        case .read(let cell): self.read(cell)
        case .finish: self.finish()
        }
    }

    private mutating func end(_ result: UInt8?) {
        self.process = RenameModel.Process()
        self.process.step = 255
        self.model.narrow(&self.state, self.place, to: result)
    }

    // MARK: - Errands

    /// Whether a cell has to be seen to before it is changed: then that is begun.
    private mutating func seeTo(_ cell: Int, sparing: Bool = false) -> Bool {
        let found = self.state.cells[cell]
        let skipsMoved = sparing && self.model.broken == .dropsMoved
        let skipsIncoming = sparing && self.model.broken == .writesBeside
        if found.incoming != 0, !skipsIncoming {
            self.begin(1, cell, found.incoming)
            return true
        }
        if found.moved != 0, !skipsMoved {
            self.begin(self.model.broken == .clearsEarly ? 5 : 3, cell, found.moved)
            return true
        }
        return false
    }

    private mutating func begin(_ errand: UInt8, _ cell: Int, _ move: UInt8) {
        self.process.errand = errand
        self.process.errandCell = UInt8(cell)
        self.process.errandMove = move
        let found = self.state.cells[cell]
        if errand == 1 {
            self.process.id = found.incomingOf
            self.process.fence = found.incomingFence
        }
    }

    private mutating func runErrand() {
        let (cell, move) = (Int(self.process.errandCell), self.process.errandMove)
        switch self.process.errand {
        case 1:
            self.process.isCommitted = self.decide(move, at: 1 - cell)
            self.process.errand = 2
            return
        case 2: self.take(move, at: cell, self.process.isCommitted)
        case 3:
            self.take(move, at: 1 - cell, true)
            self.process.errand = 4
            return
        case 4, 5: if self.state.cells[cell].moved == move { self.state.cells[cell].moved = 0 }
        default: break
        }
        self.process.errand = 0
        self.process.isCommitted = false
        self.process.id = 0
        self.process.fence = 0
    }

    /// Decides at the source, for good.
    private mutating func decide(_ move: UInt8, at source: Int) -> Bool {
        let found = self.state.cells[source]
        if found.moved == move { return true }
        if found.id == self.process.id, found.fence == self.process.fence,
            self.model.broken != .noFence
        {
            self.state.cells[source].fence += 1
        }
        return false
    }

    private mutating func take(_ move: UInt8, at target: Int, _ isCommitted: Bool) {
        var found = self.state.cells[target]
        guard found.incoming == move else { return }
        if isCommitted {
            found.id = 10 + move
            found.tag = found.incomingTag
        }
        found.incoming = 0
        found.incomingTag = 0
        found.incomingOf = 0
        found.incomingFence = 0
        self.state.cells[target] = found
    }

    // MARK: - Operations

    private mutating func rename(_ move: UInt8, from source: Int) {
        let target = 1 - source
        switch self.process.step {
        case 0:
            if self.seeTo(source) { return }
            let found = self.state.cells[source]
            if found.tag == 0 { return self.end(0) }
            self.process.tag = found.tag
            self.process.move = found.id
            self.process.tries = found.fence
            self.process.step = 1
        case 1:
            if self.seeTo(target) { return }
            self.state.cells[target].incoming = move
            self.state.cells[target].incomingTag = self.process.tag
            self.state.cells[target].incomingOf = self.process.move
            self.state.cells[target].incomingFence = self.process.tries
            self.process.step = 2
        case 2:
            if self.state.cells[source].incoming != 0, self.seeTo(source) { return }
            let found = self.state.cells[source]
            let isSame = self.model.broken == .idOnly || found.tag == self.process.tag
            guard found.id == self.process.move, found.fence == self.process.tries, isSame else {
                self.process.step = 5
                self.begin(1, target, move)
                self.process.id = self.process.move
                self.process.fence = self.process.tries
                return
            }
            self.state.cells[source].id = 0
            self.state.cells[source].tag = 0
            self.state.cells[source].moved = move
            self.process.step = self.model.broken == .clearsEarly ? 4 : 3
        case 3:
            self.take(move, at: target, true)
            self.process.step = 4
        case 4:
            if self.state.cells[source].moved == move { self.state.cells[source].moved = 0 }
            if self.model.broken == .clearsEarly {
                self.process.step = 6
            } else {
                self.end(self.process.tag)
            }
        case 6:
            self.take(move, at: target, true)
            self.end(self.process.tag)
        default: self.end(nil)
        }
    }

    private mutating func write(_ tag: UInt8, to cell: Int) {
        if self.seeTo(cell, sparing: true) { return }
        self.state.cells[cell].moved = 0
        self.state.cells[cell].id = tag == 0 ? 0 : 20 + tag
        self.state.cells[cell].tag = tag
        self.end(0)
    }

    private mutating func edit(_ tag: UInt8, at cell: Int) {
        if self.seeTo(cell, sparing: true) { return }
        if self.state.cells[cell].tag == 0 { return self.end(0) }
        self.state.cells[cell].tag = tag
        self.end(1)
    }

    private mutating func read(_ cell: Int) {
        let found = self.state.cells[self.process.step == 1 ? 1 - cell : cell]
        switch self.process.step {
        case 1:
            if found.moved == self.process.move { return self.end(self.process.fence) }
            if self.model.broken == .readsOnce { return self.end(self.process.tag) }
            self.process.step = 2
        default:
            if found.incoming == 0 { return self.end(found.tag) }
            if self.process.step == 2, found.incoming == self.process.move {
                return self.end(found.tag)
            }
            self.process.tries += 1
            if self.process.tries == Self.triesMax { return self.end(nil) }
            self.process.move = found.incoming
            self.process.tag = found.tag
            self.process.fence = found.incomingTag
            self.process.step = 1
        }
    }

    private mutating func finish() {
        let cell = Int(self.process.step)
        if self.seeTo(cell) { return }
        self.process.step += 1
        if self.process.step == 2 { self.end(nil) }
    }
}
