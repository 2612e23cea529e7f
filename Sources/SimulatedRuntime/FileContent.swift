import NIOCore

/// The bytes of one simulated file: what is seen, and what a crash leaves of it.
///
/// Bytes are kept by sectors of 4 KiB. A sector that was never written, or was punched out, is
/// absent and reads as zeroes.
struct FileContent {
    static let sectorBytes = 4_096

    fileprivate struct Sector {
        /// The write that made it; later writes have higher numbers.
        let number: UInt64
        /// Nil for a hole.
        let bytes: ByteBuffer?
    }

    private static let zeroes = ByteBuffer(repeating: 0, count: Self.sectorBytes)

    /// What was written at some moment, to be made durable.
    struct Snapshot {
        fileprivate let sectors: [Int: Sector]
        fileprivate let size: UInt64
    }

    private var durable: [Int: Sector] = [:]
    /// Sectors written since they were last synced.
    private var volatile: [Int: Sector] = [:]
    private var durableSize: UInt64 = 0
    private(set) var size: UInt64 = 0
    private var holes: Set<Int> = []
    private var number: UInt64 = 0

    /// Space taken on the disk, in sectors.
    var usedSectors: Int { Self.sectors(self.size) - self.holes.count }

    var unsyncedSectors: Int { self.volatile.count }

    private static func sectors(_ bytes: UInt64) -> Int {
        (Int(bytes) + Self.sectorBytes - 1) / Self.sectorBytes
    }

    private func sector(_ index: Int) -> ByteBuffer? {
        if let sector = self.volatile[index] { return sector.bytes }
        return self.durable[index]?.bytes
    }

    mutating func preallocate(to size: UInt64) { self.size = max(self.size, size) }

    mutating func write(_ bytes: ByteBuffer, at offset: UInt64) {
        self.number += 1
        var position = Int(offset)
        var left = bytes
        while left.readableBytes > 0 {
            let index = position / Self.sectorBytes
            let start = position % Self.sectorBytes
            let count = min(Self.sectorBytes - start, left.readableBytes)
            guard let piece = left.readSlice(length: count) else { break }
            let sector =
                count == Self.sectorBytes ? piece : self.sector(index, with: piece, at: start)
            self.volatile[index] = Sector(number: self.number, bytes: sector)
            self.holes.remove(index)
            position += count
        }
        self.size = max(self.size, UInt64(position))
    }

    private func sector(_ index: Int, with piece: ByteBuffer, at start: Int) -> ByteBuffer {
        var whole = ByteBuffer()
        if var old = self.sector(index) {
            whole.writeBuffer(&old)
        } else {
            whole.writeRepeatingByte(0, count: Self.sectorBytes)
        }
        whole.setBuffer(piece, at: start)
        return whole
    }

    mutating func punchHole(at offset: UInt64, count: UInt64) {
        self.number += 1
        let end = min(offset + count, self.size)
        var position = offset
        while position < end {
            let index = Int(position) / Self.sectorBytes
            let start = Int(position) % Self.sectorBytes
            let length = min(Self.sectorBytes - start, Int(end - position))
            if length == Self.sectorBytes {
                self.volatile[index] = Sector(number: self.number, bytes: nil)
                self.holes.insert(index)
            } else if self.sector(index) != nil {
                let zeroes = ByteBuffer(repeating: 0, count: length)
                let bytes = self.sector(index, with: zeroes, at: start)
                self.volatile[index] = Sector(number: self.number, bytes: bytes)
            }
            position += UInt64(length)
        }
    }

    /// Bytes from `offset`, fewer than `count` only at the end of the file.
    func read(_ count: Int, at offset: UInt64) -> ByteBuffer {
        let available = offset < self.size ? Int(self.size - offset) : 0
        var left = min(count, available)
        var position = Int(offset)
        var bytes = ByteBuffer()
        bytes.reserveCapacity(left)
        while left > 0 {
            let start = position % Self.sectorBytes
            let length = min(Self.sectorBytes - start, left)
            let sector = self.sector(position / Self.sectorBytes) ?? Self.zeroes
            if let piece = sector.getSlice(at: sector.readerIndex + start, length: length) {
                bytes.writeImmutableBuffer(piece)
            }
            position += length
            left -= length
        }
        return bytes
    }

    var snapshot: Snapshot { Snapshot(sectors: self.volatile, size: self.size) }

    /// Makes what was seen at the time of the snapshot durable.
    mutating func sync(_ snapshot: Snapshot) {
        // The order of a dictionary is harmless here: each sector is set by itself.
        for (index, sector) in snapshot.sectors {
            if self.volatile[index]?.number == sector.number { self.volatile[index] = nil }
            guard sector.number > (self.durable[index]?.number ?? 0) else { continue }
            self.durable[index] = sector
        }
        self.durableSize = max(self.durableSize, snapshot.size)
    }

    /// Cuts the file off, durably.
    mutating func truncate(to size: UInt64) {
        self.punchHole(at: size, count: self.size - min(size, self.size))
        self.sync(self.snapshot)
        (self.size, self.durableSize) = (min(size, self.size), min(size, self.durableSize))
        self.holes = self.holes.filter { $0 < Self.sectors(self.size) }
    }

    /// The file as it would be if nothing unsynced survived.
    var durableOnly: FileContent {
        var copy = self
        copy.volatile = [:]
        copy.size = self.durableSize
        copy.holes = copy.holes.filter {
            $0 < Self.sectors(copy.size) && copy.durable[$0]?.bytes == nil
        }
        return copy
    }

    /// Keeps a random part of the unsynced sectors, and forgets the rest.
    ///
    /// One sector in eight that survive is torn: it starts with new bytes and goes on with old
    /// ones.
    mutating func crash(_ random: inout SplitMix64) {
        // Some crashes keep nearly everything, some next to nothing.
        let share = random.pick([0, 100, 500, 900, 1_000])
        var end = self.durableSize
        for index in self.volatile.keys.sorted() where random.chance(permille: share) {
            guard let sector = self.volatile[index] else { continue }
            if random.chance(permille: 125), let new = sector.bytes {
                let bytes = self.torn(new, index, at: 512 * random.number(in: 1...7))
                self.durable[index] = Sector(number: sector.number, bytes: bytes)
            } else {
                self.durable[index] = sector
            }
            end = max(end, UInt64((index + 1) * Self.sectorBytes))
        }
        let keepsSize = random.chance(permille: share)
        self.size = keepsSize ? self.size : min(self.size, end)
        self.durableSize = self.size
        self.volatile = [:]
        self.holes = self.holes.filter { $0 < Self.sectors(self.size) && self.sector($0) == nil }
    }

    private func torn(_ new: ByteBuffer, _ index: Int, at cut: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        if var old = self.durable[index]?.bytes {
            bytes.writeBuffer(&old)
        } else {
            bytes.writeRepeatingByte(0, count: Self.sectorBytes)
        }
        if let start = new.getSlice(at: new.readerIndex, length: cut) {
            bytes.setBuffer(start, at: 0)
        }
        return bytes
    }

    /// Turns one bit of a durable sector.
    ///
    /// False if there is none with bytes.
    mutating func flipBit(_ random: inout SplitMix64) -> Bool {
        let written = self.durable.keys.filter { self.durable[$0]?.bytes != nil }.sorted()
        guard !written.isEmpty else { return false }
        let index = random.pick(written)
        guard let old = self.durable[index], var bytes = old.bytes else { return false }
        let at = bytes.readerIndex + random.number(in: 0...(Self.sectorBytes - 1))
        let mask = UInt8(1) << UInt8(random.number(in: 0...7))
        bytes.setInteger((bytes.getInteger(at: at) ?? 0) ^ mask, at: at)
        self.durable[index] = Sector(number: old.number, bytes: bytes)
        return true
    }
}
