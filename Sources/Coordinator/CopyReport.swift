package import StoreModel

/// What a copy is known by on the node that makes it.
package struct CopyID: Hashable, Sendable, CustomStringConvertible {
    let value: UInt64

    /// 16 hexadecimal digits.
    package var description: String {
        let digits = String(self.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// How far a copy is, or how it has ended.
package struct CopyReport: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        case running
        /// Whoever asked has gone, and what was made is being given back.
        case stopping
        case done
        case failed
        case cancelled
    }

    /// What one node has stored of the target.
    package struct Share: Hashable, Sendable {
        package let node: NodeID
        /// Copies of chunks.
        package var copies = 0
        /// Stored bytes that came to it from other nodes.
        package var bytesMoved: UInt64 = 0
    }

    package let id: CopyID
    package let source: ObjectName
    package let target: ObjectName
    /// Nil if the target is a whole object.
    package let part: PartNumber?
    /// Never `automatic`; nil until it is decided.
    package internal(set) var mode: CopyRequest.Mode?
    package internal(set) var state = State.running
    /// Of the target, 0 until the source has been looked at; none is pulled by reference.
    package internal(set) var chunks = 0
    package internal(set) var chunksDone = 0
    /// Content, in bytes.
    package internal(set) var bytes: UInt64 = 0
    package internal(set) var bytesDone: UInt64 = 0
    /// Times that a chunk was tried again.
    package internal(set) var retries = 0
    /// Sorted by node.
    package internal(set) var shares: [Share] = []
    /// Microseconds since 1970.
    package let started: UInt64
    /// How long it has been going on, or went on.
    package internal(set) var age: Duration = .zero
    /// Why it failed.
    package internal(set) var failure: ClusterError.Code?

    init(
        _ id: CopyID,
        of source: ObjectName,
        to target: ObjectName,
        part: PartNumber?,
        started: UInt64
    ) {
        self.id = id
        self.source = source
        self.target = target
        self.part = part
        self.started = started
    }

    /// Stored bytes that travelled between nodes.
    package var bytesMoved: UInt64 { self.shares.reduce(0) { $0 + $1.bytesMoved } }
}
