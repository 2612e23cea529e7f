import Simulation

extension TrioletSim {
    /// Looks for a smaller run that still fails, and prints it as a test; true if the run fails.
    func shrinkRun(_ seed: UInt64) -> Bool {
        var shrinker = Shrinker(self.scenario(seed))
        guard let first = shrinker.firstViolation else {
            print("seed \(seed) breaks no promise")
            return false
        }
        self.say("seed \(seed): \(first)")
        shrinker.run { self.say($0) }
        print("after \(shrinker.runs) runs: \(shrinker.firstViolation ?? first)")
        print(shrinker.scenario.source)
        return true
    }
}
