import StoreModel

/// Who has been asked for one thing and is silent, and whether that has lasted too long.
///
/// Looked at at every end of a *silence*, a fixed while (`CoordinatorSettings.silence`).
struct SilenceWatch {
    /// Silences after which others are asked although nobody has answered: one where one answer is
    /// all that is wanted.
    private let patience: Int

    struct Answer {
        let node: NodeID
        /// Asked at least one silence earlier, and silent still.
        let slower: [NodeID]
    }

    /// Those who were asked and have neither answered nor failed, in the order of asking.
    private(set) var silent: [NodeID] = []
    /// How many silences had ended when each of them was asked.
    private var asked: [NodeID: Int] = [:]
    private var ended = 0
    private var hasAnswer = false

    /// - Parameter patience: Silences after which others are asked although nobody has answered.
    init(patience: Int) { self.patience = patience }

    mutating func asked(_ node: NodeID) {
        self.silent.append(node)
        self.asked[node] = self.ended
    }

    mutating func answered(_ node: NodeID) -> Answer {
        self.failed(node)
        self.hasAnswer = true
        let since = self.asked[node] ?? 0
        let slower = self.silent.filter { self.asked[$0, default: 0] < since }
        return Answer(node: node, slower: slower)
    }

    mutating func failed(_ node: NodeID) { self.silent.removeAll { $0 == node } }

    /// Counts a silence that has ended.
    ///
    /// - Returns: whether others should be asked.
    mutating func isTooLong() -> Bool {
        self.ended += 1
        return self.hasAnswer || self.ended % self.patience == 0
    }
}
