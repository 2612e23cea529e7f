import S3Protocol
import StoreModel

@testable import S3Gateway

/// Forms: a byte for cuts, the content type, a line feed, the body; or `{` and a policy in JSON.
///
/// * How the body is cut changes neither fields nor file, nor the error.
/// * Fields keep their bounds, and each is there once.
/// * Nothing is allowed by a policy that has expired or does not speak of every field.
enum FormTarget {
    private struct Decoded: Equatable {
        var fields: [HeaderField] = []
        var filename = ""
        var file: [UInt8] = []
        var failure: S3Error?
    }

    static func check(_ bytes: [UInt8]) throws {
        if bytes.first == 0x7B {
            try Self.checkPolicy(Base64.text(bytes), [])
            return
        }
        var input = FuzzInput(bytes)
        let cuts = input.byte()
        let type = input.line()
        guard let decoder = try? FormDecoder(contentType: type) else { return }
        let whole = Self.decode(decoder, input.bytes, cuts: 0)
        let cut = Self.decode(decoder, input.bytes, cuts: cuts)
        try demand(whole == cut, "cuts change the form: \(whole), \(cut)")
        let names = whole.fields.map(\.name)
        try demand(Set(names).count == names.count, "a field twice: \(names)")
        try demand(names.count <= FormDecoder.fieldsMax, "too many fields")
        let size = whole.fields.reduce(0) { $0 + $1.value.utf8.count }
        try demand(size <= FormDecoder.fieldsBytes, "too much in the fields")
        guard whole.failure == nil else { return }
        try Self.checkForm(whole)
    }

    private static func checkForm(_ decoded: Decoded) throws {
        if let form = try? PostForm(decoded.fields, filename: decoded.filename) {
            if case .redirect(let text)? = try? form.success {
                let isSafe = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
                try demand(isSafe, "unsafe: \(text)")
            }
            try Self.checkPolicy(decoded.fields.first("policy") ?? "", form.fields)
        }
        guard let claim = try? FormClaim.find(in: decoded.fields) else { return }
        let key = SigningKey(SecretKey("unknown"), claim.scope)
        try demand((try? claim.verify(with: key)) == nil, "a claim without its secret")
    }

    private static func checkPolicy(_ text: String, _ fields: [HeaderField]) throws {
        guard let policy = try? PostPolicy(parsing: text), let bucket = BucketName("photos")
        else { return }
        let late = CalendarTime(seconds: policy.expiration.seconds + 1)
        let isLate = (try? policy.check(fields, bucket: bucket, at: late)) != nil
        try demand(!isLate, "a policy that has expired")
        let extra = fields + [HeaderField("x-amz-meta-surely-not-there", "")]
        let time = policy.expiration
        guard let sizes = try? policy.check(fields, bucket: bucket, at: time) else { return }
        try demand(sizes.upperBound <= max(Limit.objectBytes, sizes.lowerBound), "any size")
        let isExtra = (try? policy.check(extra, bucket: bucket, at: time)) != nil
        try demand(!isExtra, "a field that no condition speaks of")
    }

    private static func decode(
        _ decoder: FormDecoder,
        _ body: [UInt8],
        cuts: UInt8
    ) -> Decoded {
        var decoder = decoder
        var decoded = Decoded()
        do throws(S3Error) {
            try Cuts.feed(body, cuts) { piece throws(S3Error) in
                let step = try Self.step(&decoder, piece)
                decoded.file += decoder.delimiter[..<step.held]
                decoded.file += piece[step.content]
                return step.consumed
            }
            try decoder.finish()
        } catch { decoded.failure = error }
        decoded.fields = decoder.fields
        decoded.filename = decoder.filename
        return decoded
    }

    private static func step(
        _ decoder: inout FormDecoder,
        _ piece: [UInt8]
    ) throws(S3Error) -> FormDecoder.Step {
        let result = unsafe piece.withUnsafeBytes { bytes in
            Result { () throws(S3Error) in try unsafe decoder.decode(bytes) }
        }
        return try result.get()
    }
}
