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
        self.markup("<")
        self.raw(name)
        for attribute in attributes {
            self.markup(" ")
            self.raw(attribute.name)
            self.markup("=\"")
            self.text(attribute.value)
            self.markup("\"")
        }
        self.markup(">")
        content(&self)
        self.markup("</")
        self.raw(name)
        self.markup(">")
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

    /// Makes room for so many bytes more, so that a long document is not moved as it grows.
    package mutating func reserve(_ count: Int) {
        self.bytes.reserveCapacity(self.bytes.count + count)
    }

    /// Markup as it stands in the source: for documents of many elements that are all alike.
    package mutating func markup(_ markup: StaticString) {
        unsafe self.bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: markup.utf8Start,
                count: markup.utf8CodeUnitCount
            )
        )
    }

    /// Digits.
    package mutating func number(_ number: UInt64) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var (first, rest) = (20, number)
        repeat {
            first -= 1
            digits[first] = 0x30 + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        for index in first..<20 { self.bytes.append(digits[index]) }
    }

    /// ``CalendarTime/iso8601``.
    package mutating func time(_ time: CalendarTime) { time.writeISO8601(into: &self.bytes) }

    /// Escaped; characters that XML 1.0 has not are written as references, as S3 does.
    ///
    /// The document says what they are, but parsers of XML 1.0 refuse it. See ``printable(_:)``.
    package mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { unsafe self.escape($0) }
    }

    /// The same for text that is at hand as bytes of UTF-8.
    package mutating func text(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { unsafe self.escape($0) }
    }

    private mutating func raw(_ text: String) {
        var text = text
        text.withUTF8 { unsafe self.bytes.append(contentsOf: $0) }
    }

    /// What needs no escaping is taken in one piece.
    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices where Self.isEscaped(unsafe text[index]) {
            unsafe self.bytes.append(
                contentsOf: UnsafeBufferPointer(rebasing: text[start..<index])
            )
            start = index + 1
            switch unsafe text[index] {
            case 0x26: self.markup("&amp;")
            case 0x3C: self.markup("&lt;")
            case 0x3E: self.markup("&gt;")
            case 0x22: self.markup("&quot;")
            case let control: self.raw("&#x\(String(control, radix: 16, uppercase: true));")
            }
        }
        unsafe self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x26 || byte == 0x3C || byte == 0x3E || byte == 0x22
    }
}
