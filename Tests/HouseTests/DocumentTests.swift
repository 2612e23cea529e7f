import Foundation
import Testing

/// What the pages say and what the code says is the same.
struct DocumentTests {
    private func pages() throws -> [SourceFile] {
        try SourceFile.all(in: "docs", ["md"])
            + ["README.md"].filter(SourceFile.exists).map { try SourceFile($0) }
    }

    /// The first column of a page's tables, where it is a name in backquotes.
    private func firstColumn(_ page: SourceFile) -> Set<String> {
        Set(
            page.lines.compactMap { line in
                let match = line.wholeMatch(of: /\| `([a-z0-9_.]+)` \|.*/)
                return match.map { String($0.1) }
            }
        )
    }

    @Test("Every metric is listed in docs/operations/metrics.md, and every one listed is there")
    func metrics() throws {
        let instrument = /(?:Counter|Gauge|Meter|Recorder|Timer)\(\s*label:\s*"([a-z0-9_]+)"/
        var names: Set<String> = []
        for file in try SourceFile.all(in: "Sources") {
            names.formUnion(file.text.matches(of: instrument).map { String($0.1) })
        }
        let listed = self.firstColumn(try SourceFile("docs/operations/metrics.md"))
        #expect(names.count > 10)
        #expect(names.subtracting(listed).sorted() == [], "not listed")
        #expect(listed.subtracting(names).sorted() == [], "not in the code")
    }

    @Test("Every setting is listed in docs/operations/configuration.md, and the reverse")
    func settings() throws {
        let setting = /Setting\(\s*"([a-z0-9_.]+)"/
        var names: Set<String> = []
        for file in try SourceFile.all(in: "Sources/triolet") {
            names.formUnion(file.text.matches(of: setting).map { String($0.1) })
        }
        let listed = self.firstColumn(try SourceFile("docs/operations/configuration.md"))
        #expect(names.count > 5)
        #expect(names.subtracting(listed).sorted() == [], "not listed")
        #expect(listed.subtracting(names).sorted() == [], "not in the code")
    }

    @Test("Every relative link of the pages leads somewhere")
    func links() throws {
        let link = /\]\(([^)\s]+)\)/
        for page in try self.pages() {
            let directory = (page.path as NSString).deletingLastPathComponent
            for (index, line) in page.lines.enumerated() {
                for match in line.matches(of: link) {
                    let target = String(match.1).split(separator: "#").first.map(String.init) ?? ""
                    guard !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:")
                    else { continue }
                    let path = directory.isEmpty ? target : directory + "/" + target
                    #expect(SourceFile.exists(path), "\(page.path):\(index + 1): \(target)")
                }
            }
        }
    }

    @Test("Every page and file that code or pages name is there")
    func references() throws {
        let page = /docs\/[A-Za-z0-9_\/.-]+\.md/
        let code = /(?:Sources|Tests)\/[A-Za-z0-9_\/.+-]+\.swift/
        var files = try SourceFile.all(in: "Sources", ["swift", "c", "h"])
        files += try SourceFile.all(in: "Tests").filter { !$0.path.contains("HouseTests") }
        files += try self.pages()
        for file in files {
            for (index, line) in file.lines.enumerated() {
                let named =
                    line.matches(of: page).map { String($0.0) }
                    + line.matches(of: code).map { String($0.0) }
                for path in named where !SourceFile.exists(path) {
                    Issue.record("\(file.path):\(index + 1): \(path)")
                }
            }
        }
    }

    @Test("Decisions are numbered once each, and say whether they are in force")
    func decisions() throws {
        var numbers: [String: String] = [:]
        for page in try SourceFile.all(in: "docs/decisions", ["md"]) {
            let name = (page.path as NSString).lastPathComponent
            // The list of them all.
            if name == "README.md" { continue }
            #expect(name.wholeMatch(of: /\d{4}-[a-z0-9-]+\.md/) != nil, "\(name)")
            let number = String(name.prefix(4))
            #expect(numbers[number] == nil, "\(name) and \(numbers[number] ?? "")")
            numbers[number] = name
        }
        #expect(numbers.count >= 2)
    }
}
