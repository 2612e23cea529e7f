/// How many replicas content has.
package enum StorageClass: String, Hashable, Sendable, BinaryRecord, CaseIterable {
    case standard = "STANDARD"
    case reducedRedundancy = "REDUCED_REDUNDANCY"

    package init(from reader: inout ByteReader) throws(RecordError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .standard
        case 2: self = .reducedRedundancy
        case let tag: throw .unknownTag(tag)
        }
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt8(self == .standard ? 1 : 2))
    }

    /// Replicas of each chunk, where the cluster has as many nodes.
    package var replicas: Int {
        switch self {
        case .standard: Limit.replicas
        case .reducedRedundancy: Limit.reducedReplicas
        }
    }

    /// Durable copies that an acknowledged chunk has: 2, or 1 in a cluster of one node.
    package var writeQuorum: Int { 2 }
}
