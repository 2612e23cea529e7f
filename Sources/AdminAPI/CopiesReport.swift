import Hummingbird

/// The copies that a node makes, or has made lately: `GET /v1/copies`.
package struct CopiesReport: Hashable, Sendable, Codable {
    /// Those under way, the oldest first, then those that have ended, the latest first.
    package var copies: [Copy]

    package init(copies: [Copy]) { self.copies = copies }

    /// One of them: `GET /v1/copies/{id}`.
    package struct Copy: Hashable, Sendable, Codable {
        package enum State: String, Hashable, Sendable, Codable {
            case running
            /// Its client has gone, and what was made is being given back.
            case stopping
            case done
            case failed
            case cancelled

            package var isEnd: Bool {
                switch self {
                case .running, .stopping: false
                case .done, .failed, .cancelled: true
                }
            }
        }

        /// What one node has stored of the target.
        package struct Node: Hashable, Sendable, Codable {
            package var id: String
            package var name: String
            /// Copies of chunks.
            package var chunks: Int
            /// Stored bytes that came to it from other nodes.
            package var bytesMoved: UInt64

            package init(id: String, name: String, chunks: Int, bytesMoved: UInt64) {
                self.id = id
                self.name = name
                self.chunks = chunks
                self.bytesMoved = bytesMoved
            }

            enum CodingKeys: String, CodingKey {
                case id
                case name
                case chunks
                case bytesMoved = "bytes_moved"
            }
        }

        package var id: String
        /// Bucket and key.
        package var source: String
        package var target: String
        /// Of an upload of the target; null for a whole object.
        package var part: Int?
        /// `reference` or `independent`; null until it is decided.
        package var mode: String?
        package var state: State
        /// Chunks to be stored anew, and how many are on as many nodes as they have to be.
        package var chunks = 0
        package var chunksDone = 0
        /// Content.
        package var bytes: UInt64 = 0
        package var bytesDone: UInt64 = 0
        /// Stored bytes that travelled between nodes.
        package var bytesMoved: UInt64 = 0
        /// Times that a chunk was tried again.
        package var retries = 0
        package var nodes: [Node] = []
        /// In seconds since 1970.
        package var started: Double = 0
        package var ageSeconds: Double = 0
        /// Why it failed.
        package var error: String?

        package init(id: String, source: String, target: String, state: State) {
            self.id = id
            self.source = source
            self.target = target
            self.state = state
        }

        enum CodingKeys: String, CodingKey {
            case id
            case source
            case target
            case part
            case mode
            case state
            case chunks
            case chunksDone = "chunks_done"
            case bytes
            case bytesDone = "bytes_done"
            case bytesMoved = "bytes_moved"
            case retries
            case nodes
            case started
            case ageSeconds = "age_seconds"
            case error
        }
    }

    /// The copies whose id begins like this.
    package func copies(_ id: String) -> [Copy] {
        self.copies.filter { $0.id.hasPrefix(id.lowercased()) }
    }
}

extension CopiesReport: ResponseCodable {}
extension CopiesReport.Copy: ResponseCodable {}
