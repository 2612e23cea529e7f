import NIOCore

/// One deadline on an event loop that is cheap to move.
///
/// Moving it changes a field. The scheduled task is only replaced when the deadline comes nearer;
/// when it runs too early it schedules itself again. All calls are made on the loop.
final class LoopTimer {
    private let loop: any EventLoop
    private let action: () -> Void
    private var deadline: NIODeadline?
    private var scheduled: (at: NIODeadline, task: Scheduled<Void>)?

    init(on loop: any EventLoop, action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    func set(in duration: Duration) {
        let deadline = NIODeadline.now() + TimeAmount(duration)
        self.deadline = deadline
        if let scheduled, scheduled.at <= deadline { return }
        self.schedule(at: deadline)
    }

    /// Nothing fires until the deadline is set again.
    func clear() { self.deadline = nil }

    /// Lets go of the scheduled task and of what it holds.
    func stop() {
        self.deadline = nil
        self.scheduled?.task.cancel()
        self.scheduled = nil
    }

    private func schedule(at deadline: NIODeadline) {
        self.scheduled?.task.cancel()
        let timer = NIOLoopBound(self, eventLoop: self.loop)
        let task = self.loop.scheduleTask(deadline: deadline) { timer.value.fire() }
        self.scheduled = (deadline, task)
    }

    private func fire() {
        self.scheduled = nil
        guard let deadline = self.deadline else { return }
        if deadline > .now() {
            self.schedule(at: deadline)
        } else {
            self.deadline = nil
            self.action()
        }
    }
}
