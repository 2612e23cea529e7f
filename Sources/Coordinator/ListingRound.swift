import PeerProtocol
import Placement
import StoreModel

/// What the nodes said in one round of a listing, put in order.
struct ListingRound {
    /// A row as one node has it: which answer, and which row of it.
    struct Place {
        let answer: Int
        let row: Int
    }

    private struct Answer {
        let node: NodeID
        let rows: [ScannedRow]
    }

    /// The layout by which all of them answered.
    let layout: Layout
    /// Everything up to here has been reported by all who answered; nil if to the end.
    let horizon: [UInt8]?
    private let answers: [Answer]
    /// In the order of keys, those of one key in the order of what was accepted.
    private let places: [Place]
    /// For each key the range of its rows in ``places``.
    let keys: [Range<Int>]
    /// Whether those who answered are a majority of each set of replicas.
    private let isMajority: Bool

    /// Puts the rows of all answers in order, up to the first horizon among them.
    ///
    /// - Parameters:
    ///   - pages: The answers.
    ///   - layout: By which all of them were given.
    ///   - isMajority: Whether those who answered are a majority of each set of replicas.
    ///   - name: What of a key pages are continued by.
    init(
        _ pages: [(node: NodeID, page: ScanPage)],
        by layout: Layout,
        isMajority: Bool,
        name: (RegisterKey) -> [UInt8]
    ) {
        let horizon = pages.compactMap(\.page.next).min { $0.lexicographicallyPrecedes($1) }
        let answers = pages.map { Answer(node: $0.node, rows: $0.page.rows) }
        self.layout = layout
        self.horizon = horizon
        self.answers = answers
        var lists = answers.indices.map { Self.places(of: $0, in: answers, to: horizon, name) }
        // Neighbours are merged until one list is left.
        while lists.count > 1 {
            lists = stride(from: 0, to: lists.count, by: 2).map { first in
                guard first + 1 < lists.count else { return lists[first] }
                return Self.merge(lists[first], lists[first + 1], answers)
            }
        }
        let places = lists.first ?? []
        var keys: [Range<Int>] = []
        keys.reserveCapacity(places.count / max(1, answers.count) + 1)
        var start = 0
        for index in places.indices.dropFirst()
        where Self.key(places[index], answers) != Self.key(places[start], answers) {
            keys.append(start..<index)
            start = index
        }
        if !places.isEmpty { keys.append(start..<places.count) }
        self.places = places
        self.keys = keys
        self.isMajority = isMajority
    }

    /// The rows of one answer up to the horizon, in order.
    private static func places(
        of answer: Int,
        in answers: [Answer],
        to horizon: [UInt8]?,
        _ name: (RegisterKey) -> [UInt8]
    ) -> [Place] {
        let rows = answers[answer].rows
        var places: [Place] = []
        places.reserveCapacity(rows.count)
        var isInOrder = true
        for index in rows.indices {
            if let horizon, horizon.lexicographicallyPrecedes(name(rows[index].key)) {
                continue
            }
            if let last = places.last, !(rows[last.row].key < rows[index].key) {
                isInOrder = false
            }
            places.append(Place(answer: answer, row: index))
        }
        if !isInOrder { places.sort { Self.precedes($0, $1, answers) } }
        return places
    }

    private static func key(_ place: Place, _ answers: [Answer]) -> RegisterKey {
        answers[place.answer].rows[place.row].key
    }

    private static func precedes(_ left: Place, _ right: Place, _ answers: [Answer]) -> Bool {
        let left = answers[left.answer].rows[left.row]
        let right = answers[right.answer].rows[right.row]
        if left.key == right.key { return left.accepted < right.accepted }
        return left.key < right.key
    }

    private static func merge(_ left: [Place], _ right: [Place], _ answers: [Answer]) -> [Place] {
        var merged: [Place] = []
        merged.reserveCapacity(left.count + right.count)
        var (first, second) = (0, 0)
        while first < left.count, second < right.count {
            if Self.precedes(right[second], left[first], answers) {
                merged.append(right[second])
                second += 1
            } else {
                merged.append(left[first])
                first += 1
            }
        }
        merged += left[first...]
        merged += right[second...]
        return merged
    }

    func row(_ place: Place) -> ScannedRow { self.answers[place.answer].rows[place.row] }

    /// The key in that place of ``keys``.
    func key(_ index: Int) -> RegisterKey {
        Self.key(self.places[self.keys[index].lowerBound], self.answers)
    }

    /// All rows of that key.
    func rows(_ index: Int) -> some Sequence<ScannedRow> {
        self.places[self.keys[index]].lazy.map { self.row($0) }
    }

    /// A row of that key as a majority of its replicas has it; nil if no majority agrees.
    ///
    /// If `isLax`, a rule broken on purpose, that of anybody.
    func settled(_ index: Int, isLax: Bool) -> Place? {
        let places = self.places[self.keys[index]]
        if self.isMajority, places.count == self.answers.count, let first = places.first,
            places.allSatisfy({ self.isSound($0) && self.agree($0, first) })
        {
            return first
        }
        let sets = self.layout.quorumSets(of: self.key(index).partition)
        let sound = places.filter { self.isSound($0) }
        return sound.first { candidate in
            let agreeing = sound.filter { self.agree($0, candidate) }
                .map { self.answers[$0.answer].node }
            return isLax || sets.allSatisfy { Self.isMajority(agreeing, of: $0) }
        }
    }

    private func isSound(_ place: Place) -> Bool {
        if case .corrupt = self.answers[place.answer].rows[place.row].content { return false }
        return true
    }

    private func agree(_ left: Place, _ right: Place) -> Bool {
        self.answers[left.answer].rows[left.row].accepted
            == self.answers[right.answer].rows[right.row].accepted
    }

    static func isMajority(_ answered: [NodeID], of set: [NodeID]) -> Bool {
        set.count { answered.contains($0) } > set.count / 2
    }
}
