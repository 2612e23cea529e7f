import CRocksDB
import Runtime

/// The options a database is opened with.
@safe struct RocksOptions {
    private let options: OpaquePointer
    private let cache: OpaquePointer

    init(_ settings: RocksSettings) {
        unsafe self.options = rocksdb_options_create()
        unsafe self.cache = rocksdb_cache_create_lru(settings.blockCacheBytes)
        let options = unsafe self.options
        unsafe rocksdb_options_set_create_if_missing(options, 1)
        unsafe rocksdb_options_set_create_missing_column_families(options, 1)
        unsafe rocksdb_options_set_paranoid_checks(options, 1)
        // Acknowledged rows are promises: a log that is damaged anywhere but in its unfinished last
        // record must not open, rather than open without what came after the damage.
        unsafe rocksdb_options_set_wal_recovery_mode(
            options,
            Int32(rocksdb_tolerate_corrupted_tail_records_recovery)
        )
        unsafe rocksdb_options_set_max_total_wal_size(options, UInt64(settings.logBytesMax))
        unsafe rocksdb_options_set_write_buffer_size(options, settings.writeBufferBytes)
        unsafe rocksdb_options_set_max_write_buffer_number(options, 3)
        unsafe rocksdb_options_set_max_background_jobs(options, 2)
        unsafe rocksdb_options_set_compression(options, Int32(rocksdb_lz4_compression))
        unsafe rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1)
        unsafe rocksdb_options_set_bytes_per_sync(options, 1 << 20)
        unsafe rocksdb_options_set_max_log_file_size(options, 1 << 20)
        unsafe rocksdb_options_set_keep_log_file_num(options, 4)
        self.setTableOptions()
    }

    private func setTableOptions() {
        let table = unsafe rocksdb_block_based_options_create()
        defer { unsafe rocksdb_block_based_options_destroy(table) }
        unsafe rocksdb_block_based_options_set_block_cache(table, self.cache)
        unsafe rocksdb_block_based_options_set_block_size(table, 8 << 10)
        unsafe rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1)
        unsafe rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(
            table,
            1
        )
        unsafe rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1)
        unsafe rocksdb_block_based_options_set_format_version(table, 5)
        // 10 bits a key: an absent key is told from memory in 99 of 100 cases. The table owns the
        // filter.
        unsafe rocksdb_block_based_options_set_filter_policy(
            table,
            rocksdb_filterpolicy_create_bloom_full(10)
        )
        unsafe rocksdb_options_set_block_based_table_factory(self.options, table)
    }

    /// The database, and the handles of ``RowFamily`` by raw value.
    func open(_ path: String) throws(EngineError) -> (OpaquePointer, [OpaquePointer]) {
        // RocksDB wants its own family first; it stays empty.
        let names: [StaticString] = ["default"] + RowFamily.allCases.map(\.name)
        var handles = unsafe [OpaquePointer?](repeating: nil, count: names.count)
        var message: UnsafeMutablePointer<CChar>?
        // The text of a static string stays in place for ever, with a zero at its end.
        let texts: [UnsafePointer<CChar>?] = unsafe names.map { name in
            unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        }
        let database = unsafe rocksdb_open_column_families(
            self.options,
            path,
            Int32(names.count),
            texts,
            [OpaquePointer?](repeating: self.options, count: names.count),
            &handles,
            &message
        )
        if let text = unsafe RocksStatus.take(&message) { throw RocksStatus.error(text) }
        guard let database = unsafe database else { throw .failed("no database at \(path)") }
        let opened = unsafe handles.compactMap { unsafe $0 }
        guard unsafe opened.count == names.count else {
            throw .failed("families are missing at \(path)")
        }
        unsafe rocksdb_column_family_handle_destroy(opened[0])
        return unsafe (database, Array(opened.dropFirst()))
    }

    func destroy() {
        unsafe rocksdb_cache_destroy(self.cache)
        unsafe rocksdb_options_destroy(self.options)
    }
}

extension RowFamily {
    /// The name of the column family on disk.
    var name: StaticString {
        switch self {
        case .rows: "rows"
        case .partitions: "partitions"
        case .chunks: "chunks"
        case .node: "node"
        case .tails: "tails"
        }
    }
}
