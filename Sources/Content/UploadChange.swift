package import Register
package import StoreModel

/// Opens an upload of a key.
///
/// The manifest that it names is there and held when the change is proposed (rule R1). Source:
/// docs/protocol/content.md, "Multipart uploads".
package struct OpenUploadChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case opened(Upload)
        /// As many uploads of the key are open as may be, or its record has no room for another.
        ///
        /// Nothing changes.
        case full
    }

    /// The upload, with the least ceiling it may get.
    package let upload: Upload

    package init(_ upload: Upload) { self.upload = upload }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard record.uploads.count < Limit.uploads else { return .keep(.full) }
        var upload = self.upload
        upload.ceiling = ballot.ceiling(holding: upload.ceiling)
        let place = record.uploads.firstIndex { upload.id < $0.id } ?? record.uploads.endIndex
        record.uploads.insert(upload, at: place)
        return record.decision(.opened(upload), orIfTooLong: .full)
    }
}

/// Makes a version of an upload the newest one and closes the upload: in one change, so that an
/// upload makes one object or none.
///
/// To propose it again after it was made is harmless: the version remembers its upload.
package struct CompleteUploadChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        /// It is there now, or was before.
        case completed(Version)
        /// Nothing changes: the upload is not open, and this is not what it was completed to.
        case notOpen
        case refused(WriteRefusal)
    }

    package let upload: UploadID
    /// The version, with the least time and, if it names a manifest, the least ceiling it may get.
    ///
    /// It is null as ``PutChange/version`` is.
    package var version: Version
    package let condition: WriteCondition

    /// - Precondition: the version remembers an upload.
    package init?(_ version: Version, condition: WriteCondition) {
        guard let upload = version.upload else { return nil }
        self.upload = upload
        self.version = version
        self.condition = condition
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard record.upload(self.upload) != nil else {
            return .keep(record.completion(of: self.version).map { .completed($0) } ?? .notOpen)
        }
        if let refusal = self.condition.refusal(on: record.current) {
            return .keep(.refused(refusal))
        }
        for dropping in [
            record.closeUpload(self.upload, at: ballot),
            record.makeRoom(for: self.version, at: ballot),
        ] {
            switch dropping {
            case .dropped: break
            case .above(let ceiling): return .retry(above: ceiling)
            case .refused(let refusal): return .keep(.refused(refusal))
            }
        }
        let version = record.add(self.version, at: ballot)
        return record.decision(.completed(version), orIfTooLong: .refused(.tooManyVersions))
    }
}

/// Closes an upload of which no object is to be made.
package struct AbortUploadChange: RegisterChange {
    package enum Outcome: Hashable, Sendable {
        case aborted
        /// There is nothing to abort.
        ///
        /// Nothing changes.
        case notOpen
        case refused(WriteRefusal)
    }

    package let upload: UploadID
    package let now: HybridTime

    package init(_ upload: UploadID, now: HybridTime) {
        self.upload = upload
        self.now = now
    }

    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Outcome> {
        var record = try ObjectRecord(value)
        guard record.upload(self.upload) != nil else { return .keep(.notOpen) }
        switch record.closeUpload(self.upload, at: ballot) {
        case .dropped: break
        case .above(let ceiling): return .retry(above: ceiling)
        case .refused(let refusal): return .keep(.refused(refusal))
        }
        record.advance(to: self.now)
        return record.decision(.aborted)
    }
}

extension ObjectRecord {
    /// The upload, if it is open.
    package func upload(_ id: UploadID) -> Upload? { self.uploads.first { $0.id == id } }

    /// The version that an earlier completion of the same upload by the same list of parts has
    /// made.
    package func completion(of version: Version) -> Version? {
        self.versions.first {
            $0.upload != nil && $0.upload == version.upload && $0.etag == version.etag
        }
    }

    /// Moves an open upload into the garbage, with the ballot of the change as fence.
    ///
    /// - Precondition: the upload is open.
    mutating func closeUpload(_ id: UploadID, at ballot: Ballot) -> Dropping {
        guard let place = self.uploads.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("No open upload \(id)")
        }
        let upload = self.uploads[place]
        guard self.garbage.count < Limit.garbage else { return .refused(.garbageFull) }
        guard ballot > upload.ceiling else { return .above(upload.ceiling) }
        self.garbage.append(
            Garbage(entry: .upload(id), manifest: upload.manifest, fence: ballot)
        )
        self.uploads.remove(at: place)
        return .dropped
    }
}
