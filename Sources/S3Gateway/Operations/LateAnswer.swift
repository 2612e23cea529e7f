import NIOCore
import NIOHTTP1
import Runtime
import S3Protocol

/// Keeps a client waiting that would give up on a silent server.
///
/// A copy that is done in time is answered with its own status. After
/// ``S3Settings/lateAnswerDelay`` the answer is begun with status 200 and the XML declaration, then
/// a space follows now and then, and in the end the result or an `<Error>`. Spaces come after the
/// declaration, never before it, and the error has no namespace: clients take anything else for
/// success or for rubbish. If the end cannot be told, the connection is reset, so that nobody takes
/// the beginning for the whole.
/// Source: S3 API Reference, "CopyObject"; docs/s3-compatibility.md.
struct LateAnswer {
    let service: S3Service
    let exchange: HTTPExchange
    let identity: ResponseIdentity
    let resource: String

    private enum Event<Value: Sendable>: Sendable {
        case done(Value)
        case tick
    }

    /// Waits for `work`, however long it takes and whether the client is still there or not.
    func wait<Value: Sendable>(
        for work: @escaping @Sendable () async -> Value
    ) async -> (Value, isLate: Bool) {
        let time = self.service.doors.time
        let settings = self.service.settings
        return await withTaskGroup(of: Event<Value>.self) { group in
            group.addTask { .done(await work()) }
            group.addTask {
                await time.sleep(for: settings.lateAnswerDelay)
                return .tick
            }
            var isLate = false
            while let event = await group.next() {
                switch event {
                case .done(let value):
                    group.cancelAll()
                    return (value, isLate)
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
    func finish(_ result: Result<(inout XMLWriter) -> Void, S3Error>) async -> S3Answer {
        var writer = XMLWriter(declaration: false)
        var failure: S3Error?
        switch result {
        case .success(let content):
            writer.element(
                "CopyObjectResult",
                attributes: [("xmlns", XMLWriter.namespace)],
                content: content
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
