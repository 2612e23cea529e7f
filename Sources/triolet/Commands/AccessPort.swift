import ArgumentParser
import Foundation
import NIOHTTP1

/// The admin port of any node, for commands about keys and buckets.
struct AccessPort: ParsableArguments {
    @Option(help: "The admin address of a node.")
    var admin = "127.0.0.1:7331"

    @Option(help: "File with the admin token in its first line; needed if the node has one.")
    var tokenFile: String?

    @Flag(help: "One JSON object, or one per line for lists.")
    var json = false

    /// Sends a request whose body is JSON, if there is one.
    ///
    /// - Throws: ``Failure`` with the exit code that the answer means.
    func ask(
        _ method: HTTPMethod,
        _ path: String,
        body: (any Encodable)? = nil
    ) async throws -> String {
        let client = try AdminClient(self.admin, tokenFile: self.tokenFile)
        let data = try body.map { try JSONEncoder().encode($0) }
        let text = data.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return try await client.ask(method, path, body: text, expects: [200, 201, 204]).text
    }

    /// The same, and reads the answer.
    func ask<Report: Decodable>(
        _ method: HTTPMethod,
        _ path: String,
        body: (any Encodable)? = nil,
        as _: Report.Type = Report.self
    ) async throws -> Report {
        let text = try await self.ask(method, path, body: body)
        return try AdminClient.decoded(text, from: self.admin)
    }

    /// Says a report: as JSON, or in these lines.
    func say(_ report: some Encodable, _ lines: [String]) throws {
        guard self.json else { return lines.forEach(Terminal.say) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        Terminal.say(String(decoding: try encoder.encode(report), as: UTF8.self))
    }

    /// Says a list: one JSON object per line, or a table.
    func say(_ list: [some Encodable], _ table: [[String]], none: String) throws {
        if self.json {
            for one in list { try self.say(one, []) }
        } else {
            (list.isEmpty ? [none] : TextTable.lines(table)).forEach(Terminal.say)
        }
    }

    /// A name as a part of a path.
    static func escaped(_ name: String) -> String {
        let allowed = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
        return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
    }
}
