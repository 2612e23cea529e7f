import Crypto
import Foundation
import NIOCore

/// What the demo stores: a file, or bytes made up on the spot.
///
/// It is read part by part, as often as needed, and never held as a whole.
enum DemoContent: Sendable {
    /// Half of it is text, half is noise: neither all nor nothing can be compressed.
    case generated(bytes: UInt64)
    case file(path: String, bytes: UInt64)

    static let partBytes = 1 << 20

    init(file path: String) throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        self = .file(path: path, bytes: (attributes[.size] as? NSNumber)?.uint64Value ?? 0)
    }

    var bytes: UInt64 {
        switch self {
        case .generated(let bytes), .file(_, let bytes): bytes
        }
    }

    /// A reader that starts at the beginning.
    func reader() throws -> DemoReader {
        switch self {
        case .generated(let bytes): DemoReader(bytes: bytes, file: nil)
        case .file(let path, let bytes):
            DemoReader(
                bytes: bytes,
                file: try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            )
        }
    }

    func hash() throws -> [UInt8] {
        var hash = SHA256()
        var reader = try self.reader()
        while let part = try reader.next() { hash.update(part) }
        return Array(hash.finalize())
    }
}

extension SHA256 {
    mutating func update(_ part: ByteBuffer) {
        unsafe part.withUnsafeReadableBytes { unsafe self.update(bufferPointer: $0) }
    }
}

/// One pass over the demo's content.
struct DemoReader {
    private var left: UInt64
    private let file: FileHandle?
    private var number: UInt64 = 0

    fileprivate init(bytes: UInt64, file: FileHandle?) {
        self.left = bytes
        self.file = file
    }

    /// The next part; nil at the end.
    mutating func next() throws -> ByteBuffer? {
        guard self.left > 0 else { return nil }
        let count = Int(min(self.left, UInt64(DemoContent.partBytes)))
        var part = ByteBuffer()
        if let file = self.file {
            guard let data = try file.read(upToCount: count), !data.isEmpty else {
                throw Failure("the file became shorter while it was read")
            }
            part.writeBytes(data)
        } else {
            part = Self.part(self.number, count)
        }
        self.number += 1
        self.left -= UInt64(part.readableBytes)
        return part
    }

    /// Part `number` of the made-up content: the first half a text, the rest noise.
    private static func part(_ number: UInt64, _ count: Int) -> ByteBuffer {
        var part = ByteBuffer()
        var line = 0
        while part.readableBytes < count / 2 {
            part.writeString("part \(number), line \(line): A triolet's first line comes back.\n")
            line += 1
        }
        var state = number
        while part.readableBytes < count {
            // SplitMix64.
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            part.writeInteger(word ^ (word >> 31))
        }
        return part.getSlice(at: part.readerIndex, length: count) ?? part
    }
}
