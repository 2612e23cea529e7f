import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    /// Tells what a client asks of an object, and no bytes.
    ///
    /// Source: S3 API Reference, "GetObjectAttributes".
    func objectAttributes(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let wanted = try ObjectAttribute.read(request.headers)
        let summary = try await self.openedObject(request, .read).summary
        var headers: HTTPHeaders = ["Last-Modified": summary.modified.calendarTime.httpDate]
        headers.addVersion(summary.name)
        let document = XMLWriter.document("GetObjectAttributesResponse") { writer in
            // In the order of the schema, whatever the order they were asked in.
            for attribute in ObjectAttribute.allCases where wanted.contains(attribute) {
                writer.attribute(attribute, of: summary)
            }
        }
        return .xml(document, headers: headers)
    }
}

/// What may be asked of an object.
private enum ObjectAttribute: String, CaseIterable {
    case etag = "ETag"
    case checksum = "Checksum"
    case parts = "ObjectParts"
    case storageClass = "StorageClass"
    case size = "ObjectSize"

    private static let header = "x-amz-object-attributes"

    static func read(_ headers: [HeaderField]) throws(S3Error) -> Set<ObjectAttribute> {
        let names = headers.filter { $0.name == Self.header }.flatMap {
            $0.value.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        }
        guard !names.isEmpty else {
            throw S3Error(
                .invalidRequest,
                "The x-amz-object-attributes header specifying the attributes to be retrieved is "
                    + "either missing or empty"
            )
        }
        var attributes: Set<ObjectAttribute> = []
        for name in names {
            guard let attribute = Self(rawValue: name) else {
                throw .invalidArgument("Invalid attribute name specified.", Self.header, name)
            }
            attributes.insert(attribute)
        }
        return attributes
    }
}

extension XMLWriter {
    fileprivate mutating func attribute(
        _ attribute: ObjectAttribute,
        of summary: ObjectSummary
    ) {
        switch attribute {
        case .etag: self.element("ETag", summary.etag)
        case .checksum:
            guard let first = summary.checksums.first else { return }
            self.element("Checksum") { writer in
                writer.checksums(summary.checksums)
                writer.element("ChecksumType", first.type.rawValue)
            }
        case .parts:
            // Only of what was made of parts; what each of them was is not kept.
            guard summary.parts.parts > 0 else { return }
            self.element("ObjectParts") { $0.element("PartsCount", String(summary.parts.parts)) }
        case .storageClass: self.element("StorageClass", summary.storageClass.rawValue)
        case .size: self.element("ObjectSize", String(summary.size))
        }
    }
}
