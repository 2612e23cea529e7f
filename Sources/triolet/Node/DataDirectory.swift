import Foundation

/// The directory of everything durable that a node has: made if missing, tried, and held.
///
/// Held means that no second process uses it: both would answer for one node. The lock goes with
/// the process, however that ends.
struct DataDirectory: Sendable {
    let path: String
    private let lock: FileHandle

    /// Registers and everything else that the engine keeps.
    var rows: String { self.path + "/rows" }
    /// Volumes of chunks.
    var chunks: String { self.path + "/chunks" }

    /// Makes sure that the directory is there, ours, and nobody else's.
    ///
    /// What is wrong is said with the command that makes it right: starting in a container for the
    /// first time fails here more than anywhere else.
    static func hold(_ path: String) throws -> DataDirectory {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: NSNumber(value: 0o700)]
            )
        } catch {
            throw Failure(
                "cannot create the data directory \(path) (\(error.localizedDescription)); run:\n"
                    + "  install -d -o \(getuid()) -g \(getgid()) -m 700 \(path)"
            )
        }
        let lockPath = path + "/lock"
        let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.refused(path, errno) }
        let lock = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = (try? String(contentsOfFile: lockPath, encoding: .utf8)) ?? ""
            let process = holder.split(separator: "\n").first.map { " (process \($0))" } ?? ""
            throw Failure("\(path) is in use by another node\(process); each needs its own")
        }
        try lock.truncate(atOffset: 0)
        try lock.write(contentsOf: Data("\(getpid())\n".utf8))
        let directory = DataDirectory(path: path, lock: lock)
        for part in [directory.rows, directory.chunks] {
            try FileManager.default.createDirectory(
                atPath: part,
                withIntermediateDirectories: true
            )
        }
        return directory
    }

    private static func refused(_ path: String, _ error: Int32) -> Failure {
        switch error {
        case EACCES, EPERM:
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            let owner = (attributes?[.ownerAccountID] as? NSNumber)?.intValue ?? -1
            return Failure(
                "cannot write to \(path): it belongs to user \(owner), this process runs as user"
                    + " \(getuid()); run:\n  chown -R \(getuid()):\(getgid()) \(path)"
            )
        case EROFS: return Failure("\(path) is on a file system that is mounted read-only")
        case ENOSPC: return Failure("no space left on the file system of \(path)")
        default: return Failure("cannot write to \(path): error \(error)")
        }
    }

    /// Size of the file system, and what of it is free for us, in bytes.
    func space() throws -> (sizeBytes: UInt64, freeBytes: UInt64) {
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: self.path)
        let size = (attributes[.systemSize] as? NSNumber)?.uint64Value ?? 0
        let free = (attributes[.systemFreeSize] as? NSNumber)?.uint64Value ?? 0
        return (sizeBytes: size, freeBytes: free)
    }
}
