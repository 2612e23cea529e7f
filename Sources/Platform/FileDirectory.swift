import CPlatform
package import Runtime
import Synchronization

/// One directory of files on a real disk.
///
/// The directory is locked while it is open, so that two processes never share it. Names that begin
/// with a dot, and subdirectories, are not ours to list. After a failed sync nothing is written any
/// more.
package final class FileDirectory: Disk {
    /// Holds the lock.
    static let lockName = ".lock"

    private let descriptor: FileDescriptor
    private let lock: FileDescriptor
    private let threads: FileThreads
    private let health = DiskHealth()
    private let path: String

    private init(
        path: String,
        descriptor: FileDescriptor,
        lock: FileDescriptor,
        threads: FileThreads
    ) {
        self.path = path
        self.descriptor = descriptor
        self.lock = lock
        self.threads = threads
    }

    /// Opens and locks an existing directory.
    package static func open(
        _ path: String,
        threads: FileThreads = .shared
    ) throws(DirectoryError) -> FileDirectory {
        var number: Int32 = -1
        let opened = unsafe cplatform_open_directory(path, &number)
        guard opened == 0 else { throw .notUsable(path: path, errno: opened) }
        let descriptor = FileDescriptor(number)
        let locked = unsafe cplatform_open_at(descriptor.number, Self.lockName, 1, &number)
        guard locked == 0 else { throw .notUsable(path: path, errno: locked) }
        let lock = FileDescriptor(number)
        guard cplatform_lock(lock.number) == 0 else { throw .inUse(path: path) }
        return FileDirectory(path: path, descriptor: descriptor, lock: lock, threads: threads)
    }

    package func open(_ name: String) async throws(DiskError) -> any DiskFile {
        try Self.check(name)
        let number = try await self.run { health throws(DiskError) in
            var number: Int32 = -1
            let found = unsafe cplatform_open_at(self.descriptor.number, name, 0, &number)
            if found == 0 { return number }
            guard found == DiskErrno.notFound else { throw DiskError(found, "open", name) }
            try health.check()
            let created = unsafe cplatform_open_at(self.descriptor.number, name, 1, &number)
            guard created == 0 else { throw DiskError(created, "create", name) }
            do throws(DiskError) {
                try health.sync(self.descriptor.number, "directory", cplatform_sync_directory)
            } catch {
                cplatform_close(number)
                throw error
            }
            return number
        }
        return OpenFile(
            name: name,
            descriptor: FileDescriptor(number),
            threads: self.threads,
            health: self.health
        )
    }

    package func list() async throws(DiskError) -> [String] {
        try await self.run { _ throws(DiskError) in
            try DirectoryListing.names(in: self.descriptor, path: self.path)
        }
    }

    package func remove(_ name: String) async throws(DiskError) {
        try Self.check(name)
        try await self.run { health throws(DiskError) in
            try health.check()
            let removed = unsafe cplatform_remove_at(self.descriptor.number, name)
            guard removed == 0 else { throw DiskError(removed, "remove", name) }
            try health.sync(self.descriptor.number, "directory", cplatform_sync_directory)
        }
    }

    package func space() async throws(DiskError) -> (freeBytes: UInt64, sizeBytes: UInt64) {
        let space = try await self.run { _ throws(DiskError) in
            var space = Space()
            let status = unsafe cplatform_space(
                self.descriptor.number,
                &space.freeBytes,
                &space.sizeBytes
            )
            guard status == 0 else { throw DiskError(status, "statvfs", self.path) }
            return space
        }
        return (space.freeBytes, space.sizeBytes)
    }

    private struct Space {
        var freeBytes: UInt64 = 0
        var sizeBytes: UInt64 = 0
    }

    private func run<Value: Sendable>(
        _ work: @escaping @Sendable (DiskHealth) throws(DiskError) -> Value
    ) async throws(DiskError) -> Value {
        let result = await self.threads.run { [health] in
            Result { () throws(DiskError) in try work(health) }
        }
        return try result.get()
    }

    /// Refuses names that are no plain file of this directory.
    private static func check(_ name: String) throws(DiskError) {
        let bytes = Array(name.utf8)
        let isPlain =
            (1...255).contains(bytes.count) && bytes.first != UInt8(ascii: ".")
            && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(0)
        guard isPlain else { throw .failed(operation: "name", errno: DiskErrno.invalid) }
    }
}
