import Coordinator
import SimulatedRuntime
import StoreModel

/// Clients that do not wait for the end of what they have asked for.
extension Client {
    /// How long this client waits for a copy before it goes away, in nanoseconds; nil to the end.
    func patience() -> UInt64? {
        // Those who look at everything at the end wait for it.
        guard self.workload.givingUpPermille > 0, self.number <= self.workload.clients else {
            return nil
        }
        return self.draw { random in
            guard random.chance(permille: self.workload.givingUpPermille) else { return nil }
            // From before anything is stored until after it should have been done.
            let most = random.pick([2_000, 10_000, 40_000, 200_000])
            return UInt64(random.number(in: 0...most)) * 1_000
        }
    }

    /// Does `work`, and cancels it when the client's patience has ended.
    ///
    /// Its result is looked at all the same: it says what is true.
    static func wait<Value: Sendable>(
        _ patience: UInt64?,
        _ simulator: Simulator,
        for work: @escaping @Sendable () async throws(ClusterError) -> Value
    ) async throws(ClusterError) -> Value {
        guard let patience else { return try await work() }
        let result = await withTaskGroup(of: Result<Value, ClusterError>?.self) { group in
            group.addTask {
                do throws(ClusterError) {
                    return .success(try await work())
                } catch { return .failure(error) }
            }
            group.addTask {
                await simulator.sleep(nanoseconds: patience)
                return nil
            }
            var result: Result<Value, ClusterError>?
            for await end in group {
                result = result ?? end
                group.cancelAll()
            }
            return result
        }
        guard let result else { preconditionFailure("The work has a result.") }
        return try result.get()
    }
}
