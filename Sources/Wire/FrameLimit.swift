import StoreModel

/// Bounds of what travels between nodes, in bytes.
///
/// Part of the protocol: docs/protocol/frames.md.
package enum FrameLimit {
    /// Longest payload that is accepted (256 KiB): 2 ms of a link of 1 Gbit/s.
    package static let payloadBytes = 256 << 10
    /// Longest payload of the data frames that we send (128 KiB): other streams and control frames
    /// go between them.
    package static let dataBytes = 128 << 10
    /// Content of a message (head and body) that may be sent before the receiver gave credit (128
    /// KiB).
    package static let windowBytes = 128 << 10
    /// Longest head of a message (8 MiB).
    package static let headBytes = 8 << 20
    /// Longest body of a message: a stored chunk and its table.
    package static let bodyBytes = Limit.chunkBytes + (64 << 10)
}
