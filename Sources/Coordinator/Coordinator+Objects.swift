import Content
import PeerProtocol
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// The record of an object's register, as a quorum has it.
    func record(
        _ target: Target,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> ObjectRecord {
        let operation = operation()
        let state = try await self.state(target, operation)
        do throws(RecordError) {
            return try ObjectRecord(state.value)
        } catch { throw ClusterError(.internalError, operation, cause: error) }
    }

    /// Reads an object's register; goes on with the bucket's new generation if that has moved on.
    ///
    /// A fence says that somebody tries to delete the bucket, not that it is gone.
    private func state(
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> RegisterState {
        var bucket = target.bucket
        for _ in 0..<Self.fencesMax {
            do throws(RegisterError) {
                return try await self.proposer.read(
                    target.key,
                    generation: bucket.generation,
                    deadline: self.settings.changeDeadline
                )
            } catch {
                guard case .fenced = error else { throw ClusterError(error, operation) }
            }
            bucket = try await self.bucketRecord(target.name.bucket)
            guard bucket.id == target.bucket.id else {
                throw ClusterError(.bucketNotFound, operation)
            }
        }
        throw ClusterError(.busy, operation)
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
        let (target, promised) = try await self.prepare(name)
        let change = DeleteChange(condition: condition, now: self.ballots.now())
        let terms = WriteTerms(promised: promised)
        switch try await self.change(target, change, as: .delete, terms, operation) {
        case .deleted, .absent: return
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    package func edit(
        _ name: ObjectName,
        _ selector: VersionSelector,
        _ edit: VersionEdit
    ) async throws(ClusterError) -> ObjectSummary {
        let operation = "edit \(name)"
        let (target, promised) = try await self.prepare(name)
        switch try await self.change(
            target,
            EditChange(selector, edit),
            WriteTerms(promised: promised),
            operation
        ) {
        case .edited(let version): return ObjectSummary(version)
        case .absent, .marker: throw ClusterError(.objectNotFound, operation)
        }
    }
}
