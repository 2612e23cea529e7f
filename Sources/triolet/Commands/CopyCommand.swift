import AdminAPI
import ArgumentParser
import Foundation
import NIOHTTP1

/// Shows the copies that a node makes.
struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Show the copies that a node makes, and how far they are.",
        subcommands: [List.self, Watch.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the copies under way, and those that have moved content lately."
        )

        @OptionGroup var port: AdminPort

        func run() async throws {
            let text = try await self.port.client().ask(.GET, "/v1/copies", expects: [200]).text
            let report: CopiesReport = try self.port.decoded(text)
            if self.port.json {
                // One object per line.
                for copy in report.copies { self.port.say(copy, []) }
            } else {
                for line in CopyText.lines(report) { Terminal.say(line) }
            }
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Follow a copy to its end. Exit code 1 if it fails, 4 if it is not known."
        )

        @Argument(help: "The copy: the first digits of its id.")
        var id: String
        @OptionGroup var port: AdminPort

        func run() async throws {
            let client = try self.port.client()
            var last: CopiesReport.Copy?
            while true {
                let answer = try await client.ask(
                    .GET,
                    "/v1/copies/\(self.id)",
                    expects: [200, 404]
                )
                guard answer.status == 200 else {
                    throw Failure("\(self.port.admin) knows no copy \(self.id)", .notFound)
                }
                let copy: CopiesReport.Copy = try self.port.decoded(answer.text)
                if copy.chunksDone != last?.chunksDone || copy.state != last?.state {
                    self.port.say(copy, [CopyText.line(copy)])
                }
                last = copy
                if copy.state.isEnd { break }
                try await Task.sleep(for: .seconds(1))
            }
            guard last?.state == .done else { throw ExitCode(Failure.Kind.failed.rawValue) }
        }
    }
}

/// Copies as lines for people.
enum CopyText {
    static func lines(_ report: CopiesReport) -> [String] {
        report.copies.isEmpty ? ["no copies"] : report.copies.map(self.line)
    }

    static func line(_ copy: CopiesReport.Copy) -> String {
        let part = copy.part.map { " part \($0)" } ?? ""
        var text =
            "\(copy.id.prefix(8))  \(copy.source) -> \(copy.target)\(part)  \(copy.state.rawValue)"
        if let mode = copy.mode { text += ", \(mode)" }
        if copy.chunks > 0 { text += ", \(copy.chunksDone) of \(copy.chunks) chunks" }
        text += ", \(Amount.text(bytes: copy.bytesDone)) of \(Amount.text(bytes: copy.bytes))"
        text += ", \(Amount.text(bytes: copy.bytesMoved)) moved"
        if copy.retries > 0 { text += ", \(copy.retries) retries" }
        let nodes = copy.nodes.map { node in
            "\(node.name.isEmpty ? String(node.id.prefix(8)) : node.name) \(node.chunks)"
        }
        if !nodes.isEmpty { text += " (\(nodes.joined(separator: ", ")))" }
        text += ", \(Amount.text(.milliseconds(Int64(copy.ageSeconds * 1_000))))"
        return text + (copy.error.map { ": \($0)" } ?? "")
    }
}
