import SimulatedRuntime

/// Which faults a run has, drawn from its seed: every run has some kinds of them and lacks others.
package struct FaultPlan: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case loss, duplicates, lateness
        /// One direction between two machines.
        case cuts
        /// One machine, from all others.
        case isolation
        case clogs
        case crashes
        /// All machines at once.
        case blackouts
        /// Wall clocks that disagree, from the restart of a machine on.
        case skew
        /// Wall clocks that start over with each life of their machine, and tick seldom.
        case startingClocks
        /// A sync fails; the machine is restarted a little later.
        case brokenSyncs
        /// Bits of chunks and of rows on one machine turn.
        case bitFlips
        case slowDisks
        /// A machine that stands still for a while.
        case pauses
        /// No room on one machine's disk, in the heavy part.
        case fullDisks
        /// One machine after another is cut off from all others, never two at once.
        case turns
        /// One machine comes back with its disk as it was earlier, or with an empty one, and must
        /// not serve.
        ///
        /// It is the machine whose bits would turn.
        case lostDisks
    }

    /// In the order of ``Kind``.
    package internal(set) var kinds: [Kind]
    /// Pause between two faults, in microseconds, in the heavy part.
    package internal(set) var pauseMicroseconds: ClosedRange<Int>

    /// How long a machine is cut off when it is its turn.
    package var turnMicroseconds = 200_000...900_000

    /// How long a machine is down after a crash.
    package var downMilliseconds = 50...3_000
    /// How far clocks are off after a restart, at most; from the start at most 3 s.
    package var skewMicroseconds = 5_000_000
    /// Of 1,000 messages, so many are lost, if any.
    package var lossPermille = 5...150
    /// Of 1,000 messages, so many are late, if any.
    package var latePermille = 5...100
    /// Whether the machine whose bits turn stands between the others, which do not hear each other
    /// in the heavy part.
    ///
    /// Nobody works through it, so that it draws no ballots but for itself, and nothing is held up
    /// there.
    package var victimStandsBetween = false
    /// How late they are at most, in microseconds; drawn if nil.
    package var lateMicroseconds: Int?

    package init(kinds: [Kind], pauseMicroseconds: ClosedRange<Int>) {
        self.kinds = kinds
        self.pauseMicroseconds = pauseMicroseconds
    }

    /// Draws a plan: each kind is in with a chance of its own.
    init(_ random: inout SplitMix64) {
        var kinds: [Kind] = []
        // One run in eight is calm: there everything has to be tidy in the end.
        let allowed: [Kind] =
            random.chance(permille: 125)
            ? [.duplicates, .skew, .slowDisks] : Kind.allCases.filter { $0 != .startingClocks }
        for kind in allowed where random.chance(permille: Self.permille(kind)) {
            kinds.append(kind)
        }
        let shortest = random.pick([60_000, 200_000, 500_000])
        self.init(kinds: kinds, pauseMicroseconds: shortest...(shortest * 3))
    }

    /// Nothing goes wrong, ever.
    package static let none = FaultPlan(kinds: [], pauseMicroseconds: 1_000_000...1_000_000)

    private static func permille(_ kind: Kind) -> Int {
        switch kind {
        case .loss, .duplicates, .lateness, .crashes: 500
        case .cuts, .isolation, .clogs, .slowDisks, .pauses: 350
        case .skew: 300
        case .blackouts, .brokenSyncs, .bitFlips, .fullDisks, .turns: 150
        case .lostDisks: 60
        // Not drawn: only the rule that is about it asks for it.
        case .startingClocks: 0
        }
    }

    package func has(_ kind: Kind) -> Bool { self.kinds.contains(kind) }

    /// Whether one copy of everything may be damaged or gone.
    var spoilsCopies: Bool { self.has(.bitFlips) || self.has(.lostDisks) }

    /// How the network treats messages while this plan is in force.
    func linkFaults(_ random: inout SplitMix64) -> LinkFaults {
        var faults = LinkFaults()
        if self.has(.loss) { faults.lossPermille = random.number(in: self.lossPermille) }
        if self.has(.duplicates) { faults.duplicatePermille = random.number(in: 10...200) }
        if self.has(.lateness) {
            faults.latePermille = random.number(in: self.latePermille)
            let drawn = random.pick([20_000, 300_000, 2_000_000])
            faults.lateMicroseconds = 1_000...(self.lateMicroseconds ?? drawn)
        }
        return faults
    }
}
