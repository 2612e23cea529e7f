import CRocksDB
import Runtime

/// What RocksDB's error texts mean: the C interface has no codes.
///
/// The texts come from `Status::ToString`, kind first: "Corruption: ...", "IO error: No space left
/// on device: ...", "Result incomplete: ...".
enum RocksStatus {
    /// Takes over and frees the text; nil if there was no error.
    static func take(_ message: inout UnsafeMutablePointer<CChar>?) -> String? {
        guard let text = unsafe message else { return nil }
        defer {
            unsafe rocksdb_free(text)
            unsafe message = nil
        }
        return unsafe String(cString: text)
    }

    /// Asked to look in memory only, RocksDB found that it does not know.
    static func isIncomplete(_ text: String) -> Bool { text.hasPrefix("Result incomplete") }

    static func error(_ text: String) -> EngineError {
        text.contains("No space left on device") ? .full : .failed(text)
    }
}
