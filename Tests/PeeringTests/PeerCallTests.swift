import NIOCore
import Runtime
import StoreModel
import TestSupport
import Testing

@testable import Peering

@Suite(.timeLimit(.minutes(1)))
struct PeerCallTests {
    @Test("A request reaches the handler with its sender, and the reply its caller")
    func roundTrip() async throws {
        let handler = ClosureHandler { request, node in
            PeerMessage(kind: 64, epoch: 9, head: ByteBuffer(string: "\(request.epoch) \(node)"))
        }
        let pair = try await PeerPair(handler)
        let reply = try await pair.call(message("hello"))
        #expect(reply.kind == 64)
        #expect(reply.epoch == 9)
        #expect(String(buffer: reply.head) == "7 \(PeerPair.clientNode)")
        await pair.shutdown()
    }

    @Test(
        "Heads and bodies of any length come through both ways unchanged",
        arguments: [
            (0, 0), (1, 0), (65_535, 1), (65_536, 0), (65_537, 3), (300_000, 200_000),
            (8 << 20, 0), (0, 65_537), (100, 4 << 20), (20, PeerMessage.bodyBytesMax),
        ]
    )
    func lengths(head: Int, body: Int) async throws {
        var random = SplitMix64(seed: UInt64(head + body))
        let (head, body) = (random.bytes(head), random.bytes(body))
        let pair = try await PeerPair()
        let reply = try await pair.call(PeerMessage(kind: 3, epoch: 1, head: head, body: body))
        #expect(reply.kind == 4)
        #expect(reply.head == head)
        #expect(reply.body == body)
        #expect(pair.server.budget.left == pair.server.budget.total)
        #expect(pair.network.budget.left == pair.network.budget.total)
        await pair.shutdown()
    }

    @Test("Replies find their callers when many calls of all sizes are under way at once")
    func concurrency() async throws {
        let pair = try await PeerPair {
            $0.requestBytes = 16 << 20
        } client: {
            $0.replyBytes = 16 << 20
            $0.callsPerPeer = 2_000
        }
        let wrong = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<1_000 {
                group.addTask {
                    var random = SplitMix64(seed: UInt64(number))
                    let isLarge = number.isMultiple(of: 50)
                    let body = random.bytes(isLarge ? 4 << 20 : number)
                    let reply = try? await pair.call(
                        message("\(number)", body: body),
                        within: .seconds(40)
                    )
                    return reply?.body != body
                        || reply.map { String(buffer: $0.head) } != "\(number)"
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wrong == 0)
        #expect(pair.server.budget.left == pair.server.budget.total)
        #expect(pair.network.budget.left == pair.network.budget.total)
        #expect(pair.log.lines == [])
        await pair.shutdown()
    }

    @Test("A call ends at its deadline, and the other side may drop the work")
    func deadline() async throws {
        let wasCancelled = Flag()
        let handler = ClosureHandler { request, _ in
            guard String(buffer: request.head) == "slow" else { return request }
            // Ends early only if the task is cancelled.
            try? await Task.sleep(for: .seconds(30))
            wasCancelled.set(Task.isCancelled)
            return request
        }
        let pair = try await PeerPair(handler)
        // The deadline is about the work, not about connecting.
        _ = try await pair.call(message("quick"))
        await #expect(throws: NetworkError.timedOut) {
            try await pair.call(message("slow"), within: .milliseconds(300))
        }
        #expect(try await eventually { wasCancelled.isSet })
        // The connection is as good as before.
        #expect(try await pair.call(message("quick")).kind == 1)
        #expect(pair.log.lines == [])
        await pair.shutdown()
    }

    @Test("Cancelling the caller's task cancels the work on the other side")
    func cancel() async throws {
        let (begun, ended) = (Flag(), Flag())
        let handler = ClosureHandler { request, _ in
            guard String(buffer: request.head) == "slow" else { return request }
            begun.set()
            try? await Task.sleep(for: .seconds(30))
            ended.set()
            return request
        }
        let pair = try await PeerPair(handler)
        let caller = Task {
            await failure { () throws(NetworkError) in try await pair.call(message("slow")) }
        }
        #expect(try await eventually { begun.isSet })
        caller.cancel()
        #expect(await caller.value == .cancelled)
        #expect(try await eventually { ended.isSet })
        #expect(try await pair.call(message("quick")).kind == 1)
        await pair.shutdown()
    }

    @Test("A call of a cancelled task is not sent")
    func cancelledBefore() async throws {
        let pair = try await PeerPair()
        let caller = Task {
            while !Task.isCancelled { await Task.yield() }
            return await failure { () throws(NetworkError) in try await pair.call(message("x")) }
        }
        caller.cancel()
        #expect(await caller.value == .cancelled)
        await pair.shutdown()
    }

    @Test("Calls past the bound are refused at once; the others go on")
    func overload() async throws {
        let gate = Eventual<Void>()
        let handler = ClosureHandler { request, _ in
            await gate.value
            return request
        }
        let pair = try await PeerPair(handler) {
            $0.streamsPerConnection = 4
        } client: {
            $0.streamsPerConnection = 4
            $0.callsPerPeer = 8
        }
        let results = await withTaskGroup(of: NetworkError?.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    await failure { () throws(NetworkError) in try await pair.call(message("x")) }
                }
            }
            var results: [NetworkError?] = []
            for await result in group {
                results.append(result)
                // The refused ones come first: nobody else can have an answer yet.
                if results.count == 4 { gate.fulfil(()) }
            }
            return results
        }
        #expect(results.prefix(4).allSatisfy { $0 == .overloaded })
        #expect(results.dropFirst(4).allSatisfy { $0 == nil })
        await pair.shutdown()
    }

    @Test("Messages longer than the protocol allows are refused before they are sent")
    func tooLong() async throws {
        let pair = try await PeerPair()
        let long = ByteBuffer(repeating: 0, count: PeerMessage.headBytesMax + 1)
        await #expect(throws: NetworkError.refused("head of \(long.readableBytes) bytes")) {
            try await pair.call(PeerMessage(kind: 1, epoch: 0, head: long))
        }
        await pair.shutdown()
    }
}
