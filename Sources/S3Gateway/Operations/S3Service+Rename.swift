import Coordinator
import NIOHTTP1
import S3Protocol
import StoreModel

extension S3Service {
    func renameObject(_ request: S3Request) async throws(S3Error) -> S3Answer {
        let target = request.object
        let key = try RenameSource(
            parsing: request.headers.first(RenameSource.header),
            in: target.bucket
        ).key
        guard key.bytes.last != 0x2F, target.key.bytes.last != 0x2F else {
            throw S3Error(.invalidRequest, "Keys that end with a slash cannot be renamed.")
        }
        let source = CopySource(target.bucket, key)
        request.record.note { $0.source = "\(source.bucket)/\(source.key)" }
        let pass = try await self.sourcePass(source, request)
        try self.checkDeletion(of: key, hasVersion: false, request)
        var subject = request.subject
        subject.source = source
        let rename = self.renameRequest(key, to: target, request.headers, pass)
        subject.condition = RenameConditions.first(of: request.headers)
        _ = try await self.ask(subject, veiledBy: pass) { () throws(ClusterError) in
            try await self.store.rename(rename)
        }
        return .empty(.ok)
    }

    private func renameRequest(
        _ key: ObjectKey,
        to target: ObjectName,
        _ headers: [HeaderField],
        _ pass: Pass
    ) -> RenameRequest {
        let now = self.now
        let conditions = RenameConditions(headers, now: now)
        let ofSource = ReadConditions(renaming: headers)
        return RenameRequest(
            key,
            to: target.key,
            in: target.bucket,
            sourceCheck: { summary throws(ClusterError) in
                do throws(S3Error) {
                    try pass.check(.read, on: summary)
                    try ofSource.checkCopy(of: summary, now: now)
                } catch {
                    throw ClusterError(.sourcePreconditionFailed, "rename \(key)", cause: error)
                }
            },
            targetCheck: { conditions.refusal(on: $0) }
        )
    }
}

/// The conditions on what a rename replaces.
private struct RenameConditions: Sendable {
    private let conditions: ReadConditions
    private let wantsSomething: Bool
    private let now: CalendarTime

    init(_ headers: [HeaderField], now: CalendarTime) {
        self.conditions = ReadConditions(reading: headers)
        self.wantsSomething = headers.first("if-match") != nil
        self.now = now
    }

    /// The name of the first condition there is, for errors.
    static func first(of headers: [HeaderField]) -> String? {
        ["If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since"].first {
            headers.first($0.lowercased()) != nil
        }
    }

    func refusal(on current: ObjectSummary?) -> WriteRefusal? {
        guard let current else { return self.wantsSomething ? .targetMissing : nil }
        let outcome = self.conditions.evaluate(
            etag: current.etag,
            modified: current.modified.calendarTime,
            now: self.now
        )
        return outcome == .holds ? nil : .preconditionFailed
    }
}
