import Testing

struct HoldModelTests {
    @Test(
        "Whoever stops at whatever step, content lives as long as a version names it",
        arguments: 0..<10
    )
    func rules(group: Int) {
        for seed in UInt64(group * 100)..<UInt64(group * 100 + 100) {
            let model = HoldModel(seed: seed, broken: .none, crashes: true)
            #expect(model.run() == [], "seed \(seed)")
        }
    }

    @Test(
        "The same of keys that have many versions, where single ones are deleted",
        arguments: 0..<10
    )
    func versions(group: Int) {
        for seed in UInt64(group * 100)..<UInt64(group * 100 + 100) {
            let model = HoldModel(seed: seed, broken: .none, crashes: true, keepsVersions: true)
            #expect(model.run() == [], "seed \(seed)")
        }
    }

    @Test("With many versions, too, a broken rule shows")
    func brokenVersions() {
        for rule in [BrokenRule.releaseIgnoresCeiling, .auditWithoutFence, .holdAfterAccept] {
            let caught = (UInt64(0)..<3_000).first {
                !HoldModel(seed: $0, broken: rule, crashes: true, keepsVersions: true).run()
                    .isEmpty
            }
            #expect(caught != nil, "\(rule)")
        }
    }

    @Test("The model does what it is for: operations succeed, and some content ends")
    func progress() {
        var successes = 0
        var (made, left) = (0, 0)
        for seed in UInt64(0)..<100 {
            let model = HoldModel(seed: seed, broken: .none, crashes: true)
            _ = model.run()
            successes += model.successes
            made += model.manifests.count
            left += model.chunks.count
        }
        #expect(successes > 300)
        #expect(left > 20)
        #expect(made > 2 * left)
    }

    @Test(
        "A broken rule loses content, or brings back what was dropped",
        arguments: BrokenRule.allCases.filter { $0 != .none }
    )
    func broken(rule: BrokenRule) {
        let caught = (UInt64(0)..<3_000).first {
            !HoldModel(seed: $0, broken: rule, crashes: true).run().isEmpty
        }
        #expect(caught != nil)
    }
}
