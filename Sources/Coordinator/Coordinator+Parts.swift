import StoreModel

extension Coordinator {
    package func putPart(
        _ request: PutPartRequest,
        body: any BodySource
    ) async throws(ClusterError) -> PartSummary {
        throw ClusterError(.notReady, "put part \(request.number) of \(request.upload)")
    }

    package func copyPart(_ request: CopyPartRequest) async throws(ClusterError) -> CopyPartResult {
        throw ClusterError(.notReady, "copy part \(request.number) of \(request.upload)")
    }

    package func completeUpload(
        _ request: CompleteUploadRequest
    ) async throws(ClusterError) -> CompleteUploadOutcome {
        throw ClusterError(.notReady, "complete \(request.upload)")
    }

    package func listParts(_ request: ListPartsRequest) async throws(ClusterError) -> PartPage {
        throw ClusterError(.notReady, "list the parts of \(request.upload)")
    }

    package func listUploads(
        _ request: ListUploadsRequest
    ) async throws(ClusterError) -> UploadPage {
        throw ClusterError(.notReady, "list the uploads of \(request.bucket)")
    }
}
