import StoreModel

/// Where an operation stands between two rounds: what it has seen, and when it gives up.
struct Rounds {
    /// Rounds in a row without a majority of answers before an operation gives up.
    static let silentMax = 3
    /// Rounds spent on finding out how an operation ended after it has given up.
    static let settleMax = 20
    /// Longest pause after a conflict where rounds are quick.
    static let pauseMax = Duration.milliseconds(50)
    /// Longest pause after a conflict where rounds are slow.
    static let slowPauseMax = Duration.milliseconds(500)
    /// What takes so long is a slow attempt: several times as long as where messages are quick and
    /// disks idle.
    static let slowAttempt = Duration.milliseconds(50)
    /// As many lost attempts as a slow one is as dear as, with the pause that follows it.
    static let slowLoss = 6
    /// How long a missing row proves that an operation had no effect.
    let absenceTrust: Duration

    private let started: UInt64
    private let deadline: UInt64
    private var conflicts = 0
    /// Attempts that others were in the way of, slow ones counted ``slowLoss`` times.
    private(set) var lost = 0
    /// When the present attempt began.
    private var attemptStarted: UInt64
    private var silent = 0
    private var settling = 0
    /// The highest ballot met so far: the next one is above it.
    private(set) var newest: Ballot

    init(
        now: UInt64,
        deadline: Duration,
        above: Ballot,
        absenceTrust: Duration = .seconds(60)
    ) {
        self.started = now
        self.attemptStarted = now
        self.absenceTrust = absenceTrust
        let (sum, overflow) = now.addingReportingOverflow(deadline.wholeNanoseconds)
        self.deadline = overflow ? .max : sum
        self.newest = above
    }

    mutating func saw(_ ballot: Ballot) { self.newest = max(self.newest, ballot) }

    func isOver(at now: UInt64) -> Bool { now >= self.deadline }

    /// False once a row may have come, gone and been erased since the start.
    func canTrustAbsence(at now: UInt64) -> Bool {
        now >= self.started && now - self.started <= self.absenceTrust.wholeNanoseconds
    }

    /// The longest pause before the next attempt: 2ⁱ ms after the i-th conflict, up to 50 ms.
    ///
    /// Where attempts take long it is one, two and then four times as long as an attempt, up to 500
    /// ms: proposers that pause for less than an attempt takes would only overtake each other
    /// again.
    mutating func pause(now: UInt64) -> Duration {
        self.conflicts += 1
        let quick = min(.milliseconds(1 << min(self.conflicts, 16)), Self.pauseMax)
        let attempt = Duration.nanoseconds(Int64(clamping: self.taken(at: now)))
        let slow = min(attempt, Self.slowPauseMax) * (1 << min(self.conflicts - 1, 2))
        return max(quick, min(slow, Self.slowPauseMax))
    }

    /// Notes that the pause is over.
    mutating func resume(at now: UInt64) { self.attemptStarted = now }

    /// Notes that others were in the way of the present attempt.
    mutating func lose(at now: UInt64) {
        let isSlow = self.taken(at: now) >= Self.slowAttempt.wholeNanoseconds
        self.lost += isSlow ? Self.slowLoss : 1
    }

    /// How long the present attempt has taken, in nanoseconds.
    private func taken(at now: UInt64) -> UInt64 {
        now >= self.attemptStarted ? now - self.attemptStarted : 0
    }

    mutating func majorityAnswered() { self.silent = 0 }

    /// Counts a round without a majority; false once there were too many in a row.
    mutating func mayTryAgainAfterSilence() -> Bool {
        self.silent += 1
        return self.silent < Self.silentMax
    }

    /// Counts a round of settling; false once there were too many.
    mutating func maySettle() -> Bool {
        self.settling += 1
        return self.settling <= Self.settleMax
    }
}

extension Duration {
    /// Nanoseconds, 0 for negative durations, at most the largest number.
    fileprivate var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, late) = whole.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflow || late ? .max : sum
    }
}
