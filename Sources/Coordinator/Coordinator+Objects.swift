import Content
import PeerProtocol
import Register
import Runtime
package import StoreModel

extension Coordinator {
    /// The record of an object's register, as readers find it: a pending rename has been made, or
    /// it has not.
    func record(
        _ target: Target,
        _ operation: @autoclosure () -> String
    ) async throws(ClusterError) -> ObjectRecord {
        let record = try await self.unsettledRecord(target, operation())
        guard let incoming = record.incoming else { return record }
        return try await self.resolve(record, incoming, target, operation())
    }

    /// The record of an object's register, as a quorum has it.
    func unsettledRecord(
        _ target: Target,
        _ operation: String
    ) async throws(ClusterError) -> ObjectRecord {
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

    /// A version of an object; the current one if `name` is nil.
    ///
    /// Throws `objectNotFound`, `versionNotFound` or `versionIsMarker`.
    func version(
        _ name: VersionName?,
        of target: Target,
        _ operation: String
    ) async throws(ClusterError) -> Version {
        let record = try await self.record(target, operation)
        let found = name.map { record[$0] } ?? record.newest
        guard let found else {
            throw ClusterError(name == nil ? .objectNotFound : .versionNotFound, operation)
        }
        guard found.isMarker else { return found }
        throw Self.met(found, isNamed: name != nil, operation)
    }

    /// What an operation ends with that has met a delete marker.
    private static func met(
        _ marker: Version,
        isNamed: Bool,
        _ operation: String
    ) -> ClusterError {
        var error = ClusterError(isNamed ? .versionIsMarker : .objectNotFound, operation)
        error.marker = MetMarker(name: marker.name, modified: marker.modified)
        return error
    }

    /// The bucket and a version of an object, in one round trip if the bucket is known.
    ///
    /// An object that is found shows that its bucket is there; only what is not found may be in
    /// another bucket of that name by now, so that the bucket is looked up as well.
    ///
    /// Throws as ``version(_:of:_:)``, and `bucketNotFound`.
    func lookUp(
        _ name: ObjectName,
        version: VersionName?,
        _ operation: String
    ) async throws(ClusterError) -> (Target, Version) {
        @Sendable func find(in bucket: BucketRecord) async -> Result<Version, ClusterError> {
            await outcome { () throws(ClusterError) in
                try await self.version(version, of: Target(name: name, bucket: bucket), operation)
            }
        }
        let bucket: BucketRecord
        var result: Result<Version, ClusterError>?
        if let hint = self.freshHint(of: name.bucket) {
            let found = await find(in: hint)
            if case .success(let version) = found {
                return (Target(name: name, bucket: hint), version)
            }
            bucket = try await self.bucketRecord(name.bucket)
            if bucket.isSameGeneration(as: hint) { result = found }
        } else {
            (bucket, result) = try await self.meanwhile(
                in: name.bucket,
                look: self.bucketRecord,
                find
            )
        }
        let target = Target(name: name, bucket: bucket)
        if let result { return (target, try result.get()) }
        return (target, try await find(in: bucket).get())
    }

    package func open(
        _ name: ObjectName,
        version: VersionName?
    ) async throws(ClusterError) -> any OpenObject {
        let operation = "read \(name)" + (version.map { " version \($0)" } ?? "")
        let (target, version) = try await self.lookUp(name, version: version, operation)
        return FoundObject(coordinator: self, target: target, version: version)
    }

    package func edit(
        _ name: ObjectName,
        _ version: VersionName?,
        _ edit: VersionEdit,
        ifStill expected: VersionID?
    ) async throws(ClusterError) -> ObjectSummary {
        let operation = "edit \(name)"
        let (target, promised) = try await self.prepare(name)
        switch try await self.change(
            target,
            EditChange(version, edit, ifStill: expected),
            WriteTerms(promised: promised),
            operation
        ) {
        case .edited(let edited): return ObjectSummary(edited, in: target.bucket)
        case .replaced: throw ClusterError(.busy, operation)
        case .absent:
            let code: ClusterError.Code =
                version == nil ? .objectNotFound : .versionNotFound
            throw ClusterError(code, operation)
        case .marker(let marker):
            throw Self.met(marker, isNamed: version != nil, operation)
        }
    }
}
