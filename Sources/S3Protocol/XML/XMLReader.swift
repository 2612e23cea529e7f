/// Reads the little XML that S3 requests are made of, part by part.
///
/// Elements, text, character references and the five entities that XML itself defines; attributes
/// are read over, prefixes of names are dropped. Everything that begins with `<!` – document types,
/// entities, comments, CDATA – is refused, and so is every processing instruction but the
/// declaration. Why not a library: docs/decisions/0010-xml.md.
struct XMLReader {
    /// Deepest nesting.
    static let depthMax = 16
    /// Most elements: 10,000 parts with their number, tag and up to seven checksums.
    ///
    /// Each takes many times the memory of its shortest text, `<a/>`.
    static let elementsMax = 100_000

    enum Event: Hashable {
        case start(String)
        case text(String)
        case end
    }

    private let bytes: [UInt8]
    private var index = 0
    private var open: [String] = []
    private var elements = 0
    /// Set by `<name/>`, whose end is still to be told.
    private var isEmptyElement = false

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { self.index = 3 }
        if self.rest.starts(with: "<?xml ".utf8) {
            // A declaration without an end is found out by the first tag.
            let end = self.rest.firstIndex(of: 0x3E)
            self.index = end.map { $0 + 1 } ?? bytes.count
        }
    }

    private var rest: ArraySlice<UInt8> { self.bytes[self.index...] }

    /// The next part; nil at the end of the document.
    mutating func next() throws(S3Error) -> Event? {
        if self.isEmptyElement {
            self.isEmptyElement = false
            self.open.removeLast()
            return .end
        }
        if self.open.isEmpty { self.skipSpace() }
        guard let byte = self.rest.first else {
            guard self.open.isEmpty, self.elements > 0 else { throw Self.malformed }
            return nil
        }
        if byte == 0x3C { return try self.tag() }
        guard !self.open.isEmpty else { throw Self.malformed }
        return .text(try self.text())
    }

    private mutating func tag() throws(S3Error) -> Event {
        self.index += 1
        if self.rest.first == 0x2F {
            self.index += 1
            let name = try self.name()
            self.skipSpace()
            try self.take(0x3E)
            guard self.open.popLast() == name else { throw Self.malformed }
            return .end
        }
        // The name refuses `!` and `?`.
        let name = try self.name()
        guard !self.open.isEmpty || self.elements == 0, self.open.count < Self.depthMax,
            self.elements < Self.elementsMax
        else { throw Self.malformed }
        self.elements += 1
        try self.skipAttributes()
        self.open.append(name)
        if self.rest.first == 0x2F {
            self.index += 1
            self.isEmptyElement = true
        }
        try self.take(0x3E)
        return .start(try Self.local(name))
    }

    private mutating func skipAttributes() throws(S3Error) {
        while true {
            let before = self.index
            self.skipSpace()
            guard let byte = self.rest.first, byte != 0x3E, byte != 0x2F else { return }
            guard self.index > before else { throw Self.malformed }
            _ = try self.name()
            self.skipSpace()
            try self.take(0x3D)
            self.skipSpace()
            guard let quote = self.rest.first, quote == 0x22 || quote == 0x27 else {
                throw Self.malformed
            }
            self.index += 1
            guard
                let end = self.rest.firstIndex(of: quote), !self.rest[..<end].contains(0x3C)
            else { throw Self.malformed }
            self.index = end + 1
        }
    }

    private mutating func text() throws(S3Error) -> String {
        let end = self.rest.firstIndex(of: 0x3C) ?? self.bytes.count
        var text: [UInt8] = []
        while self.index < end {
            let byte = self.bytes[self.index]
            self.index += 1
            switch byte {
            case 0x26: text += try self.reference(before: end).utf8
            case 0x0D:
                // Line ends are one character. Source: XML 1.0, section 2.11.
                if self.rest.first != 0x0A { text.append(0x0A) }
            case 0x09, 0x0A, 0x20...: text.append(byte)
            default: throw Self.malformed
            }
        }
        guard let text = String(validating: text, as: UTF8.self) else { throw Self.malformed }
        return text
    }

    private mutating func reference(before end: Int) throws(S3Error) -> String {
        guard
            let semicolon = self.bytes[self.index..<end].prefix(12).firstIndex(of: 0x3B)
        else { throw Self.malformed }
        let name = String(decoding: self.bytes[self.index..<semicolon], as: UTF8.self)
        self.index = semicolon + 1
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let isHexadecimal = name.hasPrefix("#x")
            guard
                name.hasPrefix("#"), !name.contains("+"), !name.contains("-"),
                let number = UInt32(
                    name.dropFirst(isHexadecimal ? 2 : 1),
                    radix: isHexadecimal ? 16 : 10
                ),
                number != 0, let scalar = Unicode.Scalar(number)
            else { throw Self.malformed }
            return String(Character(scalar))
        }
    }

    private mutating func name() throws(S3Error) -> String {
        let end = self.rest.firstIndex { !Self.isNameByte($0) } ?? self.bytes.count
        let name = self.bytes[self.index..<end]
        guard let first = name.first, !Self.isNoStart(first), name.count <= 128 else {
            throw Self.malformed
        }
        self.index = end
        return String(decoding: name, as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3A, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    /// A name without its prefix, which has to be a name as well.
    private static func local(_ name: String) throws(S3Error) -> String {
        guard let local = name.split(separator: ":").last else { return name }
        guard let first = local.utf8.first, !Self.isNoStart(first) else { throw Self.malformed }
        return String(local)
    }

    /// Bytes that may be in a name, but not begin it: `-`, `.`, `/` and digits.
    private static func isNoStart(_ byte: UInt8) -> Bool { (0x2D...0x39).contains(byte) }

    private mutating func skipSpace() {
        while let byte = self.rest.first, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
            self.index += 1
        }
    }

    private mutating func take(_ byte: UInt8) throws(S3Error) {
        guard self.rest.first == byte else { throw Self.malformed }
        self.index += 1
    }

    private static let malformed = S3Error(.malformedXML)
}
