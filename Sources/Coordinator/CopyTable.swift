import Runtime
import StoreModel
import Synchronization

/// The copies that this coordinator has under way, and those that have moved content lately.
///
/// For people; nothing depends on it. Bounded: what does not fit is done just the same, and not
/// seen.
final class CopyTable: Sendable {
    /// Copies under way that are listed: as many as requests are answered at a time.
    static let runningMax = 1_024
    /// Ended copies that are remembered.
    static let endedMax = 64
    /// How long they are.
    static let memory = Duration.seconds(600)

    private struct Ended {
        /// Nodes that nobody waited for are still added to it.
        let progress: CopyProgress
        /// In nanoseconds of ``TimeSource``.
        let end: UInt64
    }

    private struct State {
        /// In order of their beginning.
        var running: [CopyProgress] = []
        /// Oldest first.
        var ended: [Ended] = []
        var count = 0
    }

    private let doors: Doors
    private let instruments: CoordinatorInstruments
    private let state = Mutex(State())

    init(_ doors: Doors, _ instruments: CoordinatorInstruments) {
        self.doors = doors
        self.instruments = instruments
    }

    func begin(
        _ source: ObjectName,
        to target: ObjectName,
        part: PartNumber? = nil
    ) -> CopyProgress {
        let report = CopyReport(
            CopyID(value: self.doors.random.next()),
            of: source,
            to: target,
            part: part,
            started: self.doors.time.wallMicroseconds
        )
        let progress = CopyProgress(report, time: self.doors.time)
        self.state.withLock { state in
            state.count += 1
            if state.running.count < Self.runningMax { state.running.append(progress) }
            self.instruments.copies(underWay: state.count)
        }
        return progress
    }

    func end(_ progress: CopyProgress, _ error: ClusterError?) {
        progress.end(error)
        let report = progress.report
        let now = self.doors.time.nanoseconds
        self.state.withLock { state in
            state.count -= 1
            state.running.removeAll { $0.id == progress.id }
            self.instruments.copies(underWay: state.count)
            // One by reference is over before anybody could look.
            guard report.chunks > 0 else { return }
            if state.ended.count == Self.endedMax { state.ended.removeFirst() }
            state.ended.append(Ended(progress: progress, end: now))
        }
    }

    /// Those under way, the oldest first, and then those that have ended, the latest first.
    var reports: [CopyReport] {
        let now = self.doors.time.nanoseconds
        let (running, ended) = self.state.withLock { state in
            state.ended.removeAll {
                .nanoseconds(Int64(clamping: now &- $0.end)) > Self.memory
            }
            return (state.running, state.ended)
        }
        return running.map(\.report) + ended.reversed().map(\.progress.report)
    }
}

extension Coordinator {
    /// The copies that this node makes or has made lately.
    package var copyReports: [CopyReport] { self.copies.reports }

    /// Makes a copy in a task of its own.
    ///
    /// If the caller is cancelled the copy is told to stop, which it does only where that leaves
    /// nothing half done.
    func follow<Value: Sendable>(
        _ progress: CopyProgress,
        _ work: @escaping @Sendable () async throws(ClusterError) -> Value
    ) async throws(ClusterError) -> Value {
        let answer = Eventual<Result<Value, ClusterError>>()
        self.doors.background.run {
            let result = await outcome(of: work)
            var failure: ClusterError?
            if case .failure(let error) = result { failure = error }
            self.copies.end(progress, failure)
            answer.fulfil(result)
        }
        let result = await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            progress.stop()
        }
        return try result.get()
    }
}
