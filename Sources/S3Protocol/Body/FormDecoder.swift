/// Takes a `multipart/form-data` body apart, piece by piece.
///
/// The fields are gathered up to the one named `file`, whose bytes are told as ranges of what was
/// given; what comes behind the file is not looked at. Not a byte of the file is kept: those at the
/// end of a piece that may begin a delimiter are known without it.
/// Source: RFC 7578; RFC 2046, section 5.1.1; S3 API Reference, "POST Object".
package struct FormDecoder: Sendable {
    /// Most fields besides the file.
    package static let fieldsMax = 100
    /// Longest value of a field, in bytes.
    package static let valueBytes = 20 << 10
    /// Most bytes of all names and values together.
    package static let fieldsBytes = 64 << 10
    /// Longest line of a part's header, in bytes.
    package static let lineBytes = 4 << 10
    /// Most lines of one part's header.
    package static let linesMax = 16

    /// What became of the beginning of a piece.
    package struct Step: Equatable, Sendable {
        /// Bytes that are done with; may be 0 if something was ``held``.
        package var consumed: Int
        /// So many first bytes of the ``FormDecoder/delimiter`` are content, before ``content``.
        package var held = 0
        /// Bytes of the piece that belong to the file.
        package var content: Range<Int> = 0..<0
    }

    private enum State {
        case beginning
        case header
        case value
        case file
        case delimiterEnd
        case ended
    }

    /// What ends a part: the line break belongs to it.
    package let delimiter: [UInt8]
    /// In the order they came.
    package private(set) var fields: [HeaderField] = []
    /// What the client calls the file, without directories; empty if it says nothing.
    package private(set) var filename = ""
    /// Whether the fields are known and the file has begun.
    package private(set) var hasFile = false

    private var state = State.beginning
    /// First bytes of the delimiter that have been seen.
    private var matched: Int
    private var line: [UInt8] = []
    private var lines = 0
    private var disposition: FormParameters?
    private var value: [UInt8] = []
    private var bytes = 0

    /// Reads the boundary from a `Content-Type`.
    package init(contentType: String) throws(S3Error) {
        guard let parameters = FormParameters(contentType),
            parameters.kind == "multipart/form-data",
            let boundary = parameters["boundary"], (1...70).contains(boundary.utf8.count),
            boundary.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), boundary.last != " "
        else { throw S3Error(.malformedPOSTRequest) }
        self.delimiter = Array("\r\n--\(boundary)".utf8)
        // The first one begins with the body.
        self.matched = 2
    }

    /// Whether there is nothing more to look at.
    package var hasEnded: Bool { self.state == .ended }

    /// Works on the beginning of `bytes`, which must not be empty.
    package mutating func decode(_ bytes: UnsafeRawBufferPointer) throws(S3Error) -> Step {
        unsafe precondition(!bytes.isEmpty, "There is something to decode.")
        switch self.state {
        case .beginning:
            let end = unsafe self.match(bytes, from: 0)
            if self.matched == self.delimiter.count {
                self.endPart()
            } else if end < bytes.count {
                throw S3Error(.malformedPOSTRequest)
            }
            return Step(consumed: end)
        case .header:
            let end = unsafe bytes.firstIndex(of: 0x0A)
            let count = end.map { $0 + 1 } ?? bytes.count
            guard self.line.count + count <= Self.lineBytes else {
                throw S3Error(.malformedPOSTRequest)
            }
            unsafe self.line.append(contentsOf: bytes[..<count])
            if end != nil { try self.endLine() }
            return Step(consumed: count)
        case .value:
            let step = unsafe self.scan(bytes)
            self.value += self.delimiter[..<step.held]
            unsafe self.value.append(contentsOf: bytes[step.content])
            try self.check(self.value.count)
            if self.matched == self.delimiter.count { try self.endField() }
            return Step(consumed: step.consumed)
        case .file:
            let step = unsafe self.scan(bytes)
            if self.matched == self.delimiter.count { self.endPart() }
            return step
        case .delimiterEnd:
            self.line.append(unsafe bytes[0])
            try self.endDelimiter()
            return Step(consumed: 1)
        case .ended:
            return Step(consumed: bytes.count)
        }
    }

    /// To be called when the input has ended.
    package func finish() throws(S3Error) {
        guard self.hasEnded else { throw S3Error(.incompleteBody) }
    }

    // MARK: Delimiters

    /// Goes on comparing with the delimiter, and returns where that stopped.
    private mutating func match(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count, self.matched < self.delimiter.count,
            unsafe bytes[index] == self.delimiter[self.matched]
        {
            index += 1
            self.matched += 1
        }
        return index
    }

    /// Content up to the delimiter, or up to what may be one.
    ///
    /// A carriage return occurs in a delimiter only as its first byte: after a comparison that
    /// failed, the next one begins where it stopped.
    private mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Step {
        if self.matched > 0 {
            let end = unsafe self.match(bytes, from: 0)
            if self.matched == self.delimiter.count || end == bytes.count {
                return Step(consumed: end)
            }
            defer { self.matched = 0 }
            return Step(consumed: end, held: self.matched)
        }
        var from = 0
        while let start = unsafe bytes[from...].firstIndex(of: 0x0D) {
            let end = unsafe self.match(bytes, from: start)
            if self.matched == self.delimiter.count || end == bytes.count {
                return Step(consumed: end, content: 0..<start)
            }
            self.matched = 0
            from = end
        }
        return Step(consumed: bytes.count, content: 0..<bytes.count)
    }

    private mutating func endPart() {
        self.matched = 0
        self.line = []
        self.state = .delimiterEnd
    }

    /// Behind a delimiter stands `--`, or the end of its line.
    private mutating func endDelimiter() throws(S3Error) {
        if self.line == [0x2D, 0x2D] {
            self.state = .ended
            return
        }
        let padding = self.line.prefix { $0 == 0x20 || $0 == 0x09 }
        switch Array(self.line[padding.count...]) {
        case [0x0D, 0x0A]:
            self.state = self.hasFile ? .ended : .header
            self.line = []
            self.lines = 0
            self.disposition = nil
        case [], [0x0D]:
            guard self.line.count < 100 else { throw S3Error(.malformedPOSTRequest) }
        case [0x2D] where padding.isEmpty: break
        default: throw S3Error(.malformedPOSTRequest)
        }
    }

    // MARK: Fields

    private mutating func endLine() throws(S3Error) {
        defer { self.line = [] }
        guard self.line.count >= 2, self.line[self.line.count - 2] == 0x0D,
            let text = String(validating: self.line.dropLast(2), as: UTF8.self)
        else { throw S3Error(.malformedPOSTRequest) }
        if text.isEmpty { return try self.endHeader() }
        self.lines += 1
        guard self.lines <= Self.linesMax, let colon = text.firstIndex(of: ":"),
            let first = text.utf8.first, first != 0x20, first != 0x09
        else { throw S3Error(.malformedPOSTRequest) }
        guard text[..<colon].lowercased() == "content-disposition" else { return }
        guard self.disposition == nil,
            let disposition = FormParameters(String(text[text.index(after: colon)...])),
            disposition.kind == "form-data"
        else { throw S3Error(.malformedPOSTRequest) }
        self.disposition = disposition
    }

    private mutating func endHeader() throws(S3Error) {
        guard let disposition = self.disposition, let name = disposition["name"], !name.isEmpty
        else { throw S3Error(.malformedPOSTRequest) }
        if name.lowercased() == "file" {
            let path = disposition["filename"] ?? ""
            let name = path.unicodeScalars.reversed().prefix { $0 != "/" && $0 != "\\" }
            self.filename = String(String.UnicodeScalarView(name.reversed()))
            self.hasFile = true
            self.state = .file
        } else {
            guard self.fields.count < Self.fieldsMax else { throw Self.tooLarge }
            self.bytes += name.utf8.count
            self.value = []
            try self.check(0)
            self.state = .value
        }
    }

    private mutating func endField() throws(S3Error) {
        guard let name = self.disposition?["name"],
            let value = String(validating: self.value, as: UTF8.self)
        else { throw S3Error(.malformedPOSTRequest) }
        let field = HeaderField(name, value)
        guard !self.fields.contains(where: { $0.name == field.name }) else {
            throw .invalidArgument("A form has every field once.", name, value)
        }
        self.fields.append(field)
        self.bytes += self.value.count
        self.value = []
        self.endPart()
    }

    private func check(_ valueBytes: Int) throws(S3Error) {
        guard valueBytes <= Self.valueBytes, self.bytes + valueBytes <= Self.fieldsBytes else {
            throw Self.tooLarge
        }
    }

    private static var tooLarge: S3Error { S3Error(.maxPostPreDataLengthExceeded) }
}
