import Content
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// The record of an object's register, as a quorum has it.
    func record(
        _ target: Target,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> ObjectRecord {
        let state = try await self.read(
            target.key,
            generation: target.bucket.generation,
            operation()
        )
        do throws(RecordError) {
            return try ObjectRecord(state.value)
        } catch { throw ClusterError(.internalError, operation(), cause: error) }
    }

    /// The version of an object that is current.
    func current(_ target: Target, _ operation: String) async throws(ClusterError) -> Version {
        guard let version = try await self.record(target, operation).current else {
            throw ClusterError(.objectNotFound, operation)
        }
        return version
    }

    /// The bucket and the current version of an object, in one round trip if the bucket is known.
    func lookUp(
        _ name: ObjectName,
        _ operation: String
    ) async throws(ClusterError) -> (Target, Version) {
        let found = try await self.meanwhile(in: name.bucket, look: self.bucketRecord) { hint in
            await outcome { () throws(ClusterError) in
                try await self.current(Target(name: name, bucket: hint), operation)
            }
        }
        let target = Target(name: name, bucket: found.bucket)
        if let version = found.result { return (target, try version.get()) }
        return (target, try await self.current(target, operation))
    }

    package func open(_ name: ObjectName) async throws(ClusterError) -> any OpenObject {
        let operation = "read \(name)"
        let (target, version) = try await self.lookUp(name, operation)
        return FoundObject(coordinator: self, target: target, version: version)
    }

    package func delete(
        _ name: ObjectName,
        condition: WriteCondition
    ) async throws(ClusterError) {
        let operation = "delete \(name)"
        let (target, prepared) = try await self.prepare(name)
        let change = DeleteChange(condition: condition, now: self.ballots.now())
        switch try await self.change(
            target,
            change,
            from: prepared,
            operation,
            beforeAccept: { _ in }
        ) {
        case .deleted, .absent: return
        case .preconditionFailed: throw ClusterError(.preconditionFailed, operation)
        case .targetMissing: throw ClusterError(.objectNotFound, operation)
        case .garbageFull: throw ClusterError(.busy, operation)
        }
    }
}
