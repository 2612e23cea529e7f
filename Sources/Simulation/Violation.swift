/// A promise that a run has seen broken.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// No order of the operations on a key explains what clients saw.
        case notLinearizable
        /// No order of creations and deletions of the bucket explains what clients were told.
        case bucketNotLinearizable
        /// A common prefix was listed, or a bucket said not to be empty, and no key explains it.
        case notThere
        /// A page of a listing is out of order or out of bounds.
        case wrongPage
        /// A node serves that must not: its disk was put back to an earlier state, or emptied.
        case servesForgotten
        /// A body, a size or an ETag was not what was stored.
        case wrongBytes
        /// A live version is on fewer nodes than its class promises.
        case contentAtRisk
        /// In the end a chunk of a live version is not on just the nodes that are to have it.
        case notHealed
        /// Content that nothing names is still there, or a hold without a version.
        case leak
        /// An operation did not end, or failed although everything was healthy.
        case noProgress
        /// A node could not be opened.
        case cannotOpen
    }

    package let kind: Kind
    package let story: String

    package init(_ kind: Kind, _ story: String) {
        self.kind = kind
        self.story = story
    }

    package var description: String { "\(self.kind.rawValue): \(self.story)" }
}
