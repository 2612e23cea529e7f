import Foundation

/// A real directory that is gone when the test is over.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("triolet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// Writes a file and gives its path.
    package func file(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let path = "\(self.path)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes(
            [.posixPermissions: NSNumber(value: mode)],
            ofItemAtPath: path
        )
        return path
    }

    /// Paths of files whose name ends in `suffix`, by name.
    package func files(_ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.path)
            .filter { $0.hasSuffix(suffix) }
            .sorted()
            .map { "\(self.path)/\($0)" }
    }

    /// Bytes that a file takes on the disk.
    package func allocatedBytes(_ name: String) throws -> Int {
        var status = stat()
        guard unsafe stat("\(self.path)/\(name)", &status) == 0 else {
            throw CocoaError(.fileNoSuchFile)
        }
        return Int(status.st_blocks) * 512
    }

    /// Another directory with the same files.
    package func copy() throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: self.path, toPath: copy.path)
        return copy
    }
}
