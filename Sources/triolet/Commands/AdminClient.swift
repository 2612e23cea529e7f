import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1
import S3Client

/// Asks the admin port of a node.
struct AdminClient {
    let address: SocketName
    let token: String?
    /// Longest time without a byte of the answer.
    var silenceMax = TimeAmount.seconds(10)

    /// For an admin address, host:port; the token is the first line of the file, if one is needed.
    init(_ admin: String, tokenFile: String?) throws {
        guard let address = SocketName(admin) else {
            throw Failure("\(admin) is no address (host:port)", .usage)
        }
        self.address = address
        self.token = try tokenFile.map { file in
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw Failure("cannot read \(file)", .usage)
            }
            return String(text.prefix { $0 != "\n" })
        }
    }

    /// Sends a request, with JSON as its body, and returns the answer.
    ///
    /// - Throws: if the status is none of those expected.
    func ask(
        _ method: HTTPMethod,
        _ target: String,
        body: String = "",
        expects: Set<Int>
    ) async throws -> (status: Int, text: String) {
        var headers = HTTPHeaders()
        if let token { headers.add(name: "Authorization", value: "Bearer " + token) }
        if method == .POST || method == .PUT {
            headers.add(name: "Content-Length", value: "\(body.utf8.count)")
        }
        if !body.isEmpty { headers.add(name: "Content-Type", value: "application/json") }
        var client = HTTPClient(HTTPOrigin(host: self.address.host, port: self.address.port))
        client.silenceMax = self.silenceMax
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers)
        var parts = body.isEmpty ? [] : [ByteBuffer(string: body)]
        let answer: (status: Int, text: String)
        do {
            answer = try await client.send(head) {
                parts.popLast()
            } receive: { head, body in
                (status: Int(head.status.code), text: try await body.text())
            }
        } catch { throw Failure("nothing answers at \(self.address)", .degraded) }
        guard expects.contains(answer.status) else {
            let hint = answer.status == 401 ? " (--token-file FILE has the token)" : ""
            throw Failure(
                "\(self.address) answers \(answer.status): \(Self.reason(answer.text))\(hint)",
                Self.kind(answer.status)
            )
        }
        return answer
    }

    /// Reads what an admin port has answered.
    static func decoded<Report: Decodable>(
        _ text: String,
        from admin: String,
        as _: Report.Type = Report.self
    ) throws -> Report {
        do {
            return try JSONDecoder().decode(Report.self, from: Data(text.utf8))
        } catch { throw Failure("\(admin) answers something else: is it an admin port?") }
    }

    /// The exit code that a status means, where a command has no better one.
    private static func kind(_ status: Int) -> Failure.Kind {
        switch status {
        case 400, 401, 415, 422: .usage
        case 404: .notFound
        case 503: .degraded
        default: .failed
        }
    }

    /// What an error says to people.
    private static func reason(_ text: String) -> String {
        struct Body: Decodable {
            struct Reason: Decodable { let message: String }
            let error: Reason
        }
        let body = try? JSONDecoder().decode(Body.self, from: Data(text.utf8))
        return body?.error.message ?? text
    }
}
