import Foundation
import NIOCore
import Runtime
import TestSupport
import Testing

@testable import Platform

/// What `ChunkStore` and others rely on, on the real disk.
struct FileDirectoryTests {
    private let temporary: TemporaryDirectory
    private let disk: FileDirectory

    init() throws {
        self.temporary = try TemporaryDirectory()
        self.disk = try FileDirectory.open(self.temporary.path)
    }

    @Test("What was written is read, at any offset, in any number of buffers")
    func writeAndRead() async throws {
        let file = try await self.disk.open("volume-1")
        let buffers = (0..<200).map { ByteBuffer(repeating: UInt8($0), count: $0 * 7) }
        let whole = ByteBuffer(bytes: buffers.flatMap { Array($0.readableBytesView) })
        try await file.write(buffers, at: 4_096)
        try await file.sync()
        #expect(try await file.read(whole.readableBytes, at: 4_096) == whole)
        #expect(try await file.read(4_096, at: 0) == ByteBuffer(repeating: 0, count: 4_096))
        #expect(try await file.size() == UInt64(4_096 + whole.readableBytes))
        try await file.write([ByteBuffer(string: "middle")], at: 5_000)
        #expect(try await file.read(6, at: 5_000) == ByteBuffer(string: "middle"))
        try await file.write([], at: 0)
        try await file.write([ByteBuffer()], at: 0)
        await file.close()
        let again = try await self.disk.open("volume-1")
        #expect(try await again.read(6, at: 5_000) == ByteBuffer(string: "middle"))
    }

    @Test("What passes the page cache is written and read like anything else, at any offset")
    func passing() async throws {
        let file = try await self.disk.open("passing")
        try await file.preallocate(to: 8 << 20)
        let head = ByteBuffer(string: "head of odd length")
        let body = ByteBuffer(bytes: (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 * 31) })
        try await file.write([head, body], at: 4_096, .passing)
        try await file.sync()
        let start = UInt64(4_096 + head.readableBytes)
        #expect(try await file.read(body.readableBytes, at: start, .passing) == body)
        #expect(try await file.read(body.readableBytes, at: start, .kept) == body)
        #expect(try await file.read(head.readableBytes, at: 4_096, .passing) == head)
        await #expect(throws: DiskError.shortRead(wanted: 10, got: 3)) {
            try await file.read(10, at: (8 << 20) - 3, .passing)
        }
    }

    @Test("A slice is written without the bytes around it")
    func slices() async throws {
        let file = try await self.disk.open("slices")
        var buffer = ByteBuffer(string: "0123456789")
        buffer.moveReaderIndex(to: 3)
        buffer.moveWriterIndex(to: 6)
        try await file.write([buffer, buffer], at: 0)
        #expect(try await file.read(6, at: 0) == ByteBuffer(string: "345345"))
        #expect(try await file.size() == 6)
    }

    @Test("Reading past the end says how much there was")
    func shortRead() async throws {
        let file = try await self.disk.open("short")
        try await file.write([ByteBuffer(string: "abc")], at: 0)
        await #expect(throws: DiskError.shortRead(wanted: 10, got: 3)) {
            try await file.read(10, at: 0)
        }
        #expect(try await file.read(0, at: 3).readableBytes == 0)
    }

    @Test("Preallocated space reads as zeroes, counts for the length, and takes room")
    func preallocate() async throws {
        let file = try await self.disk.open("prepared")
        try await file.write([ByteBuffer(string: "abc")], at: 0)
        try await file.preallocate(to: 1 << 20)
        #expect(try await file.size() == 1 << 20)
        #expect(try await file.read(3, at: 0) == ByteBuffer(string: "abc"))
        #expect(try await file.read(8, at: 1 << 19) == ByteBuffer(repeating: 0, count: 8))
        #expect(try self.temporary.allocatedBytes("prepared") >= 1 << 20)
        // Never shorter than it was.
        try await file.preallocate(to: 10)
        #expect(try await file.size() == 1 << 20)
    }

    @Test("A punched hole reads as zeroes and gives its room back")
    func punchHole() async throws {
        let file = try await self.disk.open("holes")
        try await file.write([ByteBuffer(repeating: 7, count: 1 << 20)], at: 0)
        try await file.sync()
        let before = try self.temporary.allocatedBytes("holes")
        try await file.punchHole(at: 4_096, count: 1 << 19)
        try await file.punchHole(at: 0, count: 0)
        #expect(try await file.size() == 1 << 20)
        #expect(try await file.read(16, at: 8_192) == ByteBuffer(repeating: 0, count: 16))
        #expect(try await file.read(16, at: 0) == ByteBuffer(repeating: 7, count: 16))
        #expect(try self.temporary.allocatedBytes("holes") <= before - (1 << 18))
    }

    @Test("Files are listed in order of their names, and gone once removed")
    func listAndRemove() async throws {
        for name in ["b", "a", "volume-10", "volume-2", "ä"] { _ = try await self.disk.open(name) }
        try FileManager.default.createDirectory(
            atPath: self.temporary.path + "/metadata",
            withIntermediateDirectories: false
        )
        #expect(try await self.disk.list() == ["a", "b", "volume-10", "volume-2", "ä"])
        try await self.disk.remove("b")
        #expect(try await self.disk.list() == ["a", "volume-10", "volume-2", "ä"])
        await #expect(throws: DiskError.notFound("b")) { try await self.disk.remove("b") }
    }

    @Test(
        "Names that lead elsewhere are refused",
        arguments: ["", ".", "..", ".lock", "a/b", "/etc/passwd", "a\0b"]
    )
    func names(name: String) async throws {
        await #expect(throws: DiskError.self) { try await self.disk.open(name) }
        await #expect(throws: DiskError.self) { try await self.disk.remove(name) }
    }

    @Test("A symbolic link is not followed out of the directory")
    func symbolicLink() async throws {
        try FileManager.default.createSymbolicLink(
            atPath: self.temporary.path + "/link",
            withDestinationPath: "/etc/passwd"
        )
        await #expect(throws: DiskError.self) { try await self.disk.open("link") }
        #expect(try await self.disk.list() == [])
    }

    @Test("A directory that is open is not opened again until it is let go")
    func lock() throws {
        #expect(throws: DirectoryError.inUse(path: self.temporary.path)) {
            try FileDirectory.open(self.temporary.path)
        }
        let other = try TemporaryDirectory()
        do { _ = try FileDirectory.open(other.path) }
        _ = try FileDirectory.open(other.path)
        #expect(throws: DirectoryError.self) { try FileDirectory.open(other.path + "/missing") }
    }

    @Test("A closed file is not used any more, whoever has its descriptor now")
    func closed() async throws {
        let file = try await self.disk.open("closed")
        await file.close()
        await file.close()
        await #expect(throws: DiskError.self) { try await file.read(1, at: 0) }
        await #expect(throws: DiskError.self) {
            try await file.write([ByteBuffer(string: "x")], at: 0)
        }
    }

    @Test("The space of the disk is told")
    func space() async throws {
        let space = try await self.disk.space()
        #expect(space.sizeBytes > 0 && space.freeBytes <= space.sizeBytes)
    }

    @Test("Many operations at once all come back right")
    func concurrent() async throws {
        let file = try await self.disk.open("busy")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let bytes = ByteBuffer(repeating: UInt8(number), count: 1_000)
                    let offset = UInt64(number) * 1_000
                    try await file.write([bytes], at: offset)
                    #expect(try await file.read(1_000, at: offset) == bytes)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("After a failed sync nothing is written any more; what is there can still be read")
    func failedSync() throws {
        let health = DiskHealth()
        #expect(throws: DiskError.syncFailed("sync of volume-1: errno 5")) {
            try health.sync(3, "volume-1") { _ in 5 }
        }
        // A later sync would succeed, and must not be believed.
        #expect(throws: DiskError.syncFailed("sync of volume-1: errno 5")) {
            try health.sync(3, "volume-2") { _ in 0 }
        }
        #expect(throws: DiskError.syncFailed("sync of volume-1: errno 5")) { try health.check() }
    }

    @Test("The system's errors get our names")
    func errors() {
        #expect(DiskError(ENOSPC, "write", "x") == .full)
        #expect(DiskError(EDQUOT, "write", "x") == .full)
        #expect(DiskError(ENOENT, "open", "x") == .notFound("x"))
        #expect(DiskError(EIO, "write", "x") == .failed(operation: "write", errno: EIO))
    }
}
