import Coordinator
import SimulatedRuntime
import StoreModel

extension Client {
    /// The body that a copy's source is to have; nil mostly: any.
    func sourceCondition(_ key: Int) -> History.Body? {
        guard self.draw({ $0.chance(permille: self.workload.conditionPermille / 2) }),
            case .body(let put) = self.condition(key)
        else { return nil }
        return self.history.body(of: put)
    }

    /// A condition for a write on a key: none, mostly.
    func condition(_ key: Int) -> KeyOperation.Condition {
        guard self.draw({ $0.chance(permille: self.workload.conditionPermille) }) else {
            return .none
        }
        if self.draw({ $0.chance(permille: self.workload.absentPermille) }) { return .absent }
        // Something that the key may well hold: what was written to it lately.
        let lately = self.history.operations[key].suffix(self.workload.namedLately)
            .compactMap { operation -> Int? in
                if case .write(let tag, _) = operation.action { return tag }
                if case .read(let tag) = operation.action, tag != 0 { return tag }
                return nil
            }
        guard !lately.isEmpty, let body = self.history.body(of: self.draw { $0.pick(lately) }),
            body.isPlain
        else { return .absent }
        return .body(of: body.put)
    }

    func condition(_ condition: KeyOperation.Condition) -> WriteCondition {
        switch condition {
        case .none: .none
        case .absent: .absent
        case .body(let put): .matches(etag: self.history.body(of: put)?.etag ?? "")
        }
    }

    func storageClass() -> StorageClass {
        self.draw { $0.chance(permille: self.workload.reducedPermille) }
            ? .reducedRedundancy : .standard
    }

    static func metadata(tag: Int) -> ObjectMetadata {
        var metadata = ObjectMetadata()
        metadata.user = [.init(name: "tag", value: "\(tag)")]
        return metadata
    }

    /// The put or copy that made a version.
    static func tag(of summary: ObjectSummary) -> Int? { Self.tag(of: summary.metadata) }

    static func tag(of metadata: ObjectMetadata) -> Int? {
        metadata.user.first { $0.name == "tag" }.flatMap { Int($0.value) }
    }
}
