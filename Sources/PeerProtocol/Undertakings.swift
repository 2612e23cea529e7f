package import StoreModel
import Synchronization

/// What an operation that is under way is known by to others: the version that it makes, or the
/// manifest that it fills.
///
///     1 | version id   or   2 | manifest id
package enum Undertaking: Hashable, Sendable, BinaryRecord {
    case version(VersionID)
    case manifest(ManifestID)

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .version(try VersionID(from: &reader))
        case 2: self = .manifest(try ManifestID(from: &reader))
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .version(let version):
            writer.write(UInt8(1))
            version.encode(into: &writer)
        case .manifest(let manifest):
            writer.write(UInt8(2))
            manifest.encode(into: &writer)
        }
    }
}

/// What the coordinator of this node has under way, so that audits elsewhere leave it alone.
///
/// Nothing but the load depends on it: an audit that knows no better does no harm either. Bounded
/// by the requests that a node answers at once. Source: docs/protocol/content.md, "Audits".
package final class Undertakings: Sendable {
    private let underWay = Mutex<Set<Undertaking>>([])

    package init() {}

    package func begin(_ undertaking: Undertaking) {
        self.underWay.withLock { _ = $0.insert(undertaking) }
    }

    package func end(_ undertaking: Undertaking) {
        self.underWay.withLock { _ = $0.remove(undertaking) }
    }

    package func contains(_ undertaking: Undertaking) -> Bool {
        self.underWay.withLock { $0.contains(undertaking) }
    }
}
