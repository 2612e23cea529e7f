import Platform
import ServiceLifecycle

/// Gives free memory back to the system every now and then, as long as the node runs.
struct MemoryService: Service {
    /// Seldom enough for pages that are taken again at once not to matter: 16 MiB of them every two
    /// seconds would be some two thousand page faults a second.
    private static let interval = Duration.seconds(2)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var memory = FreeMemory()
            while (try? await Task.sleep(for: Self.interval)) != nil {
                memory = await WorkerThreads.shared.run { [memory] in memory.givenBack() }
            }
        }
    }
}
