package import ChunkStore
package import Logging
import MetadataStore
package import PeerProtocol
package import Placement
import Register
package import Runtime
package import StoreModel
import Synchronization
import Wire

/// One node as its peers see it: a replica of registers, and a keeper of chunks.
///
/// Answers everything with a reply, whatever the bytes are. Once a sync has failed, nobody knows
/// what is durable: from then on it answers nothing but `outOfService`, until it is opened again.
/// Source: docs/protocol/messages.md; docs/protocol/layout.md, "Epochs".
package final class StorageNode: PeerHandler {
    package let id: NodeID
    /// One more at each opening, durably.
    package let incarnation: UInt32
    /// The layout by which the node acts; nil before the first.
    package let layouts: LayoutHolder
    package let settings: StorageNodeSettings

    let rows: MetadataStore
    let chunks: ChunkStore
    let puller: ChunkPuller
    let reads: ChunkReads
    let instruments: NodeInstruments
    private let gate: RequestGate
    let logger: Logger
    let doors: Doors
    /// Held while a layout is compared with the present one and takes its place.
    let layoutLock = TaskLock()
    private let outage = Mutex<PeerFailure?>(nil)
    let introduction = Mutex(Introduction())
    /// What the node's own coordinator has under way, for those who ask.
    package let undertakings = Undertakings()
    /// It had a layout when it was opened: it may have promises to keep.
    private let hasPast: Bool

    private init(
        rows: MetadataStore,
        chunks: ChunkStore,
        doors: Doors,
        settings: StorageNodeSettings,
        logger: Logger
    ) {
        self.id = rows.node
        self.incarnation = rows.incarnation
        self.layouts = LayoutHolder(rows.layout.map { Layout($0) })
        self.settings = settings
        self.rows = rows
        self.chunks = chunks
        self.instruments = NodeInstruments()
        self.reads = ChunkReads(chunks)
        self.puller = ChunkPuller(
            chunks,
            reads: self.reads,
            own: rows.node,
            doors: doors,
            settings: settings,
            instruments: self.instruments
        )
        self.gate = RequestGate(settings)
        self.logger = logger
        self.doors = doors
        self.hasPast = rows.layout != nil
    }

    /// Opens a data directory, or begins one in an empty place.
    ///
    /// - Throws: ``StorageNodeError`` if what is there cannot be used. Nothing is served then.
    package static func open(
        disk: any Disk,
        engine: any KeyValueEngine,
        doors: Doors,
        settings: StorageNodeSettings,
        logger: Logger
    ) async throws(StorageNodeError) -> StorageNode {
        let rows: MetadataStore
        do throws(MetadataError) {
            rows = try await MetadataStore.open(
                engine: engine,
                random: doors.random,
                tailBytes: settings.tailBytes,
                sabotage: settings.sabotage
            )
        } catch { throw .rows(error) }
        let chunks: ChunkStore
        do throws(ChunkStoreError) {
            let syncs = SyncInstruments(.chunks)
            chunks = try await ChunkStore.open(
                disk: disk,
                engine: engine,
                doors: doors,
                settings: settings.chunks
            ) {
                syncs.synced(writes: $0)
            }
        } catch { throw .chunks(error) }
        let node = StorageNode(
            rows: rows,
            chunks: chunks,
            doors: doors,
            settings: settings,
            logger: logger
        )
        logger.info(
            "data directory opened",
            metadata: [
                "node.id": "\(node.id)",
                "node.incarnation": "\(node.incarnation)",
                "layout.epoch": "\(node.layouts.epoch)",
            ]
        )
        return node
    }

    /// Gives the node its network: only then can it pull from others.
    ///
    /// Called before others can reach the node. A node with a past introduces itself to the others
    /// first, and answers nothing until half of them know of its start.
    package func attach(_ network: LoopbackNetwork) {
        let caller = PeerCaller(network: network, layouts: self.layouts)
        self.puller.use(caller)
        self.introduction.withLock { introduction in
            introduction.caller = caller
            introduction.isComplete = !self.hasPast || self.otherMembers.isEmpty
        }
        self.introduce()
        self.dropLeftRows()
    }

    /// Has `handler` make the changes that other nodes ask for.
    ///
    /// As long as there is none they are refused.
    package func serve(changes handler: any ChangeHandler) {
        self.reads.use(handler)
    }

    /// Takes the network away.
    ///
    /// Network and node keep one another alive until then.
    package func detach() {
        self.puller.use(nil)
        self.introduction.withLock { $0.caller = nil }
        self.reads.use(nil)
    }

    /// The node as a layout is to know it.
    package var description: LayoutNode { self.settings.node(self.id) }

    /// What has failed, once a store has; nil while the node is in service.
    package var outageText: String? { self.outage.withLock { $0?.text } }

    /// False once a store has failed.
    package var isInService: Bool { self.outage.withLock { $0 == nil } }

    /// Requests under way.
    package var requestCount: Int { self.gate.count }

    package var chunkStatistics: ChunkStatistics { self.chunks.statistics }

    // MARK: - Requests

    package func handle(_ request: PeerMessage, from node: NodeID) async -> PeerMessage {
        let reply = await self.reply(to: request, from: node)
        if case .failure(let failure) = reply { self.note(failure, of: request, from: node) }
        return reply.message(epoch: self.layouts.epoch)
    }

    private func reply(to message: PeerMessage, from node: NodeID) async -> PeerReply {
        let request: PeerRequest
        do throws(RecordError) {
            request = try PeerRequest(message)
        } catch {
            return .failure(PeerFailure(.badRequest, "\(error)"))
        }
        self.instruments.asked(request.kind)
        if let outage = self.outage.withLock({ $0 }) { return .failure(outage) }
        if case .change(let change) = request { return await self.make(change, for: node) }
        let reply = await self.gate.run(request) {
            if let refusal = self.refusal(of: request, epoch: message.epoch) { return refusal }
            do throws(PeerFailure) {
                let reply = try await self.answer(request, under: message.epoch, from: node)
                // What another layout has overtaken is as good as never answered.
                return self.refusal(of: request, epoch: message.epoch) ?? reply
            } catch { return PeerReply.failure(error) }
        }
        // A failure that came while the work was done makes its outcome worthless, too.
        if let outage = self.outage.withLock({ $0 }) { return .failure(outage) }
        return reply ?? .failure(PeerFailure(.overloaded, "too many requests under way"))
    }

    var changeHandler: (any ChangeHandler)? { self.reads.changeHandler }

    /// Hands a change to the handler, which has bounds of its own: it outlives the messages that it
    /// is made of, and those have to find room.
    private func make(_ change: ChangeRequest, for node: NodeID) async -> PeerReply {
        guard self.introduction.withLock({ $0.isComplete }),
            let handler = self.changeHandler
        else { return .failure(PeerFailure(.unconfirmed, "changes are not made here yet")) }
        return .change(await handler.answer(change, from: node))
    }

    /// Why a request is not carried out: the node has not made itself known, or sender and node act
    /// by different layouts.
    private func refusal(of request: PeerRequest, epoch: UInt64) -> PeerReply? {
        switch request {
        case .describe, .pushLayout, .announce: return nil
        default: break
        }
        guard self.introduction.withLock({ $0.isComplete }) else {
            return .failure(PeerFailure(.unconfirmed, "too few nodes know of this start"))
        }
        guard let layout = self.layouts.layout else {
            // By its register the first layout is agreed on before there is one.
            if case .register(.layout, _) = request, epoch == 0 { return nil }
            return .needLayout
        }
        if epoch > layout.epoch { return .needLayout }
        if case .register = request, self.settings.sabotage.contains(.noFence) { return nil }
        return epoch < layout.epoch ? .staleLayout(layout.record) : nil
    }

    private func note(_ failure: PeerFailure, of request: PeerMessage, from node: NodeID) {
        self.instruments.failed(failure.code)
        if failure.code == .outOfService { self.leaveService(failure) }
        self.logger.debug(
            "request refused",
            metadata: [
                "peer.id": "\(node)",
                "message.kind": "\(request.kind)",
                "failure.code": "\(failure.code)",
                "failure.text": "\(failure.text)",
            ]
        )
    }

    /// Serves nothing any more.
    func leaveService(_ failure: PeerFailure) {
        let isFirst = self.outage.withLock { outage in
            defer { outage = outage ?? failure }
            return outage == nil
        }
        guard isFirst else { return }
        self.logger.critical(
            "out of service: a store has failed",
            metadata: [
                "failure.text": "\(failure.text)",
                "hint": "if the disk is damaged, replace the node: docs/operations/recovery.md",
            ]
        )
    }
}
