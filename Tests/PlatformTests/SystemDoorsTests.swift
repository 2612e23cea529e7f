import NIOCore
import NIOPosix
import Runtime
import Synchronization
import TestSupport
import Testing

@testable import Platform

struct SystemDoorsTests {
    #if canImport(Glibc)
    @Test("The allocator takes the bounds that nodes give it")
    func allocator() {
        #expect(ProcessMemory.boundAllocator())
    }

    @Test("Free memory between blocks that are in use goes back to the system")
    func freeMemory() throws {
        var blocks: [[UInt8]] = (0..<1_024).map { _ in Array(repeating: 1, count: 1 << 16) }
        // All but the last of each eight, so that no end of an arena is free.
        for index in blocks.indices where index % 8 != 7 { blocks[index] = [] }
        let before = try #require(FreeMemory.bytes)
        let after = FreeMemory().givenBack().left
        #expect(before > after + 48 << 20)
        #expect(blocks.count == 1_024)
    }
    #endif

    @Test("The clock goes on, and the wall clock is in this century")
    func clocks() async {
        let time = SystemTime()
        let before = time.nanoseconds
        await time.sleep(for: .milliseconds(20))
        #expect(time.nanoseconds - before >= 20_000_000)
        #expect(time.wallMicroseconds > 1_700_000_000_000_000)
        #expect(time.wallMicroseconds < 4_000_000_000_000_000)
    }

    @Test("A sleep ends early when its task is cancelled")
    func cancelledSleep() async {
        let task = Task { await SystemTime().sleep(for: .seconds(60)) }
        task.cancel()
        await task.value
    }

    @Test("On an event loop, too, a sleep lasts as long as it should, and ends early if cancelled")
    func sleepOnLoop() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let executor = LoopExecutor(loop)
        let lasted = await executor.run {
            #expect(loop.inEventLoop)
            let before = NIODeadline.now()
            await SystemTime().sleep(for: .milliseconds(20))
            #expect(loop.inEventLoop)
            return NIODeadline.now() - before
        }
        #expect(lasted >= .milliseconds(20))
        let sleeper = Task {
            await executor.run { await SystemTime().sleep(for: .seconds(60)) }
        }
        sleeper.cancel()
        await sleeper.value
        try await group.shutdownGracefully()
    }

    @Test("Random numbers differ, whoever asks for them")
    func random() async {
        let numbers = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<100).map { _ in SystemRandom().next() } }
            }
            return await group.reduce(into: Set<UInt64>()) { $0.formUnion($1) }
        }
        #expect(numbers.count == 800)
        #expect(!numbers.contains(0))
    }

    @Test("Workers give back what the work gave")
    func workers() async {
        let workers = WorkerThreads(threads: 2)
        let sums = await withTaskGroup(of: Int.self) { group in
            for number in 0..<50 { group.addTask { await workers.run { number * 2 } } }
            return await group.reduce(0, +)
        }
        #expect(sums == 49 * 50)
        await workers.shutdown()
        // Nobody is left hanging after the end either.
        #expect(await workers.run { 7 } == 7)
    }

    @Test("Background work is waited for")
    func finishes() async {
        let background = TaskBackground()
        let done = Counter()
        for _ in 0..<20 {
            background.run {
                try? await Task.sleep(for: .milliseconds(20))
                done.add()
            }
        }
        #expect(await background.finish(within: .seconds(20)) == 0)
        #expect(done.count == 20)
        #expect(await background.finish(within: .seconds(20)) == 0)
    }

    @Test("Background work that goes on for ever is cancelled when the patience is over")
    func cancels() async {
        let background = TaskBackground()
        background.run { while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) } }
        #expect(await background.finish(within: .milliseconds(50)) == 0)
    }

    @Test("Work that ignores everything does not hold up the shutdown")
    func stubborn() async {
        let background = TaskBackground()
        let gate = Eventual<Void>()
        background.run { await gate.value }
        #expect(await background.finish(within: .milliseconds(20)) == 1)
        gate.fulfil(())
        #expect(await background.finish(within: .seconds(20)) == 0)
    }
}

final class Counter: Sendable {
    private let state = Mutex(0)

    var count: Int { self.state.withLock { $0 } }

    func add() { self.state.withLock { $0 += 1 } }
}
