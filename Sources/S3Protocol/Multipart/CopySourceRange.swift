/// The value of `x-amz-copy-source-range`: the bytes of a source that become a part.
///
/// Stricter than `Range`: both ends are named, and nothing is cut to fit, because a part that is
/// shorter than its sender believes is lost data.
/// Source: S3 API Reference, "UploadPartCopy".
package struct CopySourceRange: Hashable, Sendable {
    package static let header = "x-amz-copy-source-range"

    /// Zero-based offset.
    package let first: UInt64
    /// Zero-based offset of the last byte, which belongs to the range.
    package let last: UInt64

    package init(parsing text: String) throws(S3Error) {
        guard
            text.hasPrefix("bytes="),
            case let ends = text.dropFirst(6).split(
                separator: "-",
                omittingEmptySubsequences: false
            ),
            ends.count == 2,
            let first = Self.offset(ends[0]), let last = Self.offset(ends[1]), first <= last
        else {
            throw .invalidArgument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                    + "first and last are the zero-based offsets of the first and last bytes to "
                    + "copy",
                Self.header,
                text
            )
        }
        self.first = first
        self.last = last
    }

    /// The bytes that are meant, whatever the size of the source.
    package var bytes: Range<UInt64> {
        // No object is so long that the last offset would matter.
        self.first..<max(self.first, self.last == .max ? .max : self.last + 1)
    }

    /// The range within a source of `size` bytes.
    package func resolved(size: UInt64) throws(S3Error) -> Range<UInt64> {
        guard self.first < size else {
            throw S3Error(
                .invalidRequest,
                "The specified copy range is invalid for the source object size"
            )
        }
        guard self.last < size else {
            throw .invalidArgument(
                "Range specified is not valid for source object of size: \(size)",
                Self.header,
                "bytes=\(self.first)-\(self.last)"
            )
        }
        return self.bytes
    }

    private static func offset(_ digits: Substring) -> UInt64? {
        digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(digits) : nil
    }
}
