/// An element of a small document: its name, its children, or its text.
package struct XMLNode: Hashable, Sendable {
    /// Without prefix.
    package let name: String
    /// Empty if there are children.
    package private(set) var text = ""
    package private(set) var children: [XMLNode] = []

    /// Reads a whole document; the caller has bounded its size.
    package init(parsing bytes: [UInt8]) throws(S3Error) {
        var reader = XMLReader(bytes)
        guard case .start(let name) = try reader.next() else { throw S3Error(.malformedXML) }
        self.name = name
        try self.readContent(&reader)
        guard try reader.next() == nil else { throw S3Error(.malformedXML) }
    }

    private init(name: String) { self.name = name }

    /// Recursion ends at ``XMLReader/depthMax``.
    private mutating func readContent(_ reader: inout XMLReader) throws(S3Error) {
        while let event = try reader.next() {
            switch event {
            case .start(let name):
                var child = XMLNode(name: name)
                try child.readContent(&reader)
                self.children.append(child)
            case .text(let text): self.text += text
            case .end:
                if !self.children.isEmpty {
                    guard self.text.allSatisfy(\.isWhitespace) else {
                        throw S3Error(.malformedXML)
                    }
                    self.text = ""
                }
                return
            }
        }
    }

    /// The text of the first child with this name.
    package subscript(_ name: String) -> String? {
        self.children.first { $0.name == name }?.text
    }
}
