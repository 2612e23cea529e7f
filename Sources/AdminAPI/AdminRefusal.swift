package import Hummingbird

/// Why something is not shown or not done.
package struct AdminRefusal: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The request asks for what cannot be.
        case invalid
        /// There is nothing of that name.
        case unknown
        /// Something else is in the way.
        case conflict
        /// The cluster cannot do it now; a change may have been made all the same.
        case unavailable
    }

    package var kind: Kind
    /// For people: what is wrong, and what to do.
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}

extension AdminRefusal: HTTPResponseError {
    package var status: HTTPResponse.Status {
        switch self.kind {
        case .invalid: .badRequest
        case .unknown: .notFound
        case .conflict: .conflict
        case .unavailable: .serviceUnavailable
        }
    }

    package func response(
        from request: Request,
        context: some RequestContext
    ) throws -> Response {
        try HTTPError(self.status, message: self.message).response(from: request, context: context)
    }
}
