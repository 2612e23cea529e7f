/// The clock: monotonic time for waiting, wall time for labels.
package protocol TimeSource: Sendable {
    /// Nanoseconds since some fixed point; never goes back.
    var nanoseconds: UInt64 { get }
    /// Microseconds since 1970, UTC. May jump.
    var wallMicroseconds: UInt64 { get }
    /// Returns early, without throwing, if the task is cancelled.
    func sleep(for duration: Duration) async
}

/// Random numbers.
///
/// Secrets come from elsewhere (swift-crypto).
package protocol RandomSource: Sendable {
    func next() -> UInt64
}

/// Where work goes on after the caller has its answer.
package protocol Background: Sendable {
    /// - Returns: the task that does the work, to be cancelled by whom it is of no use to any more;
    ///   nil if it is not done, since the machine has crashed.
    @discardableResult
    func run(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>?
}

/// Threads for work that would hold up the event loops: compression and hashing of large buffers.
package protocol Workers: Sendable {
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value
}

/// The doors that do not belong to one directory or one connection.
package struct Doors: Sendable {
    package let time: any TimeSource
    package let random: any RandomSource
    package let background: any Background
    package let workers: any Workers
    /// Holds work up at rare steps; nil but in the simulation.
    package var rare: (@Sendable (RareStep) async -> Void)?

    package init(
        time: any TimeSource,
        random: any RandomSource,
        background: any Background,
        workers: any Workers
    ) {
        self.time = time
        self.random = random
        self.background = background
        self.workers = workers
    }

    /// Says that a step is about to be taken; production goes on at once.
    package func reach(_ step: RareStep) async {
        guard let rare = self.rare else { return }
        await rare(step)
    }
}
