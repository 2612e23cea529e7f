import Content
import PeerProtocol
import Register
import Runtime
import StoreModel

extension Coordinator {
    @discardableResult
    package func delete(_ request: DeleteRequest) async throws(ClusterError) -> DeleteResult {
        let operation =
            "delete \(request.name)" + (request.version.map { " version \($0)" } ?? "")
        let (target, promised) = try await self.prepare(request.name)
        let marker = Version(
            marker: self.newVersion(),
            isNull: false,
            modified: self.ballots.now(),
            access: AccessList(owner: request.owner)
        )
        let terms = WriteTerms(promised: promised)
        let outcome = try await self.change(target, as: .delete, terms, operation) { bucket in
            DeleteChange(
                Self.deletion(request.version, in: bucket, marker),
                condition: request.condition,
                now: marker.modified
            )
        }
        let named = target.bucket.settings.versioning == .never ? nil : request.version
        switch outcome {
        case .deleted, .absent: return DeleteResult(version: named, isMarker: false)
        case .markerDeleted: return DeleteResult(version: request.version, isMarker: true)
        case .hidden(let isNull):
            return DeleteResult(version: isNull ? .null : .id(marker.id), isMarker: true)
        case .refused(let refusal): throw ClusterError(refusal, operation)
        }
    }

    /// What it takes to delete a version, or the current one of a key.
    private static func deletion(
        _ version: VersionName?,
        in bucket: BucketRecord,
        _ marker: Version
    ) -> Deletion {
        switch (version, bucket.settings.versioning) {
        case (.id(let id)?, _): return .version(id)
        case (.null?, _), (nil, .never): return .null
        case (nil, .enabled): return .hide(marker)
        case (nil, .suspended):
            var marker = marker
            marker.isNull = true
            return .hide(marker)
        }
    }
}
