/// Why bytes of a connection were refused.
///
/// The connection is closed then.
///
/// Closed, so the caller's `switch` covers every case.
package enum FrameError: Error, Hashable, Sendable {
    case badMagic(found: UInt32)
    case unsupportedVersion(found: UInt8)
    case unknownKind(UInt8)
    case unknownFlags(UInt16)
    /// The kind does not go with a stream number of 0, or only with it.
    case badStream(kind: FrameKind, stream: UInt64)
    /// The kind does not have a payload of that length.
    case badLength(kind: FrameKind, bytes: Int)
    /// The checksum is not that of the frame.
    case damaged(kind: FrameKind, stream: UInt64)
    case headTooLong(bytes: Int)
    case bodyTooLong(bytes: Int)
    /// The first frame of a message carries another part of the head than it must.
    case wrongFirstPart(announced: Int, found: Int)
    /// More content than announced, or than credit was given for.
    case tooMuchData(stream: UInt64)
    /// The frame belongs to no stream that is open.
    case unknownStream(kind: FrameKind, stream: UInt64)
    /// A second request with the number of an open stream.
    case streamInUse(UInt64)
    /// More requests open at once than allowed.
    case tooManyStreams(limit: Int)
    /// The frame goes the wrong way: a reply to a server, a request to a client.
    case unexpectedKind(FrameKind)
}
