import NIOCore
import NIOHTTP1
import S3Protocol

/// How an operation has been answered.
enum S3Answer {
    /// This is to be sent.
    case whole(HTTPResponse)
    /// The operation has sent it itself.
    case sent(bytes: UInt64, error: S3Error?)

    /// An XML document.
    static func xml(_ document: [UInt8], headers: HTTPHeaders = [:]) -> S3Answer {
        var headers = headers
        headers.add(name: "Content-Type", value: "application/xml")
        return .whole(
            HTTPResponse(.ok, headers: headers, body: .bytes(ByteBuffer(bytes: document)))
        )
    }

    static func empty(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:]) -> S3Answer {
        .whole(HTTPResponse(status, headers: headers))
    }
}

extension S3Error {
    /// The body of an error answer.
    ///
    /// Never with a namespace: clients take such a root for success.
    func document(resource: String, requestID: String, hostID: String) -> [UInt8] {
        XMLWriter.document("Error", namespace: nil) { writer in
            self.write(into: &writer, resource, requestID, hostID)
        }
    }

    func write(
        into writer: inout XMLWriter,
        _ resource: String,
        _ requestID: String,
        _ hostID: String
    ) {
        writer.element("Code", self.code.rawValue)
        // A client that cannot read why something failed is worse off than with a character less.
        writer.element("Message", XMLWriter.printable(self.message))
        for element in self.elements {
            writer.element(element.name, XMLWriter.printable(element.value))
        }
        writer.element("Resource", XMLWriter.printable(resource))
        writer.element("RequestId", requestID)
        writer.element("HostId", hostID)
    }
}
