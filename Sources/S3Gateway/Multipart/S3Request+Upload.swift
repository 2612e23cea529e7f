import Coordinator
import S3Protocol
import StoreModel

extension S3Request {
    /// The upload that `uploadId` names.
    ///
    /// A text that is no id of ours names an upload that does not exist.
    ///
    /// - Precondition: the request names an object.
    func upload() throws(S3Error) -> UploadName {
        let text = self.target["uploadId"] ?? ""
        guard let id = UploadID(text) else { throw .noSuchUpload(text) }
        return UploadName(self.object, id)
    }

    func partNumber() throws(S3Error) -> PartNumber {
        try UploadParameters.partNumber(self.target["partNumber"] ?? "")
    }

    /// What errors of an operation on an upload are about.
    var uploadSubject: ErrorSubject {
        var subject = self.subject
        subject.upload = self.target["uploadId"]
        return subject
    }
}
