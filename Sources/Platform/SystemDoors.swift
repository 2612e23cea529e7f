package import Runtime

extension Doors {
    /// The doors of a real process.
    ///
    /// Whoever shuts it down waits for `background`.
    package static func system(background: TaskBackground) -> Doors {
        Doors(
            time: SystemTime(),
            random: SystemRandom(),
            background: background,
            workers: WorkerThreads.shared
        )
    }
}
