/// What becomes of old objects of a bucket by itself, as its owner has set it.
///
///     version u8 = 1 | varies by storage class flag | rules: u32 count, each
///
/// Source: S3 API Reference, "PutBucketLifecycleConfiguration".
package struct LifecycleRules: Hashable, Sendable, BinaryRecord {
    /// In the order in which they were given, at most ``Limit/lifecycleRules``, each with an id of
    /// its own.
    package let rules: [LifecycleRule]
    /// What the client said of the smallest object that changes its storage class.
    ///
    /// None does; it is kept because clients compare what they read with what they wrote.
    package var variesByStorageClass: Bool

    /// - Precondition: not more than ``Limit/lifecycleRules``, with different ids.
    package init(_ rules: [LifecycleRule], variesByStorageClass: Bool = false) {
        precondition(rules.count <= Limit.lifecycleRules)
        precondition(Set(rules.map(\.id)).count == rules.count)
        self.rules = rules
        self.variesByStorageClass = variesByStorageClass
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let version: UInt8 = try reader.read()
        guard version == 1 else { throw .unsupportedVersion(version) }
        self.variesByStorageClass = try reader.readBool()
        self.rules = try reader.readList(limit: Limit.lifecycleRules) {
            reader throws(RecordError) in try LifecycleRule(from: &reader)
        }
        guard Set(self.rules.map(\.id)).count == self.rules.count else {
            throw .invalid("ids of lifecycle rules")
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(1))
        writer.write(self.variesByStorageClass)
        writer.writeList(self.rules) { $1.encode(into: &$0) }
    }
}

/// One rule: which objects it is about, and what becomes of them when.
///
///     id text | flags u8 (bit 0: enabled) | filter | expiration? | noncurrent? | abort days u32?
///     expiration: 1 | days u32, or 2 | date u64, or 3 | expired markers go: flag
///     noncurrent: days u32 | newer ones that are kept u32?
package struct LifecycleRule: Hashable, Sendable, BinaryRecord {
    /// Longest id, in characters.
    package static let idCharacters = 255

    /// What becomes of current versions.
    package enum Expiration: Hashable, Sendable {
        /// So many days after they were made.
        case days(UInt32)
        /// From then on.
        case date(HybridTime)
        /// Nothing, but delete markers that hide nothing go if it is true.
        case markers(Bool)
    }

    /// What becomes of versions that have been replaced or hidden.
    package struct Noncurrent: Hashable, Sendable {
        /// After they have been.
        package let days: UInt32
        /// So many of the newest of them stay; nil for none.
        package let kept: UInt32?

        package init(days: UInt32, kept: UInt32? = nil) {
            self.days = days
            self.kept = kept
        }
    }

    /// Not empty, at most ``idCharacters``.
    package let id: String
    package let isEnabled: Bool
    package let filter: LifecycleFilter
    package let expiration: Expiration?
    package let noncurrent: Noncurrent?
    /// After so many days an upload that is still open is aborted.
    package let abortDays: UInt32?

    package init(
        id: String,
        isEnabled: Bool = true,
        filter: LifecycleFilter = LifecycleFilter(),
        expiration: Expiration? = nil,
        noncurrent: Noncurrent? = nil,
        abortDays: UInt32? = nil
    ) {
        self.id = id
        self.isEnabled = isEnabled
        self.filter = filter
        self.expiration = expiration
        self.noncurrent = noncurrent
        self.abortDays = abortDays
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        self.id = try reader.readString(limit: 4 * Self.idCharacters)
        let flags: UInt8 = try reader.read()
        guard flags < 2 else { throw .unknownTag(flags) }
        self.isEnabled = flags == 1
        self.filter = try LifecycleFilter(from: &reader)
        self.expiration = try reader.readOptional {
            reader throws(RecordError) in try Expiration(from: &reader)
        }
        self.noncurrent = try reader.readOptional {
            reader throws(RecordError) in try Noncurrent(from: &reader)
        }
        self.abortDays = try reader.readOptional {
            reader throws(RecordError) in try reader.read()
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.writeString(self.id)
        writer.write(UInt8(self.isEnabled ? 1 : 0))
        self.filter.encode(into: &writer)
        writer.writeOptional(self.expiration) { $1.encode(into: &$0) }
        writer.writeOptional(self.noncurrent) { $1.encode(into: &$0) }
        writer.writeOptional(self.abortDays) { $0.write($1) }
    }
}

extension LifecycleRule.Expiration: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .days(try reader.read())
        case 2: self = .date(try HybridTime(from: &reader))
        case 3: self = .markers(try reader.readBool())
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .days(let days):
            writer.write(UInt8(1))
            writer.write(days)
        case .date(let date):
            writer.write(UInt8(2))
            date.encode(into: &writer)
        case .markers(let go):
            writer.write(UInt8(3))
            writer.write(go)
        }
    }
}

extension LifecycleRule.Noncurrent: BinaryRecord {
    package init(from reader: inout ByteReader) throws(RecordError) {
        self.days = try reader.read()
        self.kept = try reader.readOptional { reader throws(RecordError) in try reader.read() }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.days)
        writer.writeOptional(self.kept) { $0.write($1) }
    }
}

/// Which objects a rule is about: those for which all of this holds.
///
///     form u8 (0 prefix outside of a filter, 1 filter, 2 filter with And) | prefix text?
///     | tags: u32 count, each | size above u64? | size below u64?
package struct LifecycleFilter: Hashable, Sendable, BinaryRecord {
    /// How the client wrote it, so that it reads what it wrote.
    package enum Form: UInt8, Hashable, Sendable {
        case prefix = 0
        case filter = 1
        case all = 2
    }

    package var form: Form
    /// At most ``Limit/keyBytes``; nil and empty are true of every key.
    package var prefix: String?
    /// At most ``Limit/objectTags``; the object has to have all of them.
    package var tags: [Tag]
    /// The object has to be larger, in bytes.
    package var sizeAbove: UInt64?
    /// The object has to be smaller, in bytes.
    package var sizeBelow: UInt64?

    package init(
        form: Form = .filter,
        prefix: String? = nil,
        tags: [Tag] = [],
        sizeAbove: UInt64? = nil,
        sizeBelow: UInt64? = nil
    ) {
        self.form = form
        self.prefix = prefix
        self.tags = tags
        self.sizeAbove = sizeAbove
        self.sizeBelow = sizeBelow
    }

    package init(from reader: inout ByteReader) throws(RecordError) {
        let tag: UInt8 = try reader.read()
        guard let form = Form(rawValue: tag) else { throw .unknownTag(tag) }
        self.form = form
        self.prefix = try reader.readOptional {
            reader throws(RecordError) in try reader.readString(limit: Limit.keyBytes)
        }
        self.tags = try reader.readList(limit: Limit.objectTags) {
            reader throws(RecordError) in try Tag(from: &reader)
        }
        self.sizeAbove = try reader.readOptional {
            reader throws(RecordError) in try reader.read()
        }
        self.sizeBelow = try reader.readOptional {
            reader throws(RecordError) in try reader.read()
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(self.form.rawValue)
        writer.writeOptional(self.prefix) { $0.writeString($1) }
        writer.writeList(self.tags) { $1.encode(into: &$0) }
        writer.writeOptional(self.sizeAbove) { $0.write($1) }
        writer.writeOptional(self.sizeBelow) { $0.write($1) }
    }
}
