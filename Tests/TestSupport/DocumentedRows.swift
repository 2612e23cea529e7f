import Foundation

/// The `name = hexadecimal` examples of a page in docs, from its blocks marked `hex`.
package enum DocumentedRows {
    package enum Failure: Error { case shownTwice(String) }

    /// The digits of each example, without white space, by name.
    ///
    /// - Throws: if the page is not there, or shows a name twice.
    package static func examples(page: String) throws -> [String: String] {
        var examples: [String: String] = [:]
        for block in try DocumentedBytes.text(page: page).split(separator: "```") {
            let parts = block.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].hasPrefix("hex\n") else { continue }
            let name = parts[0].dropFirst(4).trimmingCharacters(in: .whitespaces)
            guard examples[name] == nil else { throw Failure.shownTwice(name) }
            examples[name] = parts[1].filter { !$0.isWhitespace }
        }
        return examples
    }
}
