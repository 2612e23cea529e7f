import Foundation

/// What is done to files of a node.
enum Damage {
    /// Turns bits at random places of files whose names fit, as many as asked for.
    ///
    /// Only where something has been written: the room that volumes have ahead is full of zeros.
    /// - Returns: how many were turned.
    static func flip(_ bits: Int, in files: Scenario.Files, of data: String) throws -> Int {
        let paths = Self.paths(files, in: data)
        guard !paths.isEmpty else { return 0 }
        var turned = 0
        for _ in 0..<(bits * 200) where turned < bits {
            guard let path = paths.randomElement(),
                let file = FileHandle(forUpdatingAtPath: path)
            else { continue }
            defer { try? file.close() }
            let size = try file.seekToEnd()
            // The head of a volume is written once and read at start; leave files one can open.
            guard size > 4_096 else { continue }
            let place = UInt64.random(in: 4_096..<size)
            try file.seek(toOffset: place)
            guard let byte = try file.read(upToCount: 1)?.first, byte != 0 else { continue }
            try file.seek(toOffset: place)
            try file.write(contentsOf: Data([byte ^ (1 << UInt8.random(in: 0..<8))]))
            turned += 1
        }
        return turned
    }

    private static func paths(_ files: Scenario.Files, in data: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: data)?.compactMap { $0 as? String } ?? []
        return all.filter { path in
            switch files {
            case .volumes: path.split(separator: "/").last?.hasPrefix("volume-") ?? false
            case .rows:
                path.hasPrefix("rows/") && (path.hasSuffix(".sst") || path.hasSuffix(".log"))
            }
        }.map { data + "/" + $0 }.sorted()
    }

    static func empty(_ data: String) throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: data) where name != "lost+found" {
            try files.removeItem(atPath: data + "/" + name)
        }
    }

    /// Takes all room that is left.
    static func fill(_ data: String) throws {
        let path = data + "/filler"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw ChaosError("cannot write \(path)")
        }
        defer { try? file.close() }
        for count in [1 << 20, 4_096] {
            let piece = Data(repeating: 1, count: count)
            // The error is what we want.
            while (try? file.write(contentsOf: piece)) != nil {}
        }
    }

    static func makeRoom(_ data: String) {
        try? FileManager.default.removeItem(atPath: data + "/filler")
    }

    /// Bytes that volumes take on the disk.
    static func volumeBytes(_ data: String) -> Int {
        Self.paths(.volumes, in: data).reduce(0) { sum, path in
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return sum }
            return sum + Int(status.st_blocks) * 512
        }
    }
}
