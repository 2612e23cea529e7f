/// Finds elements in the small, flat documents that servers answer with.
///
/// Not a parser: elements of one name must not be nested in each other, as none are in S3's
/// answers.
package enum XMLText {
    /// The content of the first element of that name; unescaped if it holds text only.
    package static func first(_ name: String, in document: String) -> String? {
        var rest = document[...]
        return self.next(name, &rest)
    }

    package static func all(_ name: String, in document: String) -> [String] {
        var rest = document[...]
        var found: [String] = []
        while let content = self.next(name, &rest) { found.append(content) }
        return found
    }

    /// Takes the next element off the front of `rest`.
    private static func next(_ name: String, _ rest: inout Substring) -> String? {
        while let start = rest.firstRange(of: "<" + name) {
            rest = rest[start.upperBound...]
            guard let mark = rest.first, mark == ">" || mark == " " || mark == "/" else { continue }
            guard let open = rest.firstIndex(of: ">") else { return nil }
            let isEmpty = rest[..<open].hasSuffix("/")
            rest = rest[rest.index(after: open)...]
            if isEmpty { return "" }
            guard let end = rest.firstRange(of: "</\(name)>") else { return nil }
            let content = rest[..<end.lowerBound]
            rest = rest[end.upperBound...]
            return content.contains("<") ? String(content) : self.unescaped(content)
        }
        return nil
    }

    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("&") else { return String(text) }
        var result = ""
        var rest = text
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            guard
                let end = rest[start...].firstIndex(of: ";"),
                let character = self.character(rest[rest.index(after: start)..<end])
            else {
                result += rest[start...]
                return result
            }
            result.unicodeScalars.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func character(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let digits = name.dropFirst()
            let number =
                digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return number.flatMap(Unicode.Scalar.init)
        }
    }
}
