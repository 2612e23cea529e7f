import NIOCore
import Runtime
import StoreModel
import Wire

/// Reads a volume from its checkpoint to its end, for records that the index does not know.
///
/// Writers run side by side, so that whole records may stand behind one that was never finished:
/// the scan looks at every 4 KiB. What is neither known nor whole is left over from writes that
/// nobody was told of.
struct VolumeScan {
    /// A record that is whole, header and blocks.
    struct Found: Hashable, Sendable {
        let name: ChunkName
        let row: IndexRow
    }

    private static let windowBytes = 1 << 20
    private static let zeroes = ByteBuffer(repeating: 0, count: Self.windowBytes)

    let file: any DiskFile
    let header: VolumeHeader
    /// Extents that are known, by where they begin: indexed records and buried ones.
    let known: [UInt64: UInt64]
    let size: UInt64

    private(set) var found: [Found] = []
    /// Bytes that are not zero and belong to no record; neighbours joined.
    private(set) var torn: [Volume.Extent] = []
    /// Where the last record ends.
    private(set) var end: UInt64

    init(
        file: any DiskFile,
        header: VolumeHeader,
        from checkpoint: UInt64,
        size: UInt64,
        known: [UInt64: UInt64]
    ) {
        self.file = file
        self.header = header
        self.known = known
        self.size = size
        self.end = checkpoint
    }

    mutating func run() async throws(DiskError) {
        var position = self.end
        while position < self.size {
            let count = min(Self.windowBytes, Int(self.size - position))
            let window = try await self.file.read(count, at: position)
            if Self.isBlank(window), !self.hasKnown(in: position..<(position + UInt64(count))) {
                position += UInt64(count)
            } else {
                position = try await self.scan(window, at: position)
            }
        }
    }

    private static func isBlank(_ bytes: ByteBuffer) -> Bool {
        bytes == Self.zeroes.getSlice(at: 0, length: bytes.readableBytes)
    }

    private func hasKnown(in extent: Volume.Extent) -> Bool {
        stride(from: extent.lowerBound, to: extent.upperBound, by: RecordHeader.alignment)
            .contains { self.known[$0] != nil }
    }

    /// Looks at the pages of a window.
    ///
    /// - Returns: where to go on: behind the window, or behind the record that reaches beyond it.
    private mutating func scan(
        _ window: ByteBuffer,
        at start: UInt64
    ) async throws(DiskError) -> UInt64 {
        let end = start + UInt64(window.readableBytes)
        var position = start
        while position < end {
            if let bytes = self.known[position] {
                position += bytes
                self.end = max(self.end, position)
                continue
            }
            let offset = Int(position - start)
            let count = min(RecordHeader.alignment, window.readableBytes - offset)
            guard let page = window.getSlice(at: window.readerIndex + offset, length: count) else {
                preconditionFailure("Page \(offset) lies outside \(window).")
            }
            if let found = try await self.record(page, at: position) {
                self.found.append(found)
                position += found.row.recordBytes
                self.end = position
                continue
            }
            if !Self.isBlank(page) { self.addTorn(position..<(position + UInt64(count))) }
            position += UInt64(count)
        }
        return position
    }

    /// - Returns: nil unless a whole record begins here.
    private func record(
        _ page: ByteBuffer,
        at position: UInt64
    ) async throws(DiskError) -> Found? {
        guard
            page.getInteger(at: page.readerIndex, as: UInt32.self) == RecordHeader.magic,
            let header = try? RecordHeader(
                Array(page.readableBytesView),
                nonce: self.header.nonce,
                offset: position
            )
        else { return nil }
        let start = position + UInt64(RecordHeader.byteCount(header.chunk))
        guard start + UInt64(header.chunk.storedBytes) <= self.size else { return nil }
        let blocks = try await self.file.read(header.chunk.storedBytes, at: start)
        guard
            let chunk = try? StoredChunk(header: header.chunk, blocks: blocks),
            (try? chunk.verify()) != nil
        else { return nil }
        let place = RecordPlace(volume: self.header.number, offset: position)
        return Found(name: header.name, row: IndexRow(place: place, chunk: header.chunk))
    }

    private mutating func addTorn(_ extent: Volume.Extent) {
        if let last = self.torn.last, last.upperBound == extent.lowerBound {
            self.torn[self.torn.count - 1] = last.lowerBound..<extent.upperBound
        } else {
            self.torn.append(extent)
        }
    }
}
