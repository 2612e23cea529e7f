/// The length of a day for rules, and how days pass.
///
/// Days begin at multiples of their length since 1970, so days of 24 hours begin at midnight UTC.
package struct LifecycleDay: Hashable, Sendable {
    /// Not 0.
    package let microseconds: UInt64

    /// - Precondition: not 0.
    package init(microseconds: UInt64) {
        precondition(microseconds > 0)
        self.microseconds = microseconds
    }

    /// Days that have begun by then.
    package func number(at time: UInt64) -> UInt64 { time / self.microseconds }

    /// When something that happened at `start` is that old: the first beginning of a day that is so
    /// much later.
    ///
    /// Source: S3 User Guide, "Lifecycle rules: based on an object's age".
    package func end(of days: UInt32, after start: HybridTime) -> HybridTime {
        let (age, isOld) = self.microseconds.multipliedReportingOverflow(by: UInt64(days))
        let (end, isLate) = start.microseconds.addingReportingOverflow(age)
        guard !isOld, !isLate else { return HybridTime(microseconds: .max) }
        let past = end % self.microseconds
        guard past > 0 else { return HybridTime(microseconds: end) }
        let (rounded, isBeyond) = (end - past).addingReportingOverflow(self.microseconds)
        return HybridTime(microseconds: isBeyond ? .max : rounded)
    }
}

/// When an object goes, and by which rule.
package struct LifecycleExpiry: Hashable, Sendable {
    package let time: HybridTime
    package let rule: String

    package init(time: HybridTime, rule: String) {
        self.time = time
        self.rule = rule
    }
}

extension LifecycleFilter {
    /// Whether the rule is about keys like this one.
    package func matches(_ key: ObjectKey) -> Bool {
        self.prefix.map { key.bytes.starts(with: $0.utf8) } ?? true
    }

    /// Whether the rule says something of objects that depends on more than the key.
    package var isAboutContent: Bool {
        !self.tags.isEmpty || self.sizeAbove != nil || self.sizeBelow != nil
    }

    /// Whether the rule is about this version; never about a delete marker if it asks for more than
    /// the key, for a marker has neither tags nor a size.
    package func matches(_ key: ObjectKey, _ version: Version) -> Bool {
        guard self.matches(key) else { return false }
        guard self.isAboutContent else { return true }
        return !version.isMarker && self.tags.allSatisfy { version.tags.contains($0) }
            && self.sizeAbove.map { version.size > $0 } ?? true
            && self.sizeBelow.map { version.size < $0 } ?? true
    }
}

extension LifecycleRule {
    /// When the current version goes by this rule; nil if it never does.
    package func expiry(of version: Version, _ key: ObjectKey, _ day: LifecycleDay) -> HybridTime? {
        guard self.isEnabled, self.filter.matches(key, version) else { return nil }
        return switch self.expiration {
        case .days(let days): day.end(of: days, after: version.modified)
        case .date(let date): date
        case .markers, nil: nil
        }
    }
}

extension LifecycleRules {
    /// When the current version of a key goes, by the rule that is the first to say so; nil if it
    /// never does.
    package func expiry(
        of version: Version,
        _ key: ObjectKey,
        _ day: LifecycleDay
    ) -> LifecycleExpiry? {
        var first: LifecycleExpiry?
        for rule in self.rules {
            guard let time = rule.expiry(of: version, key, day),
                first.map({ time < $0.time }) ?? true
            else { continue }
            first = LifecycleExpiry(time: time, rule: rule.id)
        }
        return first
    }

    /// What the keys begin with that any of the rules is about; nil if none is in force.
    package var commonPrefix: [UInt8]? {
        var common: [UInt8]?
        for rule in self.rules where rule.isEnabled {
            let prefix = Array((rule.filter.prefix ?? "").utf8)
            guard let shorter = common else {
                common = prefix
                continue
            }
            common = zip(shorter, prefix).prefix { $0 == $1 }.map(\.0)
        }
        return common
    }
}

extension BucketSettings {
    /// The rules of the bucket; nil if there are none.
    ///
    /// They were checked when they were set. If they cannot be read, nothing goes by them.
    package var lifecycle: LifecycleRules? {
        self[.lifecycle].flatMap { try? LifecycleRules(decoding: $0) }
    }
}

extension ObjectRecord {
    /// The record as rules look at it: how old, how large and how tagged versions and uploads are.
    package var asJudged: ObjectRecord {
        var record = self
        record.garbage = []
        record.fence = 0
        record.pending = nil
        record.versions = self.versions.map { version in
            var judged = version.withoutContent
            judged.tags = version.tags
            judged.metadata = ObjectMetadata()
            judged.checksums = []
            judged.parts = []
            return judged
        }
        record.uploads = self.uploads.map(\.withoutMetadata)
        return record
    }
}
