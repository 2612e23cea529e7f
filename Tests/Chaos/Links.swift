import Synchronization

/// What is wrong with the links between nodes at the moment, and what came of it.
final class Links: Sendable {
    struct State: Hashable, Sendable {
        var isCut = false
        var delay = Duration.zero
        var bytesPerSecond: Int?
        var lossPercent = 0
        var breakAfter: Int?
        var halfCloseAfter: Int?
        var flipEvery: Int?
        var isDuplicated = false
    }

    struct Counts: Hashable, Sendable {
        var connections = 0
        var bytes = 0
        var broken = 0
        var halfClosed = 0
        var bitsFlipped = 0
        var late = 0
        var duplicates = 0
        /// Packets.
        var dropped = 0
    }

    private let states = Mutex<[Link: State]>([:])
    private let sums = Mutex(Counts())

    func state(of link: Link?) -> State {
        guard let link else { return State() }
        return self.states.withLock { $0[link] ?? State() }
    }

    var counts: Counts { self.sums.withLock { $0 } }

    func count(_ what: WritableKeyPath<Counts, Int>, _ more: Int = 1) {
        self.sums.withLock { $0[keyPath: what] += more }
    }

    func set(_ fault: LinkFault, on links: [Link]) {
        self.change(links) { state in
            switch fault {
            case .cut: state.isCut = true
            case .delay(let delay): state.delay = delay
            case .throttle(let rate): state.bytesPerSecond = rate
            case .lose(let percent): state.lossPercent = percent
            case .breakAfter(let bytes): state.breakAfter = bytes
            case .halfClose(let bytes): state.halfCloseAfter = bytes
            case .flip(let bytes): state.flipEvery = bytes
            case .duplicate: state.isDuplicated = true
            }
        }
    }

    func clear(_ fault: LinkFault, on links: [Link]) {
        self.change(links) { state in
            switch fault {
            case .cut: state.isCut = false
            case .delay: state.delay = .zero
            case .throttle: state.bytesPerSecond = nil
            case .lose: state.lossPercent = 0
            case .breakAfter: state.breakAfter = nil
            case .halfClose: state.halfCloseAfter = nil
            case .flip: state.flipEvery = nil
            case .duplicate: state.isDuplicated = false
            }
        }
    }

    private func change(_ links: [Link], _ body: (inout State) -> Void) {
        self.states.withLock { states in
            for link in links { body(&states[link, default: State()]) }
        }
    }
}
