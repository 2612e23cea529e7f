import Runtime
import SimulatedRuntime
import Synchronization

/// Holds up what a node is about to do, at the steps that a test asks for.
final class HeldStep: Sendable {
    private struct State {
        /// Steps at which the next one to come is held up.
        ///
        /// Each with the number of those that pass before.
        var armed: [RareStep: Int] = [:]
        /// Steps at which somebody waits.
        var held: Set<RareStep> = []
    }

    private let state = Mutex(State())
    private let simulator: Simulator

    /// - Parameters:
    ///   - node: Its place in the cluster.
    ///   - cluster: Nothing is held up there yet.
    init(of node: Int, in cluster: TestCluster) {
        self.simulator = cluster.simulator
        cluster.nodes[node].machine.holdUp { [self] step in
            let isHeld = self.state.withLock { state in
                guard let passing = state.armed[step] else { return false }
                state.armed[step] = passing > 0 ? passing - 1 : nil
                if passing == 0 { state.held.insert(step) }
                return passing == 0
            }
            guard isHeld else { return }
            while self.isHeld(step) { await self.pause() }
        }
    }

    /// Holds up whoever reaches the step next, or after so many.
    func arm(_ step: RareStep, after passing: Int = 0) {
        self.state.withLock { $0.armed[step] = passing }
    }

    /// Waits until somebody is held up.
    func reached(_ step: RareStep) async {
        while !self.isHeld(step) { await self.pause() }
    }

    /// Lets go on who is held up.
    func open(_ step: RareStep) {
        self.state.withLock { state in _ = state.held.remove(step) }
    }

    private func isHeld(_ step: RareStep) -> Bool {
        self.state.withLock { $0.held.contains(step) }
    }

    private func pause() async {
        await self.simulator.doors().time.sleep(for: .milliseconds(1))
    }
}
