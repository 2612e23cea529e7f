import Register
import Runtime
import StoreModel
import Synchronization

/// What this coordinator remembers of registers that it changed lately: its last change of each,
/// and the ballot that a majority has promised for its next one, if any.
///
/// With such a promise a change takes a single round trip and a single sync. It may have been
/// outbid in the meantime: then its accept is refused and the change goes the long way. A promise
/// is only asked for once the coordinator has changed a register twice with nobody else in between,
/// so that coordinators which take turns do not stand in each other's way.
/// Source: docs/protocol/registers.md, "Kept promises".
final class KeptPromises: Sendable {
    /// What is known of one register.
    struct Memory: Sendable {
        let last: OperationID
        var promise: Prepared?
        /// Monotonic nanoseconds.
        let since: UInt64
    }

    private struct State {
        var memories: [RegisterKey: Memory] = [:]
        var bytes = 0
    }

    /// Values kept along with promises, in bytes (8 MiB), and registers; beyond either all are
    /// forgotten.
    private static let bytesMax = 8 << 20
    private static let countMax = 8_192
    /// What is older (2 s) is not worth trying: others have probably written since.
    private static let ageMax: UInt64 = 2_000_000_000

    private let state = Mutex(State())

    /// Takes what is known of a register; a promise is used once.
    func take(_ key: RegisterKey, now: UInt64) -> Memory? {
        let memory: Memory? = self.state.withLock { state in
            guard let memory = state.memories.removeValue(forKey: key) else { return nil }
            state.bytes -= memory.bytes
            return memory
        }
        guard let memory, now.elapsed(since: memory.since) <= Self.ageMax else { return nil }
        return memory
    }

    func hasPromise(_ key: RegisterKey) -> Bool {
        self.state.withLock { $0.memories[key]?.promise != nil }
    }

    func keep(_ memory: Memory, of key: RegisterKey) {
        self.state.withLock { state in
            if state.bytes > Self.bytesMax || state.memories.count >= Self.countMax {
                state = State()
            }
            let old = state.memories.updateValue(memory, forKey: key)
            state.bytes += memory.bytes - (old?.bytes ?? 0)
        }
    }
}

extension KeptPromises.Memory {
    fileprivate var bytes: Int { self.promise?.value?.body?.count ?? 0 }
}
