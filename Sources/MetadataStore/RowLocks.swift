import Runtime
import StoreModel

/// Lets one task at a time read, decide and write a row.
///
/// A bounded number of locks stands for the unbounded number of rows. Rows that share a lock wait
/// for each other's sync, which is rare with 1,024 of them; all others share one sync in the
/// engine.
final class RowLocks: Sendable {
    static let count = 1_024
    private let locks: [TaskLock]

    init() { self.locks = (0..<Self.count).map { _ in TaskLock() } }

    func run<Value, Failure: Error>(
        row: [UInt8],
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        var hash = StableHash()
        hash.combine(row)
        return try await self.locks[Int(hash.value % UInt64(Self.count))].run(body)
    }

    /// Returns once everybody who held a lock at the call has released it.
    func waitForEveryone() async {
        for lock in self.locks { await lock.run {} }
    }
}
