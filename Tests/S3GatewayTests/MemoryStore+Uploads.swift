import Coordinator
import StoreModel

/// Uploads of the store in memory: none so far.
extension MemoryStore {
    func createUpload(
        _ request: CreateUploadRequest
    ) async throws(ClusterError) -> UploadSummary {
        throw ClusterError(.internalError, "create an upload")
    }

    func upload(_ name: UploadName) async throws(ClusterError) -> UploadSummary {
        throw ClusterError(.uploadNotFound, "\(name)")
    }

    func putPart(
        _ request: PutPartRequest,
        body: any BodySource
    ) async throws(ClusterError) -> PartSummary {
        throw ClusterError(.uploadNotFound, "\(request.upload)")
    }

    func copyPart(_ request: CopyPartRequest) async throws(ClusterError) -> CopyPartResult {
        throw ClusterError(.uploadNotFound, "\(request.upload)")
    }

    func completeUpload(
        _ request: CompleteUploadRequest
    ) async throws(ClusterError) -> CompleteUploadOutcome {
        throw ClusterError(.uploadNotFound, "\(request.upload)")
    }

    func abortUpload(_ name: UploadName) async throws(ClusterError) {
        throw ClusterError(.uploadNotFound, "\(name)")
    }

    func listParts(_ request: ListPartsRequest) async throws(ClusterError) -> PartPage {
        throw ClusterError(.uploadNotFound, "\(request.upload)")
    }

    func listUploads(_ request: ListUploadsRequest) async throws(ClusterError) -> UploadPage {
        UploadPage(entries: [], next: nil)
    }
}
