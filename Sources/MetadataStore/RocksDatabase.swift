import CRocksDB
import Runtime

/// An open RocksDB database: each call blocks its thread.
///
/// Unchecked: the handles are constants, and RocksDB is safe for calls from any number of threads
/// until it is closed; ``RocksEngine`` sees to it that nobody calls any more by then.
@safe final class RocksDatabase: @unchecked Sendable {
    private let database: OpaquePointer
    private let families: [OpaquePointer]
    private let reading: OpaquePointer
    private let cachedReading: OpaquePointer
    private let writing: OpaquePointer
    private let durableWriting: OpaquePointer

    /// Opens the database in the directory `path`; creates it if it is missing.
    init(path: String, settings: RocksSettings) throws(EngineError) {
        let options = RocksOptions(settings)
        defer { options.destroy() }
        (unsafe self.database, unsafe self.families) = try unsafe options.open(path)
        unsafe self.reading = rocksdb_readoptions_create()
        unsafe self.cachedReading = rocksdb_readoptions_create()
        unsafe rocksdb_readoptions_set_read_tier(self.cachedReading, 1)  // kBlockCacheTier
        unsafe self.writing = rocksdb_writeoptions_create()
        unsafe self.durableWriting = rocksdb_writeoptions_create()
        unsafe rocksdb_writeoptions_set_sync(self.durableWriting, 1)
    }

    /// - Precondition: nobody is inside a call, and nobody calls again.
    func close() {
        unsafe self.families.forEach { unsafe rocksdb_column_family_handle_destroy($0) }
        unsafe rocksdb_close(self.database)
        unsafe rocksdb_readoptions_destroy(self.reading)
        unsafe rocksdb_readoptions_destroy(self.cachedReading)
        unsafe rocksdb_writeoptions_destroy(self.writing)
        unsafe rocksdb_writeoptions_destroy(self.durableWriting)
    }

    enum Cached {
        case known([UInt8]?)
        /// A file would have to be read.
        case notInMemory
    }

    /// The value, if memory suffices to tell.
    func cached(_ family: RowFamily, _ key: [UInt8]) throws(EngineError) -> Cached {
        try unsafe self.get(family, key, self.cachedReading)
    }

    func get(_ family: RowFamily, _ key: [UInt8]) throws(EngineError) -> [UInt8]? {
        guard case .known(let value) = try unsafe self.get(family, key, self.reading) else {
            throw .failed("a read from disk was left incomplete")
        }
        return value
    }

    /// Copies the value once, out of the cache's own memory.
    private func get(
        _ family: RowFamily,
        _ key: [UInt8],
        _ options: OpaquePointer
    ) throws(EngineError) -> Cached {
        var message: UnsafeMutablePointer<CChar>?
        let slice = unsafe key.withUnsafeCharacters { key, count in
            unsafe rocksdb_get_pinned_cf(
                self.database,
                options,
                self.families[Int(family.rawValue)],
                key,
                count,
                &message
            )
        }
        defer { if let slice = unsafe slice { unsafe rocksdb_pinnableslice_destroy(slice) } }
        if let text = unsafe RocksStatus.take(&message) {
            guard RocksStatus.isIncomplete(text) else { throw RocksStatus.error(text) }
            return .notInMemory
        }
        guard let slice = unsafe slice else { return .known(nil) }
        var count = 0
        let bytes = unsafe rocksdb_pinnableslice_value(slice, &count)
        return .known(unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    }

    /// Walks over a range, as ``KeyValueEngine/walk(_:from:to:_:visit:)`` says.
    func walk(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        visit: (RawSpan, RawSpan) -> WalkStep
    ) throws(EngineError) {
        guard let options = unsafe rocksdb_readoptions_create() else {
            throw .failed("no read options")
        }
        defer { unsafe rocksdb_readoptions_destroy(options) }
        guard let end else { return try unsafe self.walk(family, from: start, options, visit) }
        var failure: EngineError?
        // The bound must stay in place for as long as the iterator lives.
        unsafe end.withUnsafeCharacters { end, count in
            unsafe rocksdb_readoptions_set_iterate_upper_bound(options, end, count)
            do throws(EngineError) {
                try unsafe self.walk(family, from: start, options, visit)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func walk(
        _ family: RowFamily,
        from start: [UInt8],
        _ options: OpaquePointer,
        _ visit: (RawSpan, RawSpan) -> WalkStep
    ) throws(EngineError) {
        let iterator = unsafe rocksdb_create_iterator_cf(
            self.database,
            options,
            self.families[Int(family.rawValue)]
        )
        defer { unsafe rocksdb_iter_destroy(iterator) }
        unsafe start.withUnsafeCharacters { unsafe rocksdb_iter_seek(iterator, $0, $1) }
        walk: while unsafe rocksdb_iter_valid(iterator) != 0 {
            var (keyBytes, valueBytes) = (0, 0)
            let key = unsafe rocksdb_iter_key(iterator, &keyBytes)
            let value = unsafe rocksdb_iter_value(iterator, &valueBytes)
            // The bytes stay in place until the iterator moves.
            let step = unsafe visit(
                UnsafeRawBufferPointer(start: key, count: keyBytes).bytes,
                UnsafeRawBufferPointer(start: value, count: valueBytes).bytes
            )
            switch step {
            case .next: unsafe rocksdb_iter_next(iterator)
            case .seek(let next):
                unsafe next.withUnsafeCharacters { unsafe rocksdb_iter_seek(iterator, $0, $1) }
            case .stop: break walk
            }
        }
        var message: UnsafeMutablePointer<CChar>?
        unsafe rocksdb_iter_get_error(iterator, &message)
        if let text = unsafe RocksStatus.take(&message) { throw RocksStatus.error(text) }
    }

    /// Applies all batches in order, as one; with `durable` the log is synced before it returns.
    func write(_ batches: [RowBatch], durable: Bool) throws(EngineError) {
        let batch = unsafe rocksdb_writebatch_create()
        defer { unsafe rocksdb_writebatch_destroy(batch) }
        for change in batches.lazy.flatMap(\.changes) {
            switch change {
            case .put(let family, let key, let value):
                unsafe key.withUnsafeCharacters { key, keyBytes in
                    unsafe value.withUnsafeCharacters { value, valueBytes in
                        unsafe rocksdb_writebatch_put_cf(
                            batch,
                            self.families[Int(family.rawValue)],
                            key,
                            keyBytes,
                            value,
                            valueBytes
                        )
                    }
                }
            case .delete(let family, let key):
                unsafe key.withUnsafeCharacters { key, count in
                    unsafe rocksdb_writebatch_delete_cf(
                        batch,
                        self.families[Int(family.rawValue)],
                        key,
                        count
                    )
                }
            }
        }
        var message: UnsafeMutablePointer<CChar>?
        unsafe rocksdb_write(
            self.database,
            durable ? self.durableWriting : self.writing,
            batch,
            &message
        )
        if let text = unsafe RocksStatus.take(&message) { throw RocksStatus.error(text) }
    }
}

extension [UInt8] {
    /// The bytes as C's `char`, and their number.
    func withUnsafeCharacters<Value>(
        _ body: (UnsafePointer<CChar>?, Int) -> Value
    ) -> Value {
        unsafe self.withUnsafeBytes { bytes in
            unsafe body(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
    }
}
