/// The grouping of keys by a delimiter, on which nodes and coordinators must agree.
package enum CommonPrefix {
    /// The part of `key` up to and including the first delimiter behind `prefix`.
    ///
    /// nil if the key does not begin with the prefix or has no delimiter behind it.
    package static func of(_ key: [UInt8], prefix: [UInt8], delimiter: [UInt8]) -> [UInt8]? {
        guard let first = delimiter.first, key.starts(with: prefix) else { return nil }
        var start = prefix.count
        while start + delimiter.count <= key.count {
            if key[start] == first,
                key[start..<(start + delimiter.count)].elementsEqual(delimiter)
            {
                return Array(key[..<(start + delimiter.count)])
            }
            start += 1
        }
        return nil
    }

    /// The first byte string behind everything that begins with `prefix`; nil if there is none.
    package static func end(of prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        while let last = end.last {
            if last < 0xFF {
                end[end.count - 1] = last + 1
                return end
            }
            end.removeLast()
        }
        return nil
    }
}
