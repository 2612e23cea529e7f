import Wire

/// The bytes of all objects: slices of one pool that nothing can compress.
///
/// An object's bytes follow from its key, so that whoever reads it knows what has to come without
/// having kept it.
struct ContentPool: Sendable {
    /// Bytes of the pool; it is followed by a copy of its beginning, so that slices may run over.
    static let bytes = 8 << 20
    /// The longest slice.
    static let sliceBytesMax = 1 << 20

    private let pool: [UInt8]

    init(seed: UInt64) {
        var chance = Chance(seed: seed)
        var pool: [UInt8] = []
        pool.reserveCapacity(Self.bytes + Self.sliceBytesMax)
        while pool.count < Self.bytes {
            var word = chance.next()
            for _ in 0..<8 {
                pool.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        pool.append(contentsOf: pool[..<Self.sliceBytesMax])
        self.pool = pool
    }

    /// Hands out the slices of a content one after the other.
    func forEachSlice<Failure: Error>(
        of content: Content,
        _ use: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        for _ in 0..<content.repeats {
            var start = content.start
            var rest = content.size
            while rest > 0 {
                let count = Int(min(rest, UInt64(Self.sliceBytesMax)))
                try unsafe self.withSlice(start, count, use)
                start = (start + count) % Self.bytes
                rest -= UInt64(count)
            }
        }
    }

    private func withSlice<Failure: Error>(
        _ start: Int,
        _ count: Int,
        _ use: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let result = unsafe self.pool.withUnsafeBytes { bytes in
            Result { () throws(Failure) in
                try unsafe use(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]))
            }
        }
        try result.get()
    }

    func checksum(of content: Content) -> UInt32 {
        var checksum = CRC32C()
        unsafe self.forEachSlice(of: content) { unsafe checksum.update($0) }
        return checksum.value
    }
}

/// What an object holds: a piece of the pool, once or several times over.
struct Content: Hashable, Sendable {
    /// Where in the pool the bytes begin.
    let start: Int
    /// Bytes of one piece.
    let size: UInt64
    /// More than 1 for what was put together of equal parts.
    var repeats = 1

    /// The content of an object that is stored under this key.
    init(key: String, size: UInt64) {
        self.start = Int(CRC32C.checksum(of: Array(key.utf8))) % ContentPool.bytes
        self.size = size
    }

    var bytes: UInt64 { self.size * UInt64(self.repeats) }
}

/// Numbers that look random and follow from a seed.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (SplitMix64).
struct Chance: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
