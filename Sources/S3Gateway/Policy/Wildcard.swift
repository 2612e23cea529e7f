/// A pattern of a policy or a CORS rule: `*` stands for any number of characters, `?` for one.
struct Wildcard: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    /// Whether the whole text fits; takes time in proportion to both lengths multiplied at most.
    func matches(_ other: String, ignoringCase: Bool = false) -> Bool {
        let pattern = Array((ignoringCase ? self.text.lowercased() : self.text).utf8)
        let text = Array((ignoringCase ? other.lowercased() : other).utf8)
        var (index, at) = (0, 0)
        // Where the last star stands, and how much it has taken so far.
        var star: (index: Int, at: Int)?
        while at < text.count {
            if index < pattern.count, pattern[index] == 0x2A {
                star = (index, at)
                index += 1
            } else if index < pattern.count, pattern[index] == text[at] || pattern[index] == 0x3F {
                index += 1
                at += 1
            } else if let last = star {
                star = (last.index, last.at + 1)
                index = last.index + 1
                at = last.at + 1
            } else {
                return false
            }
        }
        return pattern[index...].allSatisfy { $0 == 0x2A }
    }
}
