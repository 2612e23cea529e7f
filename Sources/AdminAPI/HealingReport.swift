import Hummingbird

/// Background work that can be asked for.
package enum HealingWork: String, Hashable, Sendable, CaseIterable {
    /// A round that looks for missing copies of chunks.
    case repair
    /// A pass that verifies all chunks of the node.
    case scrub
}

/// How the healing of a node stands: `GET /v1/repairs`.
package struct HealingReport: Hashable, Sendable, Codable {
    package struct Repair: Hashable, Sendable, Codable {
        package var running = false
        /// Rounds ended since the start.
        package var rounds = 0
        /// When the last one ended, in seconds since 1970; null before the first.
        package var lastEnd: Double?
        /// Of the last round.
        package var manifests = 0
        package var copiesChecked = 0
        package var copiesRestored = 0
        package var copiesMovedHome = 0
        package var copiesMissing = 0
        package var bytesMoved: UInt64 = 0
        /// Copies that wait to be replaced, and for how many seconds the oldest has.
        package var waiting = 0
        package var oldestSeconds: Double = 0
        /// Since the start.
        package var replaced = 0
        package var givenUp = 0
        /// Chunks that a change of the layout went on without: nobody had them.
        package var chunksLost = 0

        package init() {}

        enum CodingKeys: String, CodingKey {
            case running
            case rounds
            case lastEnd = "last_end"
            case manifests
            case copiesChecked = "copies_checked"
            case copiesRestored = "copies_restored"
            case copiesMovedHome = "copies_moved_home"
            case copiesMissing = "copies_missing"
            case bytesMoved = "bytes_moved"
            case waiting
            case oldestSeconds = "oldest_seconds"
            case replaced
            case givenUp = "given_up"
            case chunksLost = "chunks_lost"
        }
    }

    package struct Scrub: Hashable, Sendable, Codable {
        /// A pass that somebody asked for is under way.
        package var running = false
        /// Passes ended since the start.
        package var passes = 0
        /// When the last one ended, in seconds since 1970; null before the first.
        package var lastEnd: Double?
        /// Read in the present pass, and to be read in it.
        package var bytesRead: UInt64 = 0
        package var bytesTotal: UInt64 = 0
        /// Chunks found damaged since the start.
        package var damaged = 0

        package init() {}

        enum CodingKeys: String, CodingKey {
            case running
            case passes
            case lastEnd = "last_end"
            case bytesRead = "bytes_read"
            case bytesTotal = "bytes_total"
            case damaged
        }
    }

    package var repair = Repair()
    package var scrub = Scrub()

    package init() {}
}

extension HealingReport: ResponseCodable {}
extension HealingReport.Repair: ResponseCodable {}
extension HealingReport.Scrub: ResponseCodable {}
