import Testing

struct RenameModelTests {
    private typealias Operation = RenameModel.Operation

    /// Key 0 holds 1, key 1 holds 2; the first rename goes from key 0 to key 1.
    private static let mixes: [(operations: [Operation], after: [Int: Int])] = [
        ([.crashing(1, from: 0), .finish, .read(1), .read(0)], [3: 2]),
        ([.crashing(1, from: 0), .finish, .read(0), .read(1)], [3: 2]),
        ([.crashing(1, from: 0), .write(4, to: 1), .read(0), .read(1)], [3: 2]),
        ([.crashing(1, from: 0), .write(4, to: 1), .read(1), .read(0)], [3: 2]),
        ([.crashing(1, from: 0), .write(3, to: 0), .read(1), .read(0)], [3: 2]),
        ([.crashing(1, from: 0), .write(0, to: 0), .write(4, to: 1), .read(1)], [:]),
        ([.crashing(1, from: 0), .write(3, to: 0), .write(4, to: 1), .finish], [:]),
        ([.crashing(1, from: 0), .edit(5, at: 0), .read(1), .read(0)], [3: 2]),
        ([.crashing(1, from: 0), .edit(5, at: 1), .read(1), .finish], [:]),
        ([.crashing(1, from: 0), .rename(2, from: 1), .read(0), .read(1)], [3: 2]),
        ([.crashing(1, from: 0), .rename(2, from: 1), .write(3, to: 0)], [:]),
        ([.crashing(1, from: 0), .rename(2, from: 0), .read(1), .finish], [:]),
        ([.rename(1, from: 0), .rename(2, from: 1), .finish, .read(1)], [:]),
        (
            [.crashing(1, from: 0), .write(3, to: 0), .write(4, to: 1), .read(1), .read(0)],
            [4: 3]
        ),
    ]

    @Test("In every interleaving a rename is one step for the two keys, whoever crashes where")
    func rules() {
        var states = 0
        for (operations, after) in Self.mixes {
            let found = RenameModel(operations: operations, after: after).search()
            #expect(found.violation == nil, "\(operations)")
            states += found.states
        }
        #expect(states > 10_000, "The search is to see more than \(states) states.")
    }

    @Test("Without any one of the rules it is not", arguments: RenameModel.Broken.allCases)
    private func broken(_ rule: RenameModel.Broken) {
        let isCaught = Self.mixes.contains { operations, after in
            RenameModel(operations: operations, after: after, broken: rule).search().violation
                != nil
        }
        #expect(isCaught, "\(rule) is not noticed.")
    }
}
