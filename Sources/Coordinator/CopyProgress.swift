import Runtime
import StoreModel
import Synchronization

/// A copy under way: how far it is, and whether it is still wanted.
///
/// The copy writes down what it does; others read it, and may ask it to stop.
final class CopyProgress: Sendable {
    private struct State {
        var report: CopyReport
        var isStopped = false
        /// What is told of the stop; one part of the copy at a time.
        var onStop: (@Sendable () -> Void)?
    }

    let id: CopyID
    private let time: any TimeSource
    /// In nanoseconds of ``TimeSource``.
    private let start: UInt64
    private let state: Mutex<State>

    init(_ report: CopyReport, time: any TimeSource) {
        self.id = report.id
        self.time = time
        self.start = time.nanoseconds
        self.state = Mutex(State(report: report))
    }

    var report: CopyReport {
        var report = self.state.withLock { $0.report }
        if report.state == .running || report.state == .stopping { report.age = self.age }
        return report
    }

    private var age: Duration { .nanoseconds(Int64(clamping: self.time.nanoseconds &- self.start)) }

    // MARK: - What the copy writes down

    /// How it is made, and what has to be done; what was done under another plan does not count.
    func plan(_ mode: CopyRequest.Mode, chunks: Int, bytes: UInt64) {
        self.state.withLock { state in
            state.report.mode = mode
            state.report.chunks = chunks
            state.report.bytes = bytes
            state.report.chunksDone = 0
            state.report.bytesDone = 0
        }
    }

    /// A node has a chunk of the target, durably.
    func stored(at node: NodeID, bytesMoved: UInt64) {
        self.state.withLock { state in
            let shares = state.report.shares
            let index = shares.firstIndex { $0.node >= node } ?? shares.count
            if index == shares.count || shares[index].node != node {
                state.report.shares.insert(CopyReport.Share(node: node), at: index)
            }
            state.report.shares[index].copies += 1
            state.report.shares[index].bytesMoved += bytesMoved
        }
    }

    /// So much content is on as many nodes as it has to be.
    func done(chunks: Int, bytes: UInt64) {
        self.state.withLock { state in
            state.report.chunksDone += chunks
            state.report.bytesDone += bytes
        }
    }

    func retried() { self.state.withLock { $0.report.retries += 1 } }

    /// Writes down how it ended; nil if well.
    func end(_ error: ClusterError?) {
        let age = self.age
        self.state.withLock { state in
            state.report.age = age
            state.report.failure = error?.code
            switch error?.code {
            case nil:
                state.report.state = .done
                state.report.bytesDone = state.report.bytes
            case .cancelled?: state.report.state = .cancelled
            case .some: state.report.state = .failed
            }
        }
    }

    // MARK: - Stopping

    /// Nobody waits for the copy any more.
    ///
    /// It ends soon, unless it is about to be committed.
    func stop() {
        let onStop = self.state.withLock { state in
            guard !state.isStopped else { return nil as (@Sendable () -> Void)? }
            state.isStopped = true
            if state.report.state == .running { state.report.state = .stopping }
            return state.onStop
        }
        onStop?()
    }

    var isStopped: Bool { self.state.withLock { $0.isStopped } }

    /// - Throws: `cancelled` if the copy is not wanted any more.
    func check(_ operation: String) throws(ClusterError) {
        if self.isStopped { throw ClusterError(.cancelled, operation) }
    }

    /// Does work in a task that is cancelled when the copy is stopped.
    ///
    /// - Precondition: one at a time.
    func unlessStopped<Value: Sendable>(
        _ work: @escaping @Sendable () async -> Value
    ) async -> Value {
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let isStopped = self.state.withLock { state in
            precondition(state.onStop == nil, "One part of a copy at a time.")
            state.onStop = { stop.finish() }
            return state.isStopped
        }
        if isStopped { stop.finish() }
        defer { self.state.withLock { $0.onStop = nil } }
        return await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work() }
            group.addTask {
                for await _ in stops {}
                return nil
            }
            var result: Value?
            // Whichever ends first ends the other.
            for await value in group {
                result = result ?? value
                group.cancelAll()
            }
            guard let result else { preconditionFailure("The work has a result.") }
            return result
        }
    }
}
