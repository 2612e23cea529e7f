import Register
import StoreModel

/// What clients did and saw, and whether one register could have behaved so.
struct History {
    enum Result {
        /// The list after the own append.
        case appended([UInt64])
        /// The list, left as it was.
        case saw([UInt64])
        /// Certainly not applied.
        case failed
        /// Applied or not, now or later.
        case unknown
    }

    struct Operation {
        let item: UInt64
        let start: Int
        var end = Int.max
        var result = Result.unknown

        /// Length of the list that the operation came upon; nil if that cannot be told.
        func base(in final: [UInt64]) -> Int? {
            switch self.result {
            case .appended(let list): list.count - 1
            case .saw(let list): list.count
            case .failed: nil
            case .unknown: final.firstIndex(of: self.item)
            }
        }

        /// Length of the list that whoever starts after the operation's end must see at least.
        var seen: Int? {
            switch self.result {
            case .appended(let list), .saw(let list): list.count
            case .failed, .unknown: nil
            }
        }
    }

    var operations: [Operation] = []

    /// Why the history cannot be that of one register that ends as `final`.
    ///
    /// Empty if it can.
    func violations(final: [UInt64]) -> [String] {
        var violations: [String] = []
        if Set(final).count != final.count { violations.append("applied twice: \(final)") }
        for operation in self.operations {
            switch operation.result {
            case .appended(let list):
                if !final.starts(with: list) || list.last != operation.item {
                    violations.append("\(operation.item) left \(list), not in \(final)")
                }
            case .saw(let list):
                if !final.starts(with: list) {
                    violations.append("\(operation.item) saw \(list), not in \(final)")
                }
            case .failed:
                if final.contains(operation.item) {
                    violations.append("\(operation.item) failed and is there")
                }
            case .unknown: break
            }
            guard let base = operation.base(in: final) else { continue }
            for earlier in self.operations where earlier.end < operation.start {
                if let seen = earlier.seen, seen > base {
                    violations.append("\(operation.item) came after \(earlier.item) in vain")
                }
            }
        }
        return violations
    }
}
