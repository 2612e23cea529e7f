/// An error as S3 tells it: code, status, message and what else the client needs to know.
///
/// The whole table: docs/s3/errors.md.
package struct S3Error: Error, Hashable, Sendable {
    package struct Element: Hashable, Sendable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package let code: Code
    package let message: String
    /// In the order they are written.
    package let elements: [Element]
    /// Headers of the answer that belong to the error.
    package var headers: [Element] = []

    package init(_ code: Code, _ message: String? = nil, _ elements: [Element] = []) {
        self.code = code
        self.message = message ?? code.message
        self.elements = elements
    }

    package var status: Int { self.code.status }

    /// A header or a parameter has a value that cannot be.
    package static func invalidArgument(
        _ message: String,
        _ name: String,
        _ value: String
    ) -> S3Error {
        S3Error(
            .invalidArgument,
            message,
            [Element("ArgumentName", name), Element("ArgumentValue", value)]
        )
    }

    /// Something that S3 has and this server has not.
    package static func notImplemented(_ what: String) -> S3Error {
        S3Error(.notImplemented, "\(what) is not implemented.")
    }

    /// `upload` is the id as the client wrote it.
    package static func noSuchUpload(_ upload: String) -> S3Error {
        S3Error(.noSuchUpload, nil, [Element("UploadId", upload)])
    }

    package static func preconditionFailed(_ condition: String) -> S3Error {
        S3Error(.preconditionFailed, nil, [Element("Condition", condition)])
    }
}
