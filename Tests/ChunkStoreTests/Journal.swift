import NIOCore
import Runtime
import Synchronization

/// Everything that a store did to its disk and its engine, in order.
///
/// From it the state of the directory can be put together as a crash at any moment may leave it.
final class Journal: Sendable {
    enum Event: Sendable {
        case open(String)
        case remove(String)
        case preallocate(String, UInt64)
        /// Sectors with their new bytes; nil for a hole.
        case write(String, [(index: Int, bytes: ByteBuffer?)])
        case sync(String)
        case commit(RowBatch, isDurable: Bool)
    }

    private let log = Mutex<[Event]>([])

    var events: [Event] { self.log.withLock { $0 } }

    var count: Int { self.log.withLock { $0.count } }

    func add(_ event: Event) { self.log.withLock { $0.append(event) } }
}

/// What is on disk and in the engine.
struct Directory: Sendable {
    struct File: Sendable {
        var sectors: [Int: ByteBuffer] = [:]
        var size: UInt64 = 0
    }

    static let sectorBytes = 4_096

    var files: [String: File] = [:]
    var rows: [RowFamily: [[UInt8]: [UInt8]]] = [:]

    mutating func apply(_ batch: RowBatch) {
        for change in batch.changes {
            switch change {
            case .put(let family, let key, let value): self.rows[family, default: [:]][key] = value
            case .delete(let family, let key): self.rows[family, default: [:]][key] = nil
            }
        }
    }

    mutating func apply(_ event: Journal.Event) {
        switch event {
        case .open(let name): self.files[name] = self.files[name] ?? File()
        case .remove(let name): self.files[name] = nil
        case .preallocate(let name, let size):
            let before = self.files[name]?.size ?? 0
            self.files[name]?.size = max(before, size)
        case .write(let name, let sectors):
            for (index, bytes) in sectors { self.files[name]?.sectors[index] = bytes }
        case .sync: break
        case .commit(let batch, _): self.apply(batch)
        }
    }
}

/// A sector that a crash may keep or lose.
private struct Unsynced {
    let name: String
    let index: Int
    let bytes: ByteBuffer?
}

extension Directory {
    /// Every state in which a crash after `events` may leave the directory.
    ///
    /// Any subset of the unsynced sectors (the first `sectorsMax`; the rest goes all with them or
    /// all not), and any number of the batches after the last durable one.
    func crashes(after events: ArraySlice<Journal.Event>, sectorsMax: Int = 6) -> [Directory] {
        var durable = self
        var volatile: [Unsynced] = []
        var batches: [RowBatch] = []
        for event in events {
            switch event {
            case .write(let name, let sectors):
                for (index, bytes) in sectors {
                    volatile.append(Unsynced(name: name, index: index, bytes: bytes))
                }
            case .sync(let name):
                for sector in volatile where sector.name == name {
                    durable.files[name]?.sectors[sector.index] = sector.bytes
                }
                volatile.removeAll { $0.name == name }
            case .commit(let batch, let isDurable):
                batches.append(batch)
                guard isDurable else { continue }
                for batch in batches { durable.apply(batch) }
                batches = []
            case .open, .remove, .preallocate: durable.apply(event)
            }
        }
        return (0...batches.count).flatMap { kept in
            var state = durable
            for batch in batches.prefix(kept) { state.apply(batch) }
            return state.subsets(of: volatile, max: sectorsMax)
        }
    }

    private func subsets(of sectors: [Unsynced], max: Int) -> [Directory] {
        let count = min(sectors.count, max)
        return (0..<(1 << count)).map { mask in
            var state = self
            for (index, sector) in sectors.enumerated()
            where mask & (1 << min(index, count - 1)) != 0 {
                state.files[sector.name]?.sectors[sector.index] = sector.bytes
            }
            return state
        }
    }
}

/// A disk and an engine in memory that write down what they are asked to do.
final class JournalDisk: Disk, KeyValueEngine {
    let journal = Journal()
    let directory: Mutex<Directory>

    init(_ directory: Directory = Directory()) { self.directory = Mutex(directory) }

    func record(_ event: Journal.Event) {
        self.directory.withLock { $0.apply(event) }
        self.journal.add(event)
    }

    func open(_ name: String) async throws(DiskError) -> any DiskFile {
        self.record(.open(name))
        return JournalFile(disk: self, name: name)
    }

    func list() async throws(DiskError) -> [String] {
        self.directory.withLock { $0.files.keys.sorted() }
    }

    func remove(_ name: String) async throws(DiskError) { self.record(.remove(name)) }

    func space() async throws(DiskError) -> (freeBytes: UInt64, sizeBytes: UInt64) {
        (1 << 40, 1 << 40)
    }

    func get(_ family: RowFamily, _ key: [UInt8]) async throws(EngineError) -> [UInt8]? {
        self.directory.withLock { $0.rows[family]?[key] }
    }

    func walk<State: Sendable>(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        _ state: State,
        visit: @escaping @Sendable (inout State, RawSpan, RawSpan) -> WalkStep
    ) async throws(EngineError) -> State {
        let rows = self.directory.withLock { directory in
            (directory.rows[family] ?? [:]).filter { row in
                !row.key.lexicographicallyPrecedes(start)
                    && (end.map { row.key.lexicographicallyPrecedes($0) } ?? true)
            }
        }
        var state = state
        for (key, value) in rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            switch unsafe visit(&state, key.span.bytes, value.span.bytes) {
            case .next: continue
            case .seek: throw .failed("chunks are indexed without leaps")
            case .stop: return state
            }
        }
        return state
    }

    func commit(_ batch: RowBatch, durable: Bool) async throws(EngineError) {
        self.record(.commit(batch, isDurable: durable))
    }

    var syncCount: Int { 0 }
}

struct JournalFile: DiskFile {
    let disk: JournalDisk
    let name: String

    private var file: Directory.File {
        self.disk.directory.withLock { $0.files[self.name] ?? Directory.File() }
    }

    func size() async throws(DiskError) -> UInt64 { self.file.size }

    func preallocate(to size: UInt64) async throws(DiskError) {
        self.disk.record(.preallocate(self.name, size))
    }

    func write(
        _ buffers: [ByteBuffer],
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) {
        var whole = ByteBuffer()
        for buffer in buffers { whole.writeImmutableBuffer(buffer) }
        let first = Int(offset) / Directory.sectorBytes
        precondition(Int(offset) == first * Directory.sectorBytes, "Records begin at a page.")
        var sectors: [(index: Int, bytes: ByteBuffer?)] = []
        while whole.readableBytes > 0 {
            let count = min(Directory.sectorBytes, whole.readableBytes)
            var sector = whole.readSlice(length: count) ?? ByteBuffer()
            sector.writeRepeatingByte(0, count: Directory.sectorBytes - count)
            sectors.append((index: first + sectors.count, bytes: sector))
        }
        self.disk.record(.write(self.name, sectors))
    }

    func read(
        _ count: Int,
        at offset: UInt64,
        _ cache: CacheUse
    ) async throws(DiskError) -> ByteBuffer {
        let file = self.file
        guard offset + UInt64(count) <= file.size else {
            throw .shortRead(wanted: count, got: 0)
        }
        var bytes = ByteBuffer()
        let first = Int(offset) / Directory.sectorBytes
        let last = (Int(offset) + count - 1) / Directory.sectorBytes
        for index in first...max(first, last) {
            bytes.writeImmutableBuffer(
                file.sectors[index] ?? ByteBuffer(repeating: 0, count: Directory.sectorBytes)
            )
        }
        let start = Int(offset) % Directory.sectorBytes
        return bytes.getSlice(at: start, length: count) ?? ByteBuffer()
    }

    func sync() async throws(DiskError) { self.disk.record(.sync(self.name)) }

    func punchHole(at offset: UInt64, count: UInt64) async throws(DiskError) {
        let first = Int(offset) / Directory.sectorBytes
        let count = Int(count) / Directory.sectorBytes
        let holes = (first..<(first + count)).map { (index: $0, bytes: ByteBuffer?.none) }
        self.disk.record(.write(self.name, holes))
    }

    func close() async {}
}
