/// One thing to measure: an operation, the size of its objects, and how many clients do it.
///
/// Written `put:1KiB:16`, or `put:1KiB:16:500` for at most 500 operations. A mix names shares:
/// `mix:1KiB:16:put=1+get=6+copy=1`. For `copy-parts` the size is that of a part, and the last
/// number is how many parts an upload has; for `list` the size is a number of keys.
package struct Workload: Hashable, Sendable, CustomStringConvertible {
    package enum Operation: String, CaseIterable, Hashable, Sendable {
        case put
        case get
        case head
        case copy
        case delete
        /// A copy that shares no chunk with its source, where the server knows the difference.
        case independentCopy = "copy-independent"
        /// A whole upload whose parts are copied.
        case copyParts = "copy-parts"
        /// All keys, page by page.
        case list
        /// The keys of one folder after the other, with a delimiter.
        case listFolder = "list-folder"
        /// The folders themselves: with a delimiter, common prefixes only.
        case listPrefixes = "list-prefixes"
        case mix

        static let lists: Set<Operation> = [.list, .listFolder, .listPrefixes]
    }

    /// How often an operation is chosen in a mix, beside the others.
    package struct Share: Hashable, Sendable {
        package let operation: Operation
        package let weight: Int
    }

    /// At most so many clients: each has a thread.
    package static let clientsMax = 1_024

    package let operation: Operation
    /// Bytes of an object or part; keys for lists.
    package let size: UInt64
    package let clients: Int
    /// Operations at most, or the parts of an upload; nil if the run says how many.
    package let count: Int?
    /// Of a mix; empty otherwise.
    package let shares: [Share]

    package let description: String

    /// Reads one of the forms above; nil if the text is none.
    ///
    /// - Parameters:
    ///   - text: The workload.
    ///   - bytes: Reads a size, such as `64KiB`; nil if it is none.
    package init?(_ text: String, bytes: (String) -> UInt64?) {
        var fields = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 2, let operation = Operation(rawValue: fields[0]),
            let size = bytes(fields[1])
        else { return nil }
        self.operation = operation
        self.size = size
        self.description = text
        var shares: [Share] = []
        if operation == .mix {
            guard fields.count > 3, let read = Self.shares(fields.remove(at: 3)) else { return nil }
            shares = read
        }
        self.shares = shares
        guard fields.count <= 4, let clients = fields.count > 2 ? Int(fields[2]) : 1,
            (1...Self.clientsMax).contains(clients)
        else { return nil }
        self.clients = clients
        if fields.count == 4 {
            guard let count = Int(fields[3]), count > 0 else { return nil }
            self.count = count
        } else {
            self.count = nil
        }
    }

    private static func shares(_ text: String) -> [Share]? {
        let simple: Set<Operation> = [.put, .get, .head, .copy]
        var shares: [Share] = []
        for part in text.split(separator: "+", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let weight = Int(pair[1]), (1...1_000).contains(weight),
                let operation = Operation(rawValue: String(pair[0])), simple.contains(operation)
            else { return nil }
            shares.append(Share(operation: operation, weight: weight))
        }
        return shares
    }
}
