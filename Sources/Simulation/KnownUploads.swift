import Coordinator
import SimulatedRuntime
import StoreModel
import Synchronization

/// The uploads of a run, and what clients know of them: all clients work on all of them.
final class KnownUploads: Sendable {
    /// A part that was acknowledged.
    struct Part: Sendable {
        let etag: String
        let body: History.Body
    }

    struct Known: Sendable {
        /// The operation that opened it: the tag of the object to be.
        let tag: Int
        let key: Int
        let name: UploadName
        /// Acknowledged parts by number, in the order in which they were.
        var parts: [Int: [Part]] = [:]
        /// Parts that anybody began to store, by number.
        var begun: [Int: Int] = [:]
        /// Completions and abortions that anybody began.
        var closings = 0
        /// ETags of the objects that completions would make, one for each list of parts.
        var lists: Set<String> = []
        /// When the first completion began that may have made the object.
        var invoked: UInt64?
        /// When the first of them ended that did.
        var responded: UInt64?
    }

    private let state = Mutex<[Known]>([])

    func add(_ upload: Known) { self.state.withLock { $0.append(upload) } }

    /// One of the latest, with its place; nil if there is none.
    func pick(_ random: inout SplitMix64) -> (place: Int, upload: Known)? {
        self.state.withLock { known in
            guard !known.isEmpty else { return nil }
            let place = random.number(in: max(0, known.count - 4)...(known.count - 1))
            return (place, known[place])
        }
    }

    /// Changes what is known of one.
    ///
    /// - Returns: what is known now.
    @discardableResult
    func note(_ place: Int, _ change: (inout Known) -> Void) -> Known {
        self.state.withLock { known in
            change(&known[place])
            return known[place]
        }
    }

    var all: [Known] { self.state.withLock { $0 } }
}
