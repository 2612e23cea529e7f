import NIOCore
import PeerProtocol
import Placement
import Runtime
import StoreModel
import Wire

extension ChunkReplicas {
    /// Fetches some blocks of a chunk from the nearest node that has them intact.
    ///
    /// The own node is asked first, then one after the other; the next one also if those asked are
    /// silent. Copies that are missing where the class wants one are replaced afterwards; those
    /// that turn out to be damaged by the nodes that have them.
    ///
    /// - Returns: the decoded content of the blocks.
    /// - Throws: `dataUnavailable` if no node gives them.
    func read(
        _ chunk: ChunkName,
        blocks: Range<Int>,
        as storageClass: StorageClass
    ) async throws(ClusterError) -> ByteBuffer {
        let (own, others) = self.readOrder(try self.holders(of: chunk))
        var tried = Tried()
        if let own {
            let result = await self.content(of: chunk, blocks: blocks, from: own)
            if case .success(let content) = result { return content }
            tried.note(result, of: own)
        }
        guard let content = await self.first(of: others, chunk, blocks, &tried) else {
            throw ClusterError(
                .dataUnavailable,
                "read chunk \(chunk)",
                facts: ["asked": "\(tried.failures.count)"],
                cause: tried.failures.first
            )
        }
        self.replace(chunk, missingAt: tried.missing, as: storageClass)
        return content
    }

    /// What became of those who did not give the content.
    private struct Tried {
        var failures: [PeerCallError] = []
        /// Those who do not have the chunk.
        var missing: [NodeID] = []

        mutating func note(_ result: Result<ByteBuffer, PeerCallError>, of node: NodeID) {
            guard case .failure(let error) = result else { return }
            self.failures.append(error)
            if case .failure(let failure) = error, failure.code == .notFound {
                self.missing.append(node)
            }
        }
    }

    /// Asks nodes until one gives the content: the next if one fails, or one more if those asked
    /// are silent.
    private func first(
        of nodes: [NodeID],
        _ chunk: ChunkName,
        _ blocks: Range<Int>,
        _ tried: inout Tried
    ) async -> ByteBuffer? {
        let (events, inbox) = AsyncStream.makeStream(of: Event<ByteBuffer>.self)
        var waiting = nodes[...]
        var watch = SilenceWatch(patience: 1)
        func send() {
            guard let node = waiting.popFirst() else { return }
            watch.asked(node)
            self.doors.background.run {
                let result = await self.content(of: chunk, blocks: blocks, from: node)
                inbox.yield(.answer(node, result))
            }
        }
        send()
        guard !watch.silent.isEmpty else { return nil }
        if !waiting.isEmpty { self.awaitSilence { inbox.yield(.silence) } }
        for await event in events {
            switch event {
            case .silence:
                if watch.isTooLong() { send() }
                if !waiting.isEmpty { self.awaitSilence { inbox.yield(.silence) } }
            case .answer(let node, .success(let content)):
                self.note(watch.answered(node))
                return content
            case .answer(let node, let result):
                watch.failed(node)
                tried.note(result, of: node)
                if watch.silent.isEmpty { send() }
            }
            if watch.silent.isEmpty { break }
        }
        return nil
    }

    /// Asks one node.
    private func content(
        of chunk: ChunkName,
        blocks: Range<Int>,
        from node: NodeID
    ) async -> Result<ByteBuffer, PeerCallError> {
        do throws(PeerCallError) {
            let reply = try await self.reply(of: node, to: .readChunk(chunk, blocks: blocks))
            guard case .blocks(let slice) = reply, slice.header.blocks == blocks else {
                throw .invalid(.invalid("reply"))
            }
            self.instruments.received(storedBytes: slice.blocks.readableBytes)
            let content = await self.doors.workers.run { try? slice.content() }
            guard let content else { throw .invalid(.invalid("damaged on the way")) }
            return .success(content)
        } catch {
            if error == .network(.timedOut) { self.health.suspect(node) }
            return .failure(error)
        }
    }

    /// Has missing copies replaced, now that a good one is known to exist.
    private func replace(
        _ chunk: ChunkName,
        missingAt nodes: [NodeID],
        as storageClass: StorageClass
    ) {
        guard !nodes.isEmpty, let layout = self.layouts.layout else { return }
        let homes = layout.homes(of: chunk, as: storageClass)
        for node in nodes where homes.contains(node) { self.repairs.add(chunk, at: node, .read) }
    }

    /// The own node, if it may have the chunk; then the others, suspects last.
    private func readOrder(_ candidates: [NodeID]) -> (own: NodeID?, others: [NodeID]) {
        let own = candidates.first { $0 == self.caller.own }
        let (trusted, suspects) = self.health.split(candidates.filter { $0 != own }, asking: 1)
        return (own, trusted + suspects)
    }

    /// All nodes that may have the chunk, best first: where an independent copy pulls from.
    func sources(of chunk: ChunkName) throws(ClusterError) -> [NodeID] {
        let candidates = try self.holders(of: chunk)
        let (trusted, suspects) = self.health.split(candidates, asking: 1)
        return trusted + suspects
    }
}
