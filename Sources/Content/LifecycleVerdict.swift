package import StoreModel

/// When rules are asked, and how long their days are.
package struct LifecycleClock: Hashable, Sendable {
    package let now: HybridTime
    package let day: LifecycleDay

    package init(now: HybridTime, day: LifecycleDay) {
        self.now = now
        self.day = day
    }

    /// Whether something that happened at `start` is that old.
    func hasPassed(_ days: UInt32, since start: HybridTime) -> Bool {
        self.day.end(of: days, after: start) <= self.now
    }
}

/// What goes of one key by the rules of its bucket.
package struct LifecycleVerdict: Hashable, Sendable {
    /// The current version: it is removed, or hidden where versions are kept.
    package var current: VersionID?
    /// Old versions, and a delete marker that hides nothing: newest first.
    package var versions: [VersionID] = []
    package var uploads: [UploadID] = []

    package var isEmpty: Bool {
        self.current == nil && self.versions.isEmpty && self.uploads.isEmpty
    }
}

extension LifecycleRules {
    /// What goes of a key.
    ///
    /// The current version counts as one until it is hidden: it becomes old by that.
    package func verdict(
        on record: ObjectRecord,
        of key: ObjectKey,
        at clock: LifecycleClock
    ) -> LifecycleVerdict {
        var verdict = LifecycleVerdict()
        let rules = self.rules.filter { $0.isEnabled && $0.filter.matches(key) }
        guard !rules.isEmpty else { return verdict }
        if let current = record.current, rules.contains(where: { $0.ends(current, key, clock) }) {
            verdict.current = current.id
        }
        if let newest = record.newest, newest.isMarker, record.versions.count == 1,
            rules.contains(where: { $0.endsMarker(newest, key, clock) })
        {
            verdict.versions.append(newest.id)
        }
        for index in record.versions.indices.dropFirst() {
            let version = record.versions[index]
            let replaced = record.versions[index - 1].modified
            guard
                rules.contains(where: {
                    $0.ends(version, key, replaced: replaced, newer: index - 1, clock)
                })
            else { continue }
            verdict.versions.append(version.id)
        }
        verdict.uploads = record.uploads.filter { upload in
            rules.contains { $0.aborts(upload, clock) }
        }.map(\.id)
        return verdict
    }
}

extension LifecycleRule {
    fileprivate func ends(
        _ current: Version,
        _ key: ObjectKey,
        _ clock: LifecycleClock
    ) -> Bool {
        self.expiry(of: current, key, clock.day).map { $0 <= clock.now } ?? false
    }

    /// Whether a delete marker goes that is all there is of its key.
    fileprivate func endsMarker(
        _ marker: Version,
        _ key: ObjectKey,
        _ clock: LifecycleClock
    ) -> Bool {
        if case .markers(let go) = self.expiration { return go && self.filter.matches(key, marker) }
        return self.ends(marker, key, clock)
    }

    /// Whether a version goes that is not the newest, since `replaced`; so many newer ones are not
    /// the newest either.
    fileprivate func ends(
        _ version: Version,
        _ key: ObjectKey,
        replaced: HybridTime,
        newer: Int,
        _ clock: LifecycleClock
    ) -> Bool {
        guard let noncurrent = self.noncurrent, self.filter.matches(key, version) else {
            return false
        }
        return newer >= Int(noncurrent.kept ?? 0)
            && clock.hasPassed(noncurrent.days, since: replaced)
    }

    fileprivate func aborts(_ upload: Upload, _ clock: LifecycleClock) -> Bool {
        guard let days = self.abortDays, !self.filter.isAboutContent else { return false }
        return clock.hasPassed(days, since: upload.initiated)
    }
}
