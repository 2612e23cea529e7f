import NIOCore
import NIOHTTP1
import Runtime
import S3Protocol

/// Keeps a client waiting that would give up on a silent server.
///
/// What is done in time is answered with its own status. After ``S3Settings/lateAnswerDelay`` the
/// answer is begun with status 200 and the XML declaration, then a space follows now and then, and
/// in the end the result or an `<Error>`. Spaces come after the declaration, never before it, and
/// the error has no namespace: clients take anything else for success or for rubbish. If the end
/// cannot be told, the connection is reset, so that nobody takes the beginning for the whole.
/// Source: S3 API Reference, "CopyObject" and "CompleteMultipartUpload"; docs/s3-compatibility.md.
struct LateAnswer {
    /// What is answered to a success.
    struct Content: Sendable {
        /// Left out if the answer was begun before they were known.
        let headers: HTTPHeaders
        /// Writes what stands within the root element.
        let write: @Sendable (inout XMLWriter) -> Void
    }

    /// Whether work is cancelled once its client has gone.
    enum Stopping: Sendable {
        case never
        case withClient
    }

    private let service: S3Service
    private let exchange: HTTPExchange
    private let identity: ResponseIdentity
    private let resource: String

    init(service: S3Service, request: S3Request, identity: ResponseIdentity) {
        self.service = service
        self.exchange = request.exchange
        self.identity = identity
        self.resource = request.target.canonicalPath
    }

    /// Does `work` and answers with its result.
    ///
    /// - Parameters:
    ///   - root: The root element of a success.
    ///   - stopping: Work that is not to be stopped is done to its end, whether the client is still
    ///     there or not.
    ///   - work: It is waited for, however long it takes.
    /// - Returns: the answer, or what has been sent already.
    /// - Throws: what `work` throws, unless the answer has begun.
    func answer(
        root: String,
        stopping: Stopping = .never,
        work: @escaping @Sendable () async throws(S3Error) -> Content
    ) async throws(S3Error) -> S3Answer {
        let (result, isLate) = await self.wait(for: work, stopping)
        if isLate { return await self.finish(root, result) }
        let content = try result.get()
        return .xml(
            XMLWriter.document(root, content: content.write),
            headers: content.headers
        )
    }

    private enum Event: Sendable {
        case done(Result<Content, S3Error>)
        case tick
        case clientLeft
    }

    private func wait(
        for work: @escaping @Sendable () async throws(S3Error) -> Content,
        _ stopping: Stopping
    ) async -> (Result<Content, S3Error>, isLate: Bool) {
        let time = self.service.doors.time
        let settings = self.service.settings
        return await withTaskGroup(of: Event.self) { group in
            group.addTask {
                do throws(S3Error) {
                    return .done(.success(try await work()))
                } catch {
                    return .done(.failure(error))
                }
            }
            group.addTask {
                await time.sleep(for: settings.lateAnswerDelay)
                return .tick
            }
            if stopping == .withClient {
                group.addTask {
                    await self.exchange.awaitClientLeaving()
                    return .clientLeft
                }
            }
            var isLate = false
            while let event = await group.next() {
                switch event {
                case .done(let value):
                    group.cancelAll()
                    return (value, isLate)
                case .clientLeft:
                    // Nobody is kept waiting any more; the work says how it ends.
                    group.cancelAll()
                case .tick where group.isCancelled: break
                case .tick:
                    if isLate {
                        await self.showLife()
                    } else {
                        await self.begin()
                        isLate = true
                    }
                    group.addTask {
                        await time.sleep(for: settings.lateAnswerInterval)
                        return .tick
                    }
                }
            }
            preconditionFailure("The work ends before the ticks do.")
        }
    }

    private func begin() async {
        var headers = self.service.commonHeaders(self.identity)
        headers.add(name: "Content-Type", value: "application/xml")
        await self.exchange.begin(.ok, headers, flush: false)
        await self.write(Array(XMLWriter.declaration.utf8))
    }

    private func showLife() async { await self.write([0x20]) }

    private func write(_ bytes: [UInt8]) async {
        // Whether the client still listens shows at the end.
        try? await self.exchange.write(ByteBuffer(bytes: bytes))
    }

    /// Ends the answer that was begun.
    private func finish(_ root: String, _ result: Result<Content, S3Error>) async -> S3Answer {
        var writer = XMLWriter(declaration: false)
        var failure: S3Error?
        switch result {
        case .success(let content):
            writer.element(
                root,
                attributes: [("xmlns", XMLWriter.namespace)],
                content: content.write
            )
        case .failure(let error):
            failure = error
            writer.element("Error") { writer in
                error.write(
                    into: &writer,
                    self.resource,
                    self.identity.requestID,
                    self.identity.hostID
                )
            }
        }
        do {
            try await self.exchange.write(ByteBuffer(bytes: writer.bytes))
            await self.exchange.end()
        } catch {
            await self.exchange.reset()
        }
        return .sent(bytes: UInt64(writer.bytes.count), error: failure)
    }
}
