/// Writes an XML document into bytes.
///
/// Names are ours and trusted; text is not, and is escaped.
package struct XMLWriter: Sendable {
    package static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    package static let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

    package private(set) var bytes: [UInt8] = []

    package init(declaration: Bool = true) {
        if declaration { self.bytes = Array(Self.declaration.utf8) }
    }

    /// One document with one root.
    package static func document(
        _ root: String,
        namespace: String? = Self.namespace,
        content: (inout XMLWriter) -> Void
    ) -> [UInt8] {
        var writer = XMLWriter()
        writer.element(root, attributes: namespace.map { [("xmlns", $0)] } ?? [], content: content)
        return writer.bytes
    }

    package mutating func element(
        _ name: String,
        attributes: [(name: String, value: String)] = [],
        content: (inout XMLWriter) -> Void
    ) {
        self.raw("<\(name)")
        for attribute in attributes {
            self.raw(" \(attribute.name)=\"")
            self.text(attribute.value)
            self.raw("\"")
        }
        self.raw(">")
        content(&self)
        self.raw("</\(name)>")
    }

    package mutating func element(
        _ name: String,
        attributes: [(name: String, value: String)] = [],
        _ text: String
    ) {
        self.element(name, attributes: attributes) { $0.text(text) }
    }

    /// Leaves the element out if there is no text.
    package mutating func element(_ name: String, ifPresent text: String?) {
        if let text { self.element(name, text) }
    }

    /// The text with a replacement character, U+FFFD, for each that XML 1.0 has not.
    ///
    /// Source: Extensible Markup Language 1.0, section 2.2.
    package static func printable(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: scalar
            case 0..<0x20, 0xFFFE, 0xFFFF: "\u{FFFD}"
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private mutating func raw(_ text: String) { self.bytes += text.utf8 }

    /// Escaped; characters that XML 1.0 has not are written as references, as S3 does.
    ///
    /// The document says what they are, but parsers of XML 1.0 refuse it. See ``printable(_:)``.
    private mutating func text(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case 0x26: self.raw("&amp;")
            case 0x3C: self.raw("&lt;")
            case 0x3E: self.raw("&gt;")
            case 0x22: self.raw("&quot;")
            case 0..<0x20: self.raw("&#x\(String(byte, radix: 16, uppercase: true));")
            default: self.bytes.append(byte)
            }
        }
    }
}
