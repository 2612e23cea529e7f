import Foundation

/// A directory that is gone with the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "triolet-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: true
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// Bytes that a file takes on the disk.
    func allocatedBytes(_ name: String) throws -> Int {
        var status = stat()
        guard unsafe stat(self.path + "/" + name, &status) == 0 else {
            throw CocoaError(.fileNoSuchFile)
        }
        return Int(status.st_blocks) * 512
    }
}
