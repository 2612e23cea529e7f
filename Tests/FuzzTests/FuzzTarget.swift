/// One parser of bytes from outside, and what must hold of it whatever the bytes are.
struct FuzzTarget: Sendable {
    let name: String
    /// Longest input that is made up, in bytes.
    let bytesMax: Int
    /// Throws ``Violation`` if something does not hold; traps are found too.
    let check: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String,
        bytesMax: Int = 4_096,
        _ check: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.bytesMax = bytesMax
        self.check = check
    }

    /// What clients send.
    static let outer: [FuzzTarget] = [
        FuzzTarget("signature", SignatureTarget.check),
        FuzzTarget("chunked", ChunkedTarget.check),
        FuzzTarget("copy-source", CopySourceTarget.check),
        FuzzTarget("documents", DocumentTarget.check),
        FuzzTarget("headers", HeaderTarget.check),
        FuzzTarget("form", FormTarget.check),
    ]

    /// What nodes send, and what disks give back.
    static let inner: [FuzzTarget] = [
        FuzzTarget("frames", FrameTarget.check),
        FuzzTarget("messages", MessageTarget.check),
        FuzzTarget("rows", RowTarget.check),
        FuzzTarget("volume", bytesMax: 32 << 10, VolumeTarget.check),
        FuzzTarget("manifest", ManifestTarget.check),
        FuzzTarget("blocks", BlockTarget.check),
    ]

    static let all = Self.outer + Self.inner
}

/// Something that must hold does not.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

func demand(_ holds: Bool, _ message: @autoclosure () -> String) throws(Violation) {
    if !holds { throw Violation(description: message()) }
}

/// An input, taken apart from its front.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.rest = bytes[...] }

    /// The next byte; 0 once there is none.
    mutating func byte() -> UInt8 { self.rest.popFirst() ?? 0 }

    mutating func flag() -> Bool { self.byte() & 1 == 1 }

    mutating func number() -> UInt16 { UInt16(self.byte()) << 8 | UInt16(self.byte()) }

    /// Bytes up to the next line feed, which is taken away.
    mutating func line() -> String {
        let end = self.rest.firstIndex(of: 0x0A) ?? self.rest.endIndex
        defer { self.rest = self.rest[end...].dropFirst() }
        return String(decoding: self.rest[..<end], as: UTF8.self)
    }

    /// All that is left.
    var bytes: [UInt8] { Array(self.rest) }

    var text: String { String(decoding: self.rest, as: UTF8.self) }
}

/// Where to cut bytes, so that each way of cutting comes from the input.
struct Cuts {
    private var state: UInt32

    /// 0 stands for one piece.
    init(_ seed: UInt8) { self.state = UInt32(seed) }

    /// Length of the next piece, at least 1.
    mutating func next() -> Int {
        guard self.state != 0 else { return Int.max }
        self.state = self.state &* 1_664_525 &+ 1_013_904_223
        return 1 + Int(self.state >> 24) % (self.state & 0x10_0000 == 0 ? 7 : 97)
    }

    /// The pieces of `bytes`, none of them empty.
    static func pieces(_ bytes: [UInt8], _ seed: UInt8) -> [[UInt8]] {
        var cuts = Cuts(seed)
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(cuts.next())
            pieces.append(Array(piece))
            rest = rest[piece.endIndex...]
        }
        return pieces
    }

    /// Gives `bytes` piece by piece to a decoder that says how much of each it has consumed.
    static func feed<Failure: Error>(
        _ bytes: [UInt8],
        _ seed: UInt8,
        to decode: ([UInt8]) throws(Failure) -> Int
    ) throws(Failure) {
        for piece in self.pieces(bytes, seed) {
            var rest = piece[...]
            while !rest.isEmpty { rest = rest.dropFirst(try decode(Array(rest))) }
        }
    }
}
