import Runtime

/// Rows of all families in byte order of their keys.
struct RowTable {
    /// Sorted by key, one array for each family.
    private var families: [[(key: [UInt8], value: [UInt8])]] =
        Array(repeating: [], count: RowFamily.allCases.count)

    var count: Int { self.families.reduce(0) { $0 + $1.count } }

    func get(_ family: RowFamily, _ key: [UInt8]) -> [UInt8]? {
        let rows = self.rows(of: family)
        let index = Self.position(of: key, in: rows)
        return index < rows.count && rows[index].key == key ? rows[index].value : nil
    }

    /// All rows of a family, in order.
    func rows(of family: RowFamily) -> [(key: [UInt8], value: [UInt8])] {
        self.families[Int(family.rawValue)]
    }

    func walk(
        _ family: RowFamily,
        from start: [UInt8],
        to end: [UInt8]?,
        visit: (RawSpan, RawSpan) -> WalkStep
    ) {
        let rows = self.rows(of: family)
        var index = Self.position(of: start, in: rows)
        while index < rows.count {
            let (key, value) = rows[index]
            if let end, !key.lexicographicallyPrecedes(end) { return }
            switch unsafe visit(key.span.bytes, value.span.bytes) {
            case .next: index += 1
            case .seek(let next): index = max(index + 1, Self.position(of: next, in: rows))
            case .stop: return
            }
        }
    }

    mutating func apply(_ batch: RowBatch) {
        for change in batch.changes {
            switch change {
            case .put(let family, let key, let value):
                self.put(Int(family.rawValue), key, value)
            case .delete(let family, let key):
                self.delete(Int(family.rawValue), key)
            }
        }
    }

    private mutating func put(_ family: Int, _ key: [UInt8], _ value: [UInt8]) {
        let index = Self.position(of: key, in: self.families[family])
        if index < self.families[family].count, self.families[family][index].key == key {
            self.families[family][index].value = value
        } else {
            self.families[family].insert((key, value), at: index)
        }
    }

    private mutating func delete(_ family: Int, _ key: [UInt8]) {
        let index = Self.position(of: key, in: self.families[family])
        guard index < self.families[family].count, self.families[family][index].key == key else {
            return
        }
        self.families[family].remove(at: index)
    }

    /// Turns one bit of a row's value: that of a byte, modulo their number.
    ///
    /// Nothing happens if there is no such row, or it is empty.
    mutating func flip(_ family: RowFamily, _ key: [UInt8], _ byte: UInt64, _ bit: Int) {
        let family = Int(family.rawValue)
        let index = Self.position(of: key, in: self.families[family])
        guard index < self.families[family].count, self.families[family][index].key == key else {
            return
        }
        let count = UInt64(self.families[family][index].value.count)
        guard count > 0 else { return }
        self.families[family][index].value[Int(byte % count)] ^= UInt8(1) << UInt8(bit)
    }

    /// Index of the first row that does not precede `key`.
    private static func position(
        of key: [UInt8],
        in rows: [(key: [UInt8], value: [UInt8])]
    ) -> Int {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].key.lexicographicallyPrecedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
