import NIOPosix
import Runtime

/// The threads on which file operations block.
///
/// A hop to a thread and back costs about 50 µs: an operation does all it can in one.
package final class FileThreads: Sendable {
    /// Threads of ``shared``: enough to keep a disk's queue busy, few enough not to crowd the
    /// cores.
    package static let sharedThreads = 4

    /// The threads of the process, for all directories.
    ///
    /// They live as long as the process.
    package static let shared = FileThreads(threads: sharedThreads)

    private let pool: NIOThreadPool

    package init(threads: Int) {
        precondition(threads > 0)
        self.pool = NIOThreadPool(numberOfThreads: threads)
        self.pool.start()
    }

    /// Runs `work` on one of the threads.
    ///
    /// Work that is still queued when the threads are shut down runs all the same: whoever waits
    /// for it is never left hanging.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await suspended { (wakeup: Wakeup<Value>) in
            self.pool.submit { _ in wakeup.resume(returning: work()) }
        }
    }

    package func shutdown() async { try? await self.pool.shutdownGracefully() }
}
