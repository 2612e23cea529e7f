import CPlatform
import Runtime
import Synchronization

/// Remembers that a sync failed.
///
/// After that nobody knows what the disk holds: the kernel may have dropped the pages it could not
/// write and calls the next sync a success. So all that follows fails the same way.
final class DiskHealth: Sendable {
    private let failure = Mutex<String?>(nil)

    /// - Throws: ``DiskError/syncFailed(_:)`` if a sync has failed before.
    func check() throws(DiskError) {
        if let failure = self.failure.withLock({ $0 }) { throw .syncFailed(failure) }
    }

    /// Runs a sync call, once.
    func sync(
        _ descriptor: Int32,
        _ name: String,
        _ call: (Int32) -> Int32
    ) throws(DiskError) {
        try self.check()
        let status = call(descriptor)
        guard status != 0 else { return }
        let text = "sync of \(name): errno \(status)"
        self.failure.withLock { $0 = $0 ?? text }
        throw .syncFailed(text)
    }
}

/// Numbers of the system's errors that mean something to us.
enum DiskErrno {
    static let notFound = cplatform_errno_not_found()
    static let full = cplatform_errno_full()
    static let overQuota = cplatform_errno_over_quota()
    static let invalid = cplatform_errno_invalid()
    static let closed = cplatform_errno_bad_descriptor()
}

extension DiskError {
    init(_ errno: Int32, _ operation: String, _ name: String) {
        switch errno {
        case DiskErrno.full, DiskErrno.overQuota: self = .full
        case DiskErrno.notFound: self = .notFound(name)
        default: self = .failed(operation: operation, errno: errno)
        }
    }
}
