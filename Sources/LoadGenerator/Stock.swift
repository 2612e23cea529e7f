/// Objects of one size that are there to be read and copied.
struct Stock: Sendable {
    /// How keys of a run are spread over folders, as people's are.
    private static let folders = 64

    let bucket: String
    /// What all keys begin with.
    let prefix: String
    /// Bytes of each object.
    let size: UInt64
    var count: Int
    /// Set for an object with a name and a content of its own; it is the only one then.
    var only: (path: String, content: Content)?

    /// The path of an object, numbered from 0.
    func path(_ number: Int) -> String {
        self.only?.path ?? "\(self.bucket)/\(self.key(number))"
    }

    func content(_ number: Int) -> Content {
        self.only?.content ?? Content(key: self.key(number), size: self.size)
    }

    private func key(_ number: Int) -> String {
        let digits = String(number)
        let padding = String(repeating: "0", count: max(0, 8 - digits.count))
        return "\(self.prefix)/\(number % Self.folders)/\(padding)\(digits)"
    }

    func checksums(_ pool: ContentPool) -> [UInt32] {
        (0..<self.count).map { pool.checksum(of: self.content($0)) }
    }
}
