package import NIOCore
package import Runtime
import Synchronization

/// A directory of files that keeps the contract of ``Disk`` and no more.
///
/// What is written is volatile until it is synced. A crash keeps any subset of the unsynced sectors
/// of 4 KiB. Creating and removing files is durable at once. Every operation takes some virtual
/// time.
package final class SimulatedDisk: Disk {
    package struct Settings: Sendable {
        package var sizeBytes: UInt64 = 1 << 40
        package var readMicroseconds = 10...200
        package var writeMicroseconds = 10...300
        package var syncMicroseconds = 100...5_000

        package init() {}

        fileprivate func microseconds(_ operation: Operation) -> ClosedRange<Int> {
            switch operation {
            case .read: self.readMicroseconds
            case .write: self.writeMicroseconds
            case .sync: self.syncMicroseconds
            }
        }
    }

    enum Operation { case read, write, sync }

    struct State {
        var settings: Settings
        var files: [String: FileContent] = [:]
        /// Grows with each crash: files opened before are of no use any more.
        var generation = 0
        var failsNextSync = false
        /// A sync has failed: all others fail too, until the machine is restarted.
        var isBroken = false
        var syncCount = 0
        var readBytes: UInt64 = 0
        /// Bytes written and read of which the system was told that nobody needs them again soon.
        var passing = (written: UInt64(0), read: UInt64(0))
        /// Syncs are acknowledged, and make nothing durable.
        var lies = false

        var usedBytes: UInt64 {
            UInt64(self.files.values.reduce(0) { $0 + $1.usedSectors } * FileContent.sectorBytes)
        }
    }

    let simulator: Simulator
    let state: Mutex<State>

    init(_ simulator: Simulator, _ settings: Settings) {
        self.simulator = simulator
        self.state = Mutex(State(settings: settings))
    }

    /// Takes the virtual time of one operation.
    ///
    /// A file of an older generation gets no answer as long as the run goes on: its machine is
    /// gone. When the run is over everything fails.
    func wait(_ operation: Operation, _ generation: Int?) async throws(DiskError) {
        let microseconds = self.state.withLock { $0.settings.microseconds(operation) }
        await self.simulator.dawdle(microseconds: microseconds)
        if !self.simulator.isOver {
            let current = self.state.withLock { $0.generation }
            guard let generation, generation != current else { return }
            await suspended { (wakeup: Wakeup<Void>) in self.simulator.cut { wakeup.resume() } }
        }
        throw .failed(operation: "after the end of the run", errno: 0)
    }

    package func open(_ name: String) async throws(DiskError) -> any DiskFile {
        try await self.wait(.write, nil)
        let generation = self.state.withLock { state in
            if state.files[name] == nil { state.files[name] = FileContent() }
            return state.generation
        }
        return SimulatedFile(disk: self, name: name, generation: generation)
    }

    package func list() async throws(DiskError) -> [String] {
        try await self.wait(.read, nil)
        return self.fileNames
    }

    package func remove(_ name: String) async throws(DiskError) {
        try await self.wait(.write, nil)
        let isRemoved = self.state.withLock { $0.files.removeValue(forKey: name) != nil }
        guard isRemoved else { throw .notFound(name) }
    }

    package func space() async throws(DiskError) -> (freeBytes: UInt64, sizeBytes: UInt64) {
        try await self.wait(.read, nil)
        return self.state.withLock { state in
            let size = state.settings.sizeBytes
            return (size - min(size, state.usedBytes), size)
        }
    }
}

/// What only tests and the simulation do to a disk.
extension SimulatedDisk {
    package var fileNames: [String] { self.state.withLock { $0.files.keys.sorted() } }

    package var syncCount: Int { self.state.withLock { $0.syncCount } }

    /// Bytes read from files so far.
    package var readBytes: UInt64 { self.state.withLock { $0.readBytes } }

    /// Bytes written and read so far that the system need not keep in memory.
    package var passingBytes: (written: UInt64, read: UInt64) {
        self.state.withLock { $0.passing }
    }

    package var usedBytes: UInt64 { self.state.withLock { $0.usedBytes } }

    /// Sectors that a crash could lose now.
    package var unsyncedSectors: Int {
        self.state.withLock { $0.files.values.reduce(0) { $0 + $1.unsyncedSectors } }
    }

    /// Changes size or speed from now on.
    package func adjust(_ change: (inout Settings) -> Void) {
        self.state.withLock { change(&$0.settings) }
    }

    /// The next sync fails, and with it all others until the machine is restarted.
    package func failNextSync() { self.state.withLock { $0.failsNextSync = true } }

    /// Acknowledges syncs that make nothing durable: a rule broken on purpose.
    package func lie() { self.state.withLock { $0.lies = true } }

    /// What the disk would have after a crash now, unsynced sectors left out.
    package var snapshot: Snapshot {
        self.state.withLock { state in
            Snapshot(files: state.files.mapValues { $0.durableOnly })
        }
    }

    /// Puts an earlier state back.
    ///
    /// - Precondition: the machine is down.
    package func restore(_ snapshot: Snapshot) {
        self.state.withLock { state in
            state.files = snapshot.files
            state.generation += 1
        }
    }

    /// An earlier state.
    package struct Snapshot: Sendable {
        fileprivate let files: [String: FileContent]
    }

    /// Turns one bit of what is durable, in a file that the seed picks.
    ///
    /// - Returns: the name of the file; nil if nothing is durable yet.
    package func flipBit() -> String? {
        let random = self.simulator.draw { SplitMix64(seed: $0.next()) }
        return self.state.withLock { state in
            var random = random
            var names = state.files.keys.sorted()
            while !names.isEmpty {
                let name = names.remove(at: random.number(in: 0...(names.count - 1)))
                if state.files[name]?.flipBit(&random) == true { return name }
            }
            return nil
        }
    }

    /// What a file holds now; fewer bytes than asked for at its end.
    package func bytes(of file: String, _ count: Int, at offset: UInt64) -> ByteBuffer {
        self.state.withLock { $0.files[file]?.read(count, at: offset) ?? ByteBuffer() }
    }

    /// Puts other bytes into a file, durably, behind the back of whoever has it open.
    package func damage(_ file: String, with bytes: ByteBuffer, at offset: UInt64) {
        self.state.withLock { state in
            state.files[file]?.write(bytes, at: offset)
            guard let snapshot = state.files[file]?.snapshot else { return }
            state.files[file]?.sync(snapshot)
        }
    }

    /// Turns one bit of one byte.
    package func flipBit(_ bit: Int, ofByte offset: UInt64, in file: String) {
        let byte = self.bytes(of: file, 1, at: offset).getInteger(at: 0, as: UInt8.self) ?? 0
        let flipped = byte ^ (1 << UInt8(bit % 8))
        self.damage(file, with: ByteBuffer(bytes: [flipped]), at: offset)
    }

    /// Cuts a file off.
    package func truncate(_ file: String, to size: UInt64) {
        self.state.withLock { $0.files[file]?.truncate(to: size) }
    }

    /// Takes a file away.
    package func lose(_ file: String) { self.state.withLock { $0.files[file] = nil } }

    func crash() {
        let random = self.simulator.draw { SplitMix64(seed: $0.next()) }
        self.state.withLock { state in
            var random = random
            for name in state.files.keys.sorted() { state.files[name]?.crash(&random) }
            state.generation += 1
            (state.failsNextSync, state.isBroken) = (false, false)
        }
    }

    /// Forgets everything: a new disk.
    package func wipe() {
        self.state.withLock { state in
            state.files = [:]
            state.generation += 1
        }
    }
}
