import Foundation
import Testing

/// What must never slip into the code, whoever writes it.
struct TidyTests {
    /// Modules that run unchanged in the simulation: below the gateway, behind the doors.
    static let simulated: Set = [
        "StoreModel", "Placement", "Register", "Content", "Wire", "Runtime", "PeerProtocol",
        "ChunkStore", "MetadataStore", "StorageNode", "Coordinator",
    ]

    /// Reports every line of code that contains one of `words`.
    private func refuse(
        _ words: [String],
        in files: [SourceFile],
        unless isAllowed: (SourceFile, String) -> Bool = { _, _ in false }
    ) {
        for file in files {
            for (number, line) in file.code {
                for word in words where line.contains(word) && !isAllowed(file, line) {
                    Issue.record("\(file.path):\(number): \(word)")
                }
            }
        }
    }

    @Test("No line is longer than 100 columns, comments included")
    func columns() throws {
        var files = try SourceFile.all(in: "Sources", ["swift", "c", "h"])
        files += try SourceFile.all(in: "Tests")
        files.append(try SourceFile("Package.swift"))
        #expect(files.count > 100)
        for file in files {
            for (index, line) in file.lines.enumerated() where line.count > 100 {
                Issue.record("\(file.path):\(index + 1): \(line.count) columns")
            }
        }
    }

    @Test("Nothing is left to be done later")
    func unfinished() throws {
        // Put together here, so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        for file in try SourceFile.all(in: "Sources", ["swift", "c", "h"])
            + SourceFile.all(in: "Tests")
        {
            for (index, line) in file.lines.enumerated() {
                for mark in marks where line.contains(mark) {
                    Issue.record("\(file.path):\(index + 1): \(mark)")
                }
            }
        }
    }

    @Test("No module and no test is a placeholder")
    func placeholders() throws {
        for file in try SourceFile.all(in: "Sources") + SourceFile.all(in: "Tests") {
            #expect(!file.path.hasSuffix("/Placeholder.swift"), "\(file.path)")
        }
    }

    @Test("Only the commands print; everything else logs")
    func printing() throws {
        let commands: Set = ["triolet", "triolet-sim"]
        let files = try SourceFile.all(in: "Sources").filter { !commands.contains($0.target) }
        self.refuse([" print(", "dump(", "debugPrint("], in: files) { _, line in
            line.contains("func ")
        }
    }

    @Test("Nothing is public, and no error is waved through")
    func access() throws {
        let files = try SourceFile.all(in: "Sources")
        self.refuse(["public ", "open class", "try!", "fatalError("], in: files)
    }

    @Test(
        "Whoever steps round the compiler says why",
        arguments: [
            ("@unchecked Sendable", "nchecked"), ("nonisolated(unsafe)", "nsafe"),
            ("Task.detached", "etached"),
        ]
    )
    func reasons(word: String, reason: String) throws {
        for file in try SourceFile.all(in: "Sources") + SourceFile.all(in: "Tests") {
            for (number, line) in file.code where line.contains(word) {
                let comments = file.comments(around: number, above: 8, below: 4)
                #expect(
                    comments.contains(reason),
                    "\(file.path):\(number): \(word) without a comment that gives the reason"
                )
            }
        }
    }

    @Test("Code that the simulation runs has no clock, chance, thread or task of its own")
    func doors() throws {
        let files = try SourceFile.all(in: "Sources").filter { Self.simulated.contains($0.target) }
        self.refuse(
            [
                "Date()", "ContinuousClock", "SuspendingClock", "Task.sleep", " Task {", "(Task {",
                "Task.detached", "Task.immediate", "SystemRandomNumberGenerator", ".shuffled()",
                ".randomElement()", "DispatchQueue", "Thread(", "usleep(", "UUID()",
            ],
            in: files
        )
        self.refuse([".random(in:"], in: files) { _, line in line.contains("using:") }
    }

    @Test("No other store, shell or program does our work")
    func shortcuts() throws {
        let files = try SourceFile.all(in: "Sources")
        // The local cluster of `triolet cluster up` and `triolet demo` starts our own program.
        let starters = ["Process()", "posix_spawn", "popen(", "execv", " system("]
        self.refuse(starters, in: files) { file, line in
            file.path.hasPrefix("Sources/triolet/") || line.contains("func ")
        }
        let names = ["minio", "seaweed", "ceph", "aws s3", "rclone", "s3cmd", "boto3", "awscli"]
        for file in files where file.target != "triolet" {
            for (index, line) in file.lines.enumerated() {
                let code = line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? line
                for name in names where code.lowercased().contains(name) {
                    Issue.record("\(file.path):\(index + 1): \(name)")
                }
            }
        }
    }
}
