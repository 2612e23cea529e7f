import NIOCore
import NIOPosix
import Runtime

/// As many threads as cores, for compression and hashing.
package final class WorkerThreads: Workers {
    /// The threads of the process.
    ///
    /// They live as long as the process.
    package static let shared = WorkerThreads(threads: System.coreCount)

    private let pool: NIOThreadPool

    package init(threads: Int) {
        precondition(threads > 0)
        self.pool = NIOThreadPool(numberOfThreads: threads)
        self.pool.start()
    }

    /// Work that is still queued when the threads are shut down runs all the same.
    package func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await suspended { (wakeup: Wakeup<Value>) in
            self.pool.submit { _ in wakeup.resume(returning: work()) }
        }
    }

    package func shutdown() async { try? await self.pool.shutdownGracefully() }
}
