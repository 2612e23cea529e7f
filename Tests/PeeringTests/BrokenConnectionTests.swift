import NIOCore
import Runtime
import StoreModel
import TestSupport
import Testing

@testable import Peering

@Suite(.timeLimit(.minutes(1)))
struct BrokenConnectionTests {
    /// Rounds of calls until some have come through and some have failed.
    private static let roundsMax = 20

    @Test(
        "Over connections that break anywhere every call ends, and no reply goes to another call",
        arguments: UInt64(0)..<4
    )
    func cuts(seed: UInt64) async throws {
        let pair = try await PeerPair()
        let relay = try await Relay.start(to: pair.server.address, group: pair.group, cuts: seed)
        let network = PeerNetwork(
            try PeerPair.settings(PeerPair.clientNode) {
                $0.backOffMin = .milliseconds(1)
                $0.backOffMax = .milliseconds(5)
            },
            group: pair.group,
            logger: pair.log.logger
        ) { _ in relay.address }
        var counts = (0, 0, 0)
        // Where connections break by chance, so it may be that all of a short round do.
        for _ in 0..<Self.roundsMax where counts.0 == 0 || counts.1 == 0 {
            let round = await withTaskGroup(of: (replies: Int, errors: Int, wrong: Int).self) {
                group in
                for number in 0..<20 {
                    group.addTask {
                        await Self.calls(20, of: number, seed: seed, on: network)
                    }
                }
                return await group.reduce((0, 0, 0)) { ($0.0 + $1.0, $0.1 + $1.1, $0.2 + $1.2) }
            }
            counts = (counts.0 + round.0, counts.1 + round.1, counts.2 + round.2)
        }
        #expect(counts.2 == 0)
        #expect(counts.0 > 0, "some calls came through")
        #expect(counts.1 > 0, "some connections broke")
        await network.shutdown()
        #expect(try await eventually { network.budget.left == network.budget.total })
        #expect(try await eventually { pair.server.budget.left == pair.server.budget.total })
        await relay.close()
        await pair.shutdown()
    }

    /// One call after the other, with bodies that tell them apart.
    private static func calls(
        _ count: Int,
        of caller: Int,
        seed: UInt64,
        on network: PeerNetwork
    ) async -> (replies: Int, errors: Int, wrong: Int) {
        var random = SplitMix64(seed: seed << 16 | UInt64(caller))
        var result = (replies: 0, errors: 0, wrong: 0)
        for number in 0..<count {
            let length = [10, 1_000, 100_000, 300_000].randomElement(using: &random) ?? 10
            let request = message("\(caller).\(number)", body: random.bytes(length))
            do throws(NetworkError) {
                let reply = try await network.call(
                    PeerPair.serverNode,
                    request,
                    within: .seconds(20)
                )
                result.replies += 1
                if reply.head != request.head || reply.body != request.body { result.wrong += 1 }
            } catch {
                result.errors += 1
                if error != .disconnected, error != .unreachable { result.wrong += 1 }
                // Gives the back-off time to pass.
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
        return result
    }
}
