import Runtime
import StoreModel
import Synchronization

/// One volume file and what is known of its records.
final class Volume: Sendable {
    /// A range of a volume's bytes that a record takes.
    typealias Extent = Range<UInt64>

    private struct State {
        /// Where the next record begins.
        var end: UInt64
        /// Room that was made.
        var preallocated: UInt64
        /// Records begun whose index row is not committed yet, in order.
        var begun: [UInt64] = []
        /// The index rows of records before this are durable.
        var checkpoint: UInt64
        var liveRecords = 0
        var liveBytes: Int64 = 0
        /// Records that were left when it was last tried to empty the volume.
        var leftWhenTried: Int?
    }

    let number: UInt32
    let nonce: UInt64
    let sync: GroupSync
    /// Counts who may touch the file; the store itself counts until the volume is removed.
    let users: Countdown
    private let state: Mutex<State>

    /// `end` is where the next record begins, `preallocated` the length of the file.
    init(
        header: VolumeHeader,
        sync: GroupSync,
        end: UInt64,
        preallocated: UInt64,
        background: any Background
    ) {
        self.number = header.number
        self.nonce = header.nonce
        self.sync = sync
        self.users = Countdown { background.run { await sync.file.close() } }
        self.state = Mutex(
            State(end: end, preallocated: max(preallocated, end), checkpoint: end)
        )
    }

    var file: any DiskFile { self.sync.file }
    var end: UInt64 { self.state.withLock { $0.end } }
    var preallocated: UInt64 { self.state.withLock { $0.preallocated } }

    /// Nothing in it is alive, and nobody is writing to it.
    var isEmpty: Bool { self.state.withLock { $0.liveRecords == 0 && $0.begun.isEmpty } }

    /// Less than 1 / `divisor` of it is alive, nobody is writing to it, and it is not known that
    /// what is left cannot be moved.
    func isSparse(divisor: UInt64) -> Bool {
        self.state.withLock { state in
            state.liveRecords > 0 && state.begun.isEmpty && state.leftWhenTried != state.liveRecords
                && UInt64(max(0, state.liveBytes)) * divisor < state.end
        }
    }

    /// Notes what a try to empty the volume has left, and tells how many records that are.
    func tried() -> Int {
        self.state.withLock { state in
            state.leftWhenTried = state.liveRecords
            return state.liveRecords
        }
    }

    func made(roomTo size: UInt64) {
        self.state.withLock { $0.preallocated = max($0.preallocated, size) }
    }

    /// Takes the next `bytes` for a record.
    ///
    /// Followed by ``settle(_:)`` whatever becomes of it.
    ///
    /// - Precondition: room was made.
    func begin(bytes: UInt64) -> UInt64 {
        self.state.withLock { state in
            precondition(state.end + bytes <= state.preallocated, "Room is made first.")
            let offset = state.end
            state.begun.append(offset)
            state.end += bytes
            return offset
        }
    }

    /// The record's index row is committed, or it never will be.
    func settle(_ offset: UInt64) {
        self.state.withLock { state in
            guard let index = state.begun.firstIndex(of: offset) else {
                preconditionFailure("No record was begun at \(offset).")
            }
            state.begun.remove(at: index)
        }
    }

    /// Negative numbers for records that are gone.
    func added(records: Int, bytes: Int64) {
        self.state.withLock { state in
            state.liveRecords += records
            state.liveBytes += bytes
            precondition(state.liveRecords >= 0, "More records dropped than there were.")
        }
    }

    /// What a checkpoint could be moved to, if that is at least `bytes` further than the last.
    func dueCheckpoint(after bytes: UInt64) -> UInt64? {
        self.state.withLock { state in
            let settled = state.begun.first ?? state.end
            return settled >= state.checkpoint + bytes && settled > state.checkpoint ? settled : nil
        }
    }

    func madeCheckpoint(_ offset: UInt64) {
        self.state.withLock { $0.checkpoint = max($0.checkpoint, offset) }
    }
}
