import Foundation

/// Commands of the system that the runner needs.
enum Command {
    /// Runs a command whose output fits a pipe.
    ///
    /// - Returns: what it printed.
    @discardableResult
    static func run(_ words: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        process.waitUntilExit()
        func text(_ pipe: Pipe) -> String {
            String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        }
        guard process.terminationStatus == 0 else {
            throw ChaosError("\(words.joined(separator: " ")): \(text(errors))")
        }
        return text(output)
    }
}
