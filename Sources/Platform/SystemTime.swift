import CPlatform
import NIOCore
import NIOPosix
import Runtime
import Synchronization

/// The clocks of the system.
package struct SystemTime: TimeSource {
    package init() {}

    package var nanoseconds: UInt64 { NIODeadline.now().uptimeNanoseconds }

    package var wallMicroseconds: UInt64 { cplatform_wall_microseconds() }

    /// On an event loop the loop's own timers are used: those of Swift's run on threads of their
    /// own, from which each sleeper has to be brought back.
    package func sleep(for duration: Duration) async {
        guard let loop = MultiThreadedEventLoopGroup.currentEventLoop else {
            try? await Task.sleep(for: duration)
            return
        }
        let sleep = LoopSleep()
        await withTaskCancellationHandler {
            await suspended { sleep.begin($0, for: TimeAmount(duration), on: loop) }
        } onCancel: {
            sleep.cancel()
        }
    }
}

/// One sleep, ended by its time or by whoever cancels it, whatever comes first.
private final class LoopSleep: Sendable {
    private enum State {
        case new
        case asleep(Wakeup<Void>)
        case over
    }

    private struct Timed {
        var state = State.new
        var timer: Scheduled<Void>?
    }

    private let timed = Mutex(Timed())

    func begin(_ wakeup: Wakeup<Void>, for time: TimeAmount, on loop: any EventLoop) {
        let isOver = self.timed.withLock { timed in
            if case .over = timed.state { return true }
            timed.state = .asleep(wakeup)
            timed.timer = loop.scheduleTask(in: time) { self.finish() }
            return false
        }
        if isOver { wakeup.resume() }
    }

    func cancel() { self.finish()?.cancel() }

    /// - Returns: the timer, which is of use only to whoever comes before it.
    @discardableResult
    private func finish() -> Scheduled<Void>? {
        let former = self.timed.withLock { timed in
            defer { timed = Timed(state: .over) }
            return timed
        }
        if case .asleep(let wakeup) = former.state { wakeup.resume() }
        return former.timer
    }
}
