/// One header of a request or an answer.
package struct HeaderField: Hashable, Sendable {
    /// In lower case.
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name.lowercased()
        self.value = value
    }
}

extension [HeaderField] {
    /// The first value of a header; `name` in lower case.
    package func first(_ name: String) -> String? { self.first { $0.name == name }?.value }
}
