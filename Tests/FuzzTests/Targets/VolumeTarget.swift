import NIOCore
import Runtime
import StoreModel
import Synchronization
import Wire

@testable import ChunkStore

/// Volumes as a disk may give them back: a byte of flags, one for what is known, the volume.
///
/// With the first flag the headers of records are set right where there are any, for the place
/// where they stand, or nothing would come past their checksums.
///
/// * What is found lies in the volume, one behind the other, and is there as it was found.
/// * Nothing is found in what is known already, and what is torn is neither found nor known.
/// * Headers have one form.
enum VolumeTarget {
    private static let header = VolumeHeader(number: 1, nonce: 0x1122_3344_5566_7788)
    private static let page = RecordHeader.alignment

    static func check(_ bytes: [UInt8]) throws {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        let hidden = input.byte()
        try Self.checkHeader(input.bytes)
        // The header of the volume is read by itself; what follows is looked at from its end on.
        var volume = [UInt8](repeating: 0, count: VolumeHeader.byteCount) + input.bytes
        if flags & 1 == 1 { Self.repair(&volume) }
        var known: [UInt64: UInt64] = [:]
        if hidden != 0, Int(hidden) * Self.page < volume.count {
            known[UInt64(Int(hidden) * Self.page)] = UInt64(Self.page)
        }
        let scan = try Self.scan(volume, known)
        try Self.checkFound(scan, in: volume)
    }

    private static func checkHeader(_ bytes: [UInt8]) throws {
        guard let header = try? VolumeHeader(bytes) else { return }
        try demand(bytes.starts(with: header.encoded), "another header: \(header)")
    }

    private static func checkFound(_ scan: VolumeScan, in volume: [UInt8]) throws {
        var end = UInt64(VolumeHeader.byteCount)
        var taken = scan.known.map { $0.key..<($0.key + $0.value) }
        for found in scan.found {
            let start = found.row.place.offset
            try demand(start >= end && start.isMultiple(of: UInt64(Self.page)), "order: \(found)")
            end = start + found.row.recordBytes
            let blocksEnd =
                Int(start) + RecordHeader.byteCount(found.row.chunk)
                + found.row.chunk.storedBytes
            try demand(blocksEnd <= volume.count, "outside: \(found)")
            let header = RecordHeader(
                nonce: Self.header.nonce,
                offset: start,
                name: found.name,
                chunk: found.row.chunk
            )
            try demand(volume[Int(start)...].starts(with: header.encoded), "not there: \(found)")
            taken.append(start..<end)
        }
        try demand(scan.end >= end, "ends before its last record")
        for torn in scan.torn {
            try demand(!torn.isEmpty && torn.upperBound <= scan.size, "torn outside: \(torn)")
            try demand(!taken.contains { $0.overlaps(torn) }, "torn and found: \(torn)")
        }
    }

    /// Sets nonce, place and checksums of what looks like a record right.
    private static func repair(_ volume: inout [UInt8]) {
        for start in stride(from: VolumeHeader.byteCount, to: volume.count, by: Self.page) {
            var reader = ByteReader(Array(volume[start...].prefix(Self.page)))
            guard (try? reader.read(UInt32.self)) == RecordHeader.magic,
                (try? reader.readRaw(1 + 8 + 8)) != nil,
                let name = try? ChunkName(from: &reader),
                let chunk = try? ChunkHeader(from: &reader)
            else { continue }
            var place = start + RecordHeader.byteCount(chunk)
            guard place + chunk.storedBytes <= volume.count else { continue }
            var table: [BlockEntry] = []
            for entry in chunk.table {
                let block = Array(volume[place..<(place + entry.storedBytes)])
                table.append(
                    BlockEntry(
                        codec: entry.codec,
                        storedBytes: entry.storedBytes,
                        checksum: CRC32C.checksum(of: block)
                    )
                )
                place += entry.storedBytes
            }
            let header = RecordHeader(
                nonce: Self.header.nonce,
                offset: UInt64(start),
                name: name,
                chunk: ChunkHeader(contentBytes: chunk.contentBytes, table: table)
            ).encoded
            volume.replaceSubrange(start..<(start + header.count), with: header)
        }
    }

    private static func scan(
        _ volume: [UInt8],
        _ known: [UInt64: UInt64]
    ) throws -> VolumeScan {
        let scan = VolumeScan(
            file: MemoryFile(bytes: ByteBuffer(bytes: volume)),
            header: Self.header,
            from: UInt64(VolumeHeader.byteCount),
            size: UInt64(volume.count),
            known: known
        )
        let result = Mutex<Result<VolumeScan, any Error>?>(nil)
        let box = Box(result: result)
        // No read waits: when the task has been begun, it has ended.
        Task(executorPreference: AtOnce()) {
            var scan = scan
            do {
                try await scan.run()
                box.result.withLock { $0 = .success(scan) }
            } catch {
                box.result.withLock { $0 = .failure(error) }
            }
        }
        guard let ended = box.result.withLock({ $0 }) else {
            throw Violation(description: "the scan waits for something")
        }
        return try ended.get()
    }
}

private final class Box: Sendable {
    let result: Mutex<Result<VolumeScan, any Error>?>

    init(result: consuming Mutex<Result<VolumeScan, any Error>?>) { self.result = result }
}

/// Runs each job where it is handed over, before that returns.
private final class AtOnce: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
}

/// A file that is read, in memory.
private struct MemoryFile: DiskFile {
    let bytes: ByteBuffer

    func size() async throws(DiskError) -> UInt64 { UInt64(self.bytes.readableBytes) }

    func read(
        _ count: Int,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) -> ByteBuffer {
        guard let part = self.bytes.getSlice(at: Int(offset), length: count) else {
            preconditionFailure("Nobody reads beyond the end: \(count) bytes at \(offset)")
        }
        return part
    }

    func preallocate(to size: UInt64) async throws(DiskError) {}
    func write(
        _ buffers: [ByteBuffer],
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) {}
    func sync() async throws(DiskError) {}
    func punchHole(at offset: UInt64, count: UInt64) async throws(DiskError) {}
    func close() async {}
}
