import Foundation
import NIOCore
import NIOPosix

/// Runs the micro-benchmarks whose names contain one of the arguments; all without arguments.
///
///     TRIOLET_BENCHMARKS=1 swift run -c release triolet-benchmarks [NAME…]
///
/// `--gateway PORT` serves a store in memory instead, so that `triolet bench` can tell what the
/// gateway costs by itself. Not a part of the normal build: docs/performance.md.
@main
struct Benchmarks {
    static func main() async throws {
        // As `triolet serve` does.
        NIOSingletons
            .unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "--gateway" {
            return try await MemoryGateway.serve(port: arguments.last.flatMap { Int($0) } ?? 7_399)
        }
        let all =
            try WireBenchmarks.all() + GatewayBenchmarks.all() + RegisterBenchmarks.all()
            + (await ChunkBenchmarks.all())
        let chosen = all.filter { benchmark in
            arguments.isEmpty || arguments.contains { benchmark.name.contains($0) }
        }
        print(Harness.head)
        for benchmark in chosen { try await Harness().run(benchmark) }
        ChunkBenchmarks.cleanUp()
    }
}
