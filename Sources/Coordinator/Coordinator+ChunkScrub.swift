import PeerProtocol
import Runtime
import StoreModel

/// Reading all chunks of the own node again, at a pace, and having the bad ones replaced.
///
/// Source: docs/protocol/content.md, "Healing".
extension Coordinator {
    /// Read in one step at least: small nodes are through in a moment.
    private static let stepBytesMin: UInt64 = 4 << 20
    /// Read in one step at most: the disk belongs to clients.
    private static let stepBytesMax: UInt64 = 256 << 20
    /// Pause between two steps of a pass that somebody asked for.
    private static let forcedPause = Duration.milliseconds(10)

    /// Scrubs again and again; returns when the task is cancelled.
    func runChunkScrub() async {
        while !Task.isCancelled {
            let isForced = self.healing.update { $0.scrub.isForced }
            let pause = isForced ? Self.forcedPause : self.settings.chunkScrubPause
            await self.doors.time.sleep(for: pause)
            guard !Task.isCancelled, !self.hasFinishedEarly() else { continue }
            await self.scrubChunks()
        }
    }

    /// A pass that is through before its time leaves the disk alone for the rest of it.
    private func hasFinishedEarly() -> Bool {
        let status = self.scrubStatus
        guard !status.isForced, status.passes > 0 else { return false }
        let period = self.settings.chunkScrubPeriod.wholeMicroseconds / 2
        return status.passBytes == 0
            && self.doors.time.wallMicroseconds < status.lastEnd + period
    }

    /// One step: verifies some chunks, and queues the damaged ones for repair.
    ///
    /// - Returns: true at the end of a pass, or if the node does not answer.
    @discardableResult
    package func scrubChunks() async -> Bool {
        let (isForced, startsOver, total) = self.healing.update { state in
            defer { state.isPassWanted = false }
            return (state.scrub.isForced, state.isPassWanted, state.scrub.totalBytes)
        }
        let bytes = isForced ? Self.stepBytesMax / 4 : self.stepBytes(total)
        let reply = try? await self.caller.ask(
            self.caller.own,
            .scrubChunks(ScrubRequest(bytes: bytes, startsOver: startsOver)),
            within: self.settings.chunkTimeout
        )
        guard case .scrubbed(let page)? = reply else {
            self.healing.update { $0.scrub.isForced = false }
            return true
        }
        for chunk in page.damaged {
            self.healing.repairs.add(chunk, at: self.caller.own, .scrub)
        }
        self.instruments.scrubbed(bytes: page.bytes, chunks: page.chunks, isLast: page.isLast)
        self.instruments.corrupt(page.damaged.count, foundBy: .scrub)
        self.healing.update { state in
            state.scrub.passBytes = page.isLast ? 0 : page.passBytes
            state.scrub.totalBytes = page.totalBytes
            state.scrub.damaged += page.damaged.count
            guard page.isLast else { return }
            state.scrub.passes += 1
            state.scrub.lastEnd = self.doors.time.wallMicroseconds
            if !state.isPassWanted { state.scrub.isForced = false }
        }
        return page.isLast
    }

    /// What has to be read in one step so that all is read within the period.
    private func stepBytes(_ total: UInt64) -> UInt64 {
        let period = max(1, self.settings.chunkScrubPeriod.wholeMicroseconds)
        let pause = self.settings.chunkScrubPause.wholeMicroseconds
        // Half the period: a node that is off half the time is through in time, too.
        let share = 2 * Double(total) * Double(pause) / Double(period)
        return min(max(UInt64(share), Self.stepBytesMin), Self.stepBytesMax)
    }
}
