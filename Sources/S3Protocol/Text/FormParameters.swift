/// A header value with parameters: `form-data; name="file"; filename="cat.jpg"`.
///
/// In quotes `\"` stands for a quote, and any other backslash for itself: browsers have sent paths
/// of files with them. Source: RFC 2045, section 5.1; RFC 7578, section 4.2.
struct FormParameters: Equatable, Sendable {
    /// In lower case.
    let kind: String
    private var values: [String: String] = [:]

    /// Nil if it cannot be read, or has a parameter twice.
    init?(_ text: String) {
        var rest = text.unicodeScalars[...]
        self.kind = Self.word(&rest, until: [";"]).lowercased()
        guard !self.kind.isEmpty else { return nil }
        while !rest.isEmpty {
            // A separator.
            rest.removeFirst()
            let name = Self.word(&rest, until: ["=", ";"]).lowercased()
            if name.isEmpty, rest.isEmpty { return }
            guard !name.isEmpty, rest.first == "=" else { return nil }
            rest.removeFirst()
            rest = rest.drop { $0 == " " || $0 == "\t" }
            guard let value = Self.value(&rest), self.values[name] == nil else { return nil }
            self.values[name] = value
        }
    }

    /// `name` in lower case.
    subscript(_ name: String) -> String? { self.values[name] }

    /// Without spaces at its ends.
    private static func word(
        _ rest: inout Substring.UnicodeScalarView,
        until ends: [Unicode.Scalar]
    ) -> String {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        var word = rest.prefix { !ends.contains($0) }
        rest = rest[word.endIndex...]
        while word.last == " " || word.last == "\t" { word.removeLast() }
        return String(word)
    }

    /// Leaves a separator in front, or nothing.
    private static func value(_ rest: inout Substring.UnicodeScalarView) -> String? {
        guard rest.first == "\"" else {
            let word = Self.word(&rest, until: [";"])
            return word.unicodeScalars.contains("\"") ? nil : word
        }
        var value = String.UnicodeScalarView()
        rest.removeFirst()
        while let next = rest.popFirst() {
            if next == "\"" {
                rest = rest.drop { $0 == " " || $0 == "\t" }
                return rest.isEmpty || rest.first == ";" ? String(value) : nil
            }
            if next == "\\", rest.first == "\"" {
                value.append("\"")
                rest.removeFirst()
            } else {
                value.append(next)
            }
        }
        return nil
    }
}
