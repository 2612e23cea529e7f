package import StoreModel

extension Ballot {
    /// Rounds by which a ceiling lies above the ballot it is drawn for: one second of a clock's
    /// microseconds.
    ///
    /// Retries within that second need no new hold. Source: docs/protocol/content.md, "Ceilings".
    package static let ceilingRounds: UInt64 = 1_000_000

    /// The highest ballot that a hold taken out for this one allows.
    package var ceiling: Ballot {
        Ballot(
            round: min(self.round + Self.ceilingRounds, Self.highestRound),
            node: self.node,
            incarnation: self.incarnation,
            sequence: self.sequence
        )
    }

    /// The ceiling under which a version is proposed at this ballot, if `held` was taken out
    /// before.
    ///
    /// A function of the ballot alone, so that the value proposed and the hold taken out agree.
    package func ceiling(holding held: Ballot) -> Ballot { self <= held ? held : self.ceiling }
}
