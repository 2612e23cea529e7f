/// What a request is aimed at: path and query, taken apart once.
///
/// The signature, the authorisation and the operation all see these bytes and nothing else: two
/// readings of one path are how gateways were broken before. A path is never normalised: `//`, `.`
/// and `..` are parts of keys.
package struct RequestTarget: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        package let name: String
        /// Empty if there was no `=`.
        package let value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Any bytes, decoded once, beginning with a slash.
    package let path: [UInt8]
    /// Decoded, in the order they came.
    package let query: [Item]

    /// - Precondition: `path` begins with a slash.
    package init(path: [UInt8], query: [Item] = []) {
        precondition(path.first == 0x2F, "A path begins with a slash.")
        self.path = path
        self.query = query
    }

    /// Takes the target of a request line apart.
    package init(parsing text: String) throws(S3Error) {
        var text = Array(text.utf8)[...]
        // The absolute form, for proxies. Source: RFC 9112, section 3.2.2.
        for scheme in ["http://", "https://"] where text.starts(with: scheme.utf8) {
            text = text.dropFirst(scheme.utf8.count)
            text = text[(text.firstIndex(of: 0x2F) ?? text.endIndex)...]
        }
        let end = text.firstIndex(of: 0x3F) ?? text.endIndex
        guard
            text.first == 0x2F,
            let path = PercentEncoding.decode(text[..<end])
        else { throw S3Error(.invalidURI) }
        self.path = path
        var items: [Item] = []
        for part in text[end...].dropFirst().split(separator: 0x26) {
            let equals = part.firstIndex(of: 0x3D) ?? part.endIndex
            items.append(
                Item(
                    name: try Self.text(part[..<equals]),
                    value: try Self.text(part[equals...].dropFirst())
                )
            )
        }
        self.query = items
    }

    private static func text(_ part: ArraySlice<UInt8>) throws(S3Error) -> String {
        guard
            let bytes = PercentEncoding.decode(part, plusIsSpace: true),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw S3Error(.invalidURI) }
        return text
    }

    /// The first value of a parameter; empty if it has none.
    package subscript(_ name: String) -> String? { self.query.first { $0.name == name }?.value }

    package func contains(_ name: String) -> Bool { self[name] != nil }

    /// The path in the one form that is signed.
    package var canonicalPath: String { PercentEncoding.encode(self.path, escapingSlash: false) }

    /// The query in the one form that is signed: encoded, sorted by name and value, with `=`
    /// always.
    package func canonicalQuery(without excluded: String? = nil) -> String {
        self.query.filter { $0.name != excluded }
            .map { (PercentEncoding.encode($0.name.utf8), PercentEncoding.encode($0.value.utf8)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    /// As it is put into a request line.
    package var text: String {
        let query = self.canonicalQuery()
        return query.isEmpty ? self.canonicalPath : "\(self.canonicalPath)?\(query)"
    }
}
