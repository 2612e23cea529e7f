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

/// One sleep, ended by its time, by whoever cancels it, or by the end of the loop, whatever comes
/// first.
private final class LoopSleep: NIOScheduledCallbackHandler, Sendable {
    private enum State {
        case new
        case asleep(Wakeup<Void>)
        case over
    }

    private struct Timed {
        var state = State.new
        var timer: NIOScheduledCallback?
    }

    private let timed = Mutex(Timed())

    func begin(_ wakeup: Wakeup<Void>, for time: TimeAmount, on loop: any EventLoop) {
        let isAsleep = self.timed.withLock { timed in
            guard case .new = timed.state,
                let timer = try? loop.scheduleCallback(in: time, handler: self)
            else { return false }
            timed = Timed(state: .asleep(wakeup), timer: timer)
            return true
        }
        if !isAsleep { wakeup.resume() }
    }

    func cancel() { self.finish()?.cancel() }

    func handleScheduledCallback(eventLoop: some EventLoop) { self.finish() }

    func didCancelScheduledCallback(eventLoop: some EventLoop) { self.finish() }

    /// - Returns: the timer, which is of use only to whoever comes before it.
    @discardableResult
    private func finish() -> NIOScheduledCallback? {
        let former = self.timed.withLock { timed in
            defer { timed = Timed(state: .over) }
            return timed
        }
        if case .asleep(let wakeup) = former.state { wakeup.resume() }
        return former.timer
    }
}
