import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

/// What pages of other sites may do with a bucket through a browser.
///
/// Source: S3 User Guide, "Using cross-origin resource sharing (CORS)"; Fetch Standard, section
/// 3.2.
struct CORSRules: Hashable, Sendable {
    struct Rule: Hashable, Sendable {
        var id: String?
        var origins: [Wildcard] = []
        var methods: [String] = []
        var headers: [Wildcard] = []
        var exposed: [String] = []
        var maxAgeSeconds: Int?
    }

    /// Source: S3 API Reference, "PutBucketCors".
    private static let rulesMax = 100
    private static let methods: Set<String> = ["GET", "PUT", "HEAD", "POST", "DELETE"]

    private(set) var rules: [Rule] = []

    init(parsing document: [UInt8]) throws(S3Error) {
        let root = try XMLNode(parsing: document)
        guard root.name == "CORSConfiguration", (1...Self.rulesMax).contains(root.children.count)
        else { throw S3Error(.malformedXML) }
        for node in root.children { self.rules.append(try Self.rule(node)) }
    }

    private static func rule(_ node: XMLNode) throws(S3Error) -> Rule {
        guard node.name == "CORSRule" else { throw S3Error(.malformedXML) }
        var rule = Rule()
        for child in node.children {
            switch child.name {
            case "ID": rule.id = child.text
            case "AllowedOrigin": rule.origins.append(try Self.pattern(child.text))
            case "AllowedMethod":
                guard Self.methods.contains(child.text) else {
                    throw S3Error(
                        .invalidRequest,
                        "Found unsupported HTTP method in CORS config. Unsupported method is "
                            + child.text
                    )
                }
                rule.methods.append(child.text)
            case "AllowedHeader": rule.headers.append(try Self.pattern(child.text))
            case "ExposeHeader": rule.exposed.append(try Self.headerName(child.text))
            case "MaxAgeSeconds":
                guard let seconds = Int(child.text), seconds >= 0 else {
                    throw S3Error(.malformedXML)
                }
                rule.maxAgeSeconds = seconds
            default: throw S3Error(.malformedXML)
            }
        }
        guard !rule.origins.isEmpty, !rule.methods.isEmpty, (rule.id ?? "").count <= 255 else {
            throw S3Error(.malformedXML)
        }
        return rule
    }

    private static func pattern(_ text: String) throws(S3Error) -> Wildcard {
        guard text.utf8.count(where: { $0 == 0x2A }) <= 1 else {
            throw S3Error(
                .invalidRequest,
                "AllowedOrigin or AllowedHeader \"\(text)\" can not have more than one wildcard."
            )
        }
        return Wildcard(try Self.headerValue(text))
    }

    /// What is put into a header must not end it.
    private static func headerValue(_ text: String) throws(S3Error) -> String {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw S3Error(.malformedXML)
        }
        return text
    }

    private static func headerName(_ text: String) throws(S3Error) -> String {
        guard !text.contains("*") else {
            throw S3Error(
                .invalidRequest,
                "ExposeHeader \"\(text)\" contains wildcard. We currently do not support wildcard "
                    + "for ExposeHeader."
            )
        }
        return try Self.headerValue(text)
    }

    var document: [UInt8] {
        XMLWriter.document("CORSConfiguration") { writer in
            for rule in self.rules {
                writer.element("CORSRule") { writer in
                    writer.element("ID", ifPresent: rule.id)
                    for origin in rule.origins { writer.element("AllowedOrigin", origin.text) }
                    for method in rule.methods { writer.element("AllowedMethod", method) }
                    for header in rule.headers { writer.element("AllowedHeader", header.text) }
                    writer.element("MaxAgeSeconds", ifPresent: rule.maxAgeSeconds.map(String.init))
                    for header in rule.exposed { writer.element("ExposeHeader", header) }
                }
            }
        }
    }

    /// The headers by which a browser learns that the page may have the answer; nil if it may not.
    ///
    /// `headers` are those that a preflight request asks for.
    func answer(
        origin: String,
        method: String,
        headers: [String] = []
    ) -> HTTPHeaders? {
        for rule in self.rules where rule.methods.contains(method) {
            guard
                let pattern = rule.origins.first(where: { $0.matches(origin) }),
                headers.allSatisfy({ header in
                    rule.headers.contains { $0.matches(header, ignoringCase: true) }
                })
            else { continue }
            let isOpen = pattern.text == "*"
            var answer: HTTPHeaders = [
                "Access-Control-Allow-Origin": isOpen ? "*" : origin,
                "Access-Control-Allow-Methods": rule.methods.joined(separator: ", "),
                "Vary":
                    "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
            ]
            if !isOpen { answer.add(name: "Access-Control-Allow-Credentials", value: "true") }
            if !headers.isEmpty {
                let names = headers.map { $0.lowercased() }.joined(separator: ", ")
                answer.add(name: "Access-Control-Allow-Headers", value: names)
            }
            if !rule.exposed.isEmpty {
                let names = rule.exposed.joined(separator: ", ")
                answer.add(name: "Access-Control-Expose-Headers", value: names)
            }
            if let seconds = rule.maxAgeSeconds {
                answer.add(name: "Access-Control-Max-Age", value: String(seconds))
            }
            return answer
        }
        return nil
    }
}

extension S3Service {
    /// Answers the question that a browser asks before a page's request.
    func preflight(_ request: S3Request) async throws(S3Error) -> S3Answer {
        guard let origin = request.headers.first("origin") else {
            throw S3Error(
                .badRequest,
                "Insufficient information. Origin request header needed."
            )
        }
        guard let method = request.headers.first("access-control-request-method") else {
            throw S3Error(.badRequest, "Invalid Access-Control-Request-Method: null")
        }
        let headers = (request.headers.first("access-control-request-headers") ?? "")
            .split(separator: ",")
            .map { String($0.filter { !$0.isWhitespace }) }
            .filter { !$0.isEmpty }
        guard let rules = try await self.corsRules(request) else {
            throw S3Error(
                .accessForbidden,
                "CORSResponse: CORS is not enabled for this bucket.",
                Self.elements(request, method)
            )
        }
        guard let answer = rules.answer(origin: origin, method: method, headers: headers) else {
            throw S3Error(
                .accessForbidden,
                "CORSResponse: This CORS request is not allowed. This is usually because the "
                    + "evalution of Origin, request method / Access-Control-Request-Method or "
                    + "Access-Control-Request-Headers are not whitelisted by the resource's CORS "
                    + "spec.",
                Self.elements(request, method)
            )
        }
        return .empty(.ok, headers: answer)
    }

    private static func elements(_ request: S3Request, _ method: String) -> [S3Error.Element] {
        [
            S3Error.Element("Method", method),
            S3Error.Element("ResourceType", request.addressed.key == nil ? "BUCKET" : "OBJECT"),
        ]
    }

    /// What the answer to a request of a page says to its browser; nothing for other requests.
    func corsHeaders(_ request: S3Request) async -> HTTPHeaders {
        guard request.method != .OPTIONS, let origin = request.headers.first("origin"),
            request.addressed.bucket != nil,
            let rules = try? await self.corsRules(request)
        else { return [:] }
        // Some clients name the method they ask for in the request itself.
        let method = request.headers.first("access-control-request-method")
        return rules.answer(origin: origin, method: method ?? request.method.rawValue) ?? [:]
    }

    private func corsRules(_ request: S3Request) async throws(S3Error) -> CORSRules? {
        guard request.addressed.bucket != nil else { return nil }
        guard let document = try await self.bucket(request).settings[.cors] else { return nil }
        return try CORSRules(parsing: document)
    }
}
