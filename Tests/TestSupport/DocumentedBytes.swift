import Foundation
import StoreModel

/// The hexadecimal examples of a page in docs: blocks that begin with three backticks, `hex` and a
/// name.
package struct DocumentedBytes {
    package enum Failure: Error { case noExample(String) }

    private let examples: [String: [UInt8]]

    /// - Throws: if the page is not there.
    package init(page: String) throws {
        let text = try Self.text(page: page)
        var examples: [String: [UInt8]] = [:]
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            guard line.hasPrefix("```hex ") else { continue }
            let name = String(line.dropFirst(7))
            let digits = lines.prefix { $0 != "```" }.joined().filter { $0 != " " }
            examples[name] = Hexadecimal.bytes(digits)
        }
        self.examples = examples
    }

    package static func text(page: String) throws -> String {
        // The package may be reached through a symbolic link.
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
    }

    package func bytes(_ name: String) throws -> [UInt8] {
        guard let bytes = self.examples[name] else { throw Failure.noExample(name) }
        return bytes
    }
}
