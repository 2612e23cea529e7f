/// One page of a list, as far as the generator looks into it.
struct ListedPage {
    /// In the order they came; no key here holds what XML would have to escape.
    let keys: [String]
    let prefixes: [String]
    /// Where the next page begins; nil if this is the last.
    let next: String?

    init(_ document: [UInt8]) throws(LoadError) {
        var keys: [String] = []
        var prefixes: [String] = []
        var next: String?
        var isTruncated = false
        var isInPrefixes = false
        var index = 0
        while let open = document[index...].firstIndex(of: 0x3C) {
            guard let close = document[open...].firstIndex(of: 0x3E) else { break }
            let name = document[(open + 1)..<close].prefix { $0 != 0x20 }
            index = close + 1
            func text() -> String {
                String(decoding: document[index...].prefix { $0 != 0x3C }, as: UTF8.self)
            }
            switch name.count {
            case 3 where name.elementsEqual("Key".utf8): keys.append(text())
            case 6 where isInPrefixes && name.elementsEqual("Prefix".utf8): prefixes.append(text())
            case 11 where name.elementsEqual("IsTruncated".utf8): isTruncated = text() == "true"
            case 14 where name.elementsEqual("CommonPrefixes".utf8): isInPrefixes = true
            case 15 where name.elementsEqual("/CommonPrefixes".utf8): isInPrefixes = false
            case 21 where name.elementsEqual("NextContinuationToken".utf8): next = text()
            default: break
            }
        }
        if isTruncated, next == nil { throw LoadError("a list goes on, but not from where") }
        self.keys = keys
        self.prefixes = prefixes
        self.next = isTruncated ? next : nil
    }
}

/// The content of the first element of that name in a small answer.
func element(_ name: String, in text: String) -> String? {
    guard let open = text.firstRange(of: "<\(name)>"),
        let close = text[open.upperBound...].firstRange(of: "</\(name)>")
    else { return nil }
    return String(text[open.upperBound..<close.lowerBound])
}
