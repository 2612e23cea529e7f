package import Coordinator
package import Runtime
import S3Protocol
import StoreModel
import Synchronization

/// The keys and users of the settings, and those that were made while the cluster runs.
///
/// What the cluster has is remembered, so that requests do not wait for it, and counts for
/// ``ageMax`` from the beginning of the read that showed it: a request that comes later than that
/// after a key was deleted is refused. A key that is not remembered is looked for at once, but not
/// more often than every ``searchPause``. Source: docs/protocol/registers.md, "Access keys".
package final class KeyDirectory: Credentials {
    /// How long (5 s) a read counts.
    package static let ageMax: UInt64 = 5_000_000_000
    /// After this (2 s) the next read is begun, behind the request that notices.
    package static let renewalAge: UInt64 = 2_000_000_000
    /// Least time (250 ms) between two reads for keys that are not known.
    package static let searchPause: UInt64 = 250_000_000

    private typealias Outcome = Result<Snapshot, ClusterError>

    /// What a read has shown.
    private struct Snapshot {
        let begun: UInt64
        let credentials: [String: Credential]
        let users: UserDirectory
    }

    /// A read that is under way.
    private struct Reading {
        let begun: UInt64
        let outcome = Eventual<Outcome>()
    }

    private struct State {
        var snapshot: Snapshot?
        var reading: Reading?
        /// When somebody last looked for a key that was not known.
        var searched: UInt64?
    }

    private let fixed: FixedCredentials
    private let store: any AccessKeyStore
    private let doors: Doors
    private let state = Mutex(State())

    /// Keys and users of the settings, `fixed`, come before those of the store.
    package init(fixed: FixedCredentials, store: any AccessKeyStore, doors: Doors) {
        self.fixed = fixed
        self.store = store
        self.doors = doors
    }

    package var root: Owner { self.fixed.root }

    package func credential(
        for accessKey: String
    ) async throws(ClusterError) -> Credential? {
        if let fixed = self.fixed.known(accessKey) { return fixed }
        let now = self.now
        let snapshot = try await self.current(now)
        if let known = snapshot.credentials[accessKey] { return known }
        guard self.maySearch(now) else { return nil }
        return try await self.snapshot(begunFrom: now).credentials[accessKey]
    }

    package func users() async -> UserDirectory {
        do throws(ClusterError) {
            return try await self.current(self.now).users
        } catch {
            // Names, to be shown: old ones are better than none.
            return self.state.withLock { $0.snapshot?.users } ?? self.fixed.directory
        }
    }

    package func usersNow() async throws(ClusterError) -> UserDirectory {
        let now = self.now
        guard self.maySearch(now) else { return try await self.current(now).users }
        return try await self.snapshot(begunFrom: now).users
    }

    private var now: UInt64 { self.doors.time.nanoseconds }

    private func maySearch(_ now: UInt64) -> Bool {
        self.state.withLock { state in
            if let last = state.searched, now < last + Self.searchPause { return false }
            state.searched = now
            return true
        }
    }

    /// What counts for a request that has come now; the next read begins in time.
    private func current(_ now: UInt64) async throws(ClusterError) -> Snapshot {
        let snapshot = try await self.snapshot(begunFrom: now - min(now, Self.ageMax))
        if snapshot.begun + Self.renewalAge <= now { _ = self.reading() }
        return snapshot
    }

    /// What a read has shown that did not begin before `least`; waits for one if need be.
    ///
    /// Ends: a read that began too early is waited for once, and the next one begins later.
    private func snapshot(begunFrom least: UInt64) async throws(ClusterError) -> Snapshot {
        while true {
            if let known = self.state.withLock({ $0.snapshot }), known.begun >= least {
                return known
            }
            let reading = self.reading()
            let outcome = await reading.outcome.value
            if reading.begun >= least { return try outcome.get() }
        }
    }

    /// The read that is under way; begins one if there is none.
    ///
    /// It does not belong to whoever asks first: that client may go.
    private func reading() -> Reading {
        let (reading, isNew) = self.state.withLock { state in
            if let reading = state.reading { return (reading, false) }
            let reading = Reading(begun: self.now)
            state.reading = reading
            return (reading, true)
        }
        if isNew { self.doors.background.run { await self.read(reading) } }
        return reading
    }

    private func read(_ reading: Reading) async {
        let outcome: Outcome
        do throws(ClusterError) {
            outcome = .success(self.snapshot(try await self.store.accessKeys(), reading.begun))
        } catch { outcome = .failure(error) }
        self.state.withLock { state in
            state.reading = nil
            if case .success(let snapshot) = outcome { state.snapshot = snapshot }
        }
        reading.outcome.fulfil(outcome)
    }

    private func snapshot(_ keys: [AccessKey], _ begun: UInt64) -> Snapshot {
        let users = self.fixed.directory.adding(
            keys.map {
                Owner(id: $0.user.id, displayName: $0.user.name, account: $0.user.account)
            }
        )
        var credentials: [String: Credential] = [:]
        for key in keys {
            guard let owner = users.user(id: key.user.id) else { continue }
            credentials[key.id] = Credential(
                secret: SecretKey(key.secret.revealed),
                owner: owner
            )
        }
        return Snapshot(begun: begun, credentials: credentials, users: users)
    }
}
