import Foundation

/// One text file of the repository.
struct SourceFile: Sendable {
    /// From the top of the repository: "Sources/Wire/FrameHeader.swift".
    let path: String
    let lines: [String]
    /// The lines with comments and the insides of string literals taken out; empty but for Swift.
    let code: [(number: Int, text: String)]

    /// The top of the repository.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// All files below a directory whose names end in one of the extensions, sorted by path.
    static func all(
        in directory: String,
        _ extensions: Set<String> = ["swift"]
    ) throws -> [SourceFile] {
        if extensions == ["swift"] {
            return Self.swift.filter { $0.path.hasPrefix(directory + "/") }
        }
        return try Self.read(directory, extensions)
    }

    /// Read once: taking the comments out of every file takes a while.
    private static let swift: [SourceFile] =
        ["Sources", "Tests"].flatMap { (try? Self.read($0, ["swift"])) ?? [] }

    private static func read(
        _ directory: String,
        _ extensions: Set<String>
    ) throws -> [SourceFile] {
        let start = Self.root.appendingPathComponent(directory)
        guard FileManager.default.fileExists(atPath: start.path) else { return [] }
        let names = try FileManager.default.subpathsOfDirectory(atPath: start.path)
        return try names.sorted().filter { extensions.contains(($0 as NSString).pathExtension) }
            .map { try SourceFile("\(directory)/\($0)") }
    }

    init(_ path: String) throws {
        let file = Self.root.appendingPathComponent(path)
        self.init(path: path, text: try String(contentsOf: file, encoding: .utf8))
    }

    init(path: String, text: String) {
        self.path = path
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self.code = path.hasSuffix(".swift") ? Self.code(of: self.lines) : []
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(path).path)
    }

    /// "Sources/Wire/FrameHeader.swift" belongs to "Wire".
    var target: String { self.path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    var text: String { self.lines.joined(separator: "\n") }

    private static func code(of lines: [String]) -> [(number: Int, text: String)] {
        var isInText = false
        return lines.enumerated().map { index, line in
            defer { if line.components(separatedBy: "\"\"\"").count == 2 { isInText.toggle() } }
            return (index + 1, isInText ? "" : Self.code(of: line))
        }
    }

    private static func code(of line: String) -> String {
        let (quote, escape, slash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"))
        guard line.utf8.contains(where: { $0 == quote || $0 == slash }) else { return line }
        var code: [UInt8] = []
        var isInString = false
        var previous = UInt8(ascii: " ")
        for byte in line.utf8 {
            let isQuote = byte == quote && previous != escape
            if isQuote { isInString.toggle() }
            if !isInString, byte == slash, previous == slash {
                code.removeLast()
                break
            }
            if !isInString || isQuote { code.append(byte) }
            previous = previous == escape && byte == escape ? UInt8(ascii: " ") : byte
        }
        return String(decoding: code, as: UTF8.self)
    }

    /// Modules the file imports.
    var imports: [String] {
        self.code.compactMap { _, line in
            let words = line.split(separator: " ").map(String.init)
            guard let place = words.firstIndex(of: "import"), place <= 2, words.count > place + 1
            else { return nil }
            let kinds: Set = ["class", "enum", "func", "let", "protocol", "struct", "typealias"]
            let name = kinds.contains(words[place + 1]) ? words.last : words[place + 1]
            return name?.split(separator: ".").first.map(String.init)
        }
    }

    /// Comments within `above` lines before a line, on it, and up to `below` lines behind it.
    func comments(around number: Int, above: Int, below: Int) -> String {
        let start = max(0, number - 1 - above)
        let end = min(self.lines.count, number + below)
        return self.lines[start..<end].compactMap { line in
            line.range(of: "//").map { String(line[$0.upperBound...]) }
        }.joined(separator: " ")
    }
}
