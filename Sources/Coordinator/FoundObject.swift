import NIOCore
import Runtime
import StoreModel
import Synchronization

/// An object as it was when it was opened.
struct FoundObject: OpenObject {
    let coordinator: Coordinator
    let target: Target
    let version: Version
    let summary: ObjectSummary

    init(coordinator: Coordinator, target: Target, version: Version) {
        self.coordinator = coordinator
        self.target = target
        self.version = version
        self.summary = coordinator.summary(of: version, at: target)
    }

    func read(_ range: Range<UInt64>) -> any BodyReader {
        precondition(range.upperBound <= self.version.size, "The range lies within the object.")
        switch self.version.content {
        case .inline(let bytes):
            let part = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
            return InlineReader(ByteBuffer(bytes: part))
        case .manifest: return ChunkReader(self, range)
        }
    }
}

/// Hands out bytes that are here already.
private final class InlineReader: BodyReader {
    private let bytes: Mutex<ByteBuffer?>

    init(_ bytes: ByteBuffer) { self.bytes = Mutex(bytes.readableBytes > 0 ? bytes : nil) }

    func next() async throws(ClusterError) -> ByteBuffer? {
        self.bytes.withLock { bytes in
            defer { bytes = nil }
            return bytes
        }
    }
}

/// Reads a range chunk by chunk, one step ahead of the one who asks.
///
/// At most two steps of ``CoordinatorSettings/readBlocks`` blocks are in memory: the one handed out
/// last and the one under way. One caller, one call at a time.
private final class ChunkReader: BodyReader {
    private typealias Answer = Eventual<Result<ByteBuffer, ClusterError>>

    private struct State {
        /// Nil until it is known where the bytes are.
        var steps: ReadSteps?
        var ahead: Answer?
    }

    private let object: FoundObject
    private let range: Range<UInt64>
    private let state = Mutex(State())

    init(_ object: FoundObject, _ range: Range<UInt64>) {
        self.object = object
        self.range = range
    }

    func next() async throws(ClusterError) -> ByteBuffer? {
        if self.state.withLock({ $0.steps == nil }) {
            let steps = try await self.findSteps()
            self.state.withLock { $0.steps = steps }
        }
        guard let answer = self.takeAhead() ?? self.start() else { return nil }
        let result = await answer.value
        switch result {
        case .success(let bytes):
            let following = self.start()
            self.state.withLock { $0.ahead = following }
            return bytes
        case .failure(let error):
            throw await self.explain(error)
        }
    }

    private func findSteps() async throws(ClusterError) -> ReadSteps {
        let coordinator = self.object.coordinator
        do throws(ClusterError) {
            let segments = try await coordinator.segments(
                of: self.object.version.content,
                "read \(self.object.target.name)"
            )
            return ReadSteps(segments, self.range, blocks: coordinator.settings.readBlocks)
        } catch { throw await self.explain(error) }
    }

    private func takeAhead() -> Answer? {
        self.state.withLock { state in
            defer { state.ahead = nil }
            return state.ahead
        }
    }

    /// Begins to read the next step; nil at the end.
    private func start() -> Answer? {
        guard let step = self.state.withLock({ $0.steps?.next() }) else { return nil }
        let answer = Answer()
        let chunks = self.object.coordinator.chunks
        let storageClass = self.object.version.storageClass
        self.object.coordinator.doors.background.run {
            answer.fulfil(
                await outcome { () throws(ClusterError) in
                    var content = try await chunks.read(
                        step.chunk,
                        blocks: step.blocks,
                        as: storageClass
                    )
                    content.moveReaderIndex(forwardBy: step.part.lowerBound)
                    guard let part = content.readSlice(length: step.part.count) else {
                        throw ClusterError(.dataUnavailable, "read chunk \(step.chunk)")
                    }
                    return part
                }
            )
        }
        return answer
    }

    /// Content that is missing because its version was deleted or overwritten is not the store's
    /// fault.
    ///
    /// Nothing is said of the object: it may well be there, as another version.
    private func explain(_ error: ClusterError) async -> ClusterError {
        guard error.code == .dataUnavailable else { return error }
        let now = try? await self.object.coordinator.record(self.object.target, error.operation)
        guard let now, !now.versions.contains(where: { $0.id == self.object.version.id }) else {
            return error
        }
        return ClusterError(.versionGone, error.operation, cause: error)
    }
}
