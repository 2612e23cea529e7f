import PeerProtocol
import Placement
import Register
import Runtime
import StoreModel
import Synchronization

/// Hands the rows of changed partitions over to their latter replicas.
///
/// Begun once a majority of each former set acts by the joint layout: what was chosen before is on
/// them, and what is chosen from then on is on a majority of the latter replicas as well. What has
/// been done is remembered, so that a pass that could not do all is followed by a shorter one.
/// Source: docs/protocol/layout.md, "Handing rows over".
final class HandOver: Sendable {
    /// Partitions handed over at once.
    private static let parallelPartitions = 16

    private struct State {
        var done: Set<PartitionID> = []
        var passes = 0
        /// What was read too early, by a broken rule.
        var early: [PartitionID: [HandOverBatch]] = [:]
    }

    let joint: Layout
    let caller: PeerCaller
    let doors: Doors
    let settings: CoordinatorSettings
    /// How far the content is, which follows the rows.
    let content = ContentProgress()
    /// Commits a register's value at a new ballot by the joint layout; false if that fails.
    let commitAgain: @Sendable (RegisterKey) async -> Bool
    private let state = Mutex(State())

    init(
        _ joint: Layout,
        caller: PeerCaller,
        doors: Doors,
        settings: CoordinatorSettings,
        commitAgain: @escaping @Sendable (RegisterKey) async -> Bool
    ) {
        precondition(joint.isJoint, "A stable layout moves nothing.")
        self.joint = joint
        self.caller = caller
        self.doors = doors
        self.settings = settings
        self.commitAgain = commitAgain
    }

    /// Hands over what has not been yet.
    ///
    /// - Parameter switched: Members that act by the joint layout, durably.
    /// - Returns: true once every changed partition has been handed over.
    func run(switched: Set<NodeID>) async -> Bool {
        let (done, pass) = self.state.withLock { state in
            state.passes += 1
            return (state.done, state.passes)
        }
        let left = self.joint.changedPartitions.filter { !done.contains($0) }
        guard !left.isEmpty else { return true }
        await self.doors.reach(.handOver)
        guard let ready = await self.moveFences(of: left, from: switched) else { return false }
        var rest = left[...]
        while !rest.isEmpty, !Task.isCancelled {
            let batch = Array(rest.prefix(Self.parallelPartitions))
            rest = rest.dropFirst(batch.count)
            let outcomes = await gather(
                from: batch,
                background: self.doors.background,
                ask: { partition -> Bool? in
                    let part = self.part(partition, switched, ready, pass)
                    return (try? await self.run(part)) ?? false
                },
                enough: { _ in false }
            )
            self.state.withLock { state in
                state.done.formUnion(outcomes.filter { $0.reply == true }.map(\.node))
            }
        }
        return self.state.withLock { state in left.allSatisfy { state.done.contains($0) } }
    }

    private func part(
        _ partition: PartitionID,
        _ switched: Set<NodeID>,
        _ ready: Set<NodeID>,
        _ pass: Int
    ) -> HandOverPart {
        let former = self.joint.formerSet(of: partition) ?? []
        let present = former.filter { switched.contains($0) }
        // Another majority each time, in case one of them does not answer.
        let turn = present.isEmpty ? 0 : (pass - 1) % present.count
        let latter = self.joint.latterSet(of: partition)
        return HandOverPart(
            partition: partition,
            sources: Array((present[turn...] + present[..<turn]).prefix(former.count / 2 + 1)),
            targets: latter.filter { ready.contains($0) },
            needed: latter.count / 2 + 1,
            epoch: self.joint.epoch
        )
    }

    private func run(_ part: HandOverPart) async throws(PeerCallError) -> Bool {
        guard part.targets.count >= part.needed else { return false }
        let floors = try await self.floors(part)
        if let early = self.state.withLock({ $0.early[part.partition] }) {
            for batch in early { guard try await self.write(batch, part) else { return false } }
        } else {
            var reader = HandOverReader(part, self, floors: floors)
            while let batch = try await reader.next() {
                await self.doors.reach(.install)
                guard try await self.write(batch, part) else { return false }
            }
        }
        return await self.raise(floors, part)
    }

    // MARK: - Floors and fences

    private func floors(
        _ part: HandOverPart
    ) async throws(PeerCallError) -> [PartitionFloors] {
        var floors: [PartitionFloors] = []
        for node in part.sources {
            let reply = try await self.ask(node, .floors(part.partition), under: part.epoch)
            guard case .floors(let found) = reply else { throw .invalid(.invalid("floors")) }
            floors.append(found)
        }
        return floors
    }

    /// Tells the latter replicas what must not come back.
    ///
    /// The last step: rows that are older than the floor could not be installed behind it.
    private func raise(_ floors: [PartitionFloors], _ part: HandOverPart) async -> Bool {
        var highest = PartitionFloors()
        for found in floors { highest.merge(found) }
        let raised = highest
        return await self.reached(part.targets, .raiseFloors(part.partition, raised)).count
            >= part.needed
    }

    /// Has the latter replicas refuse what a majority of the former ones refuses.
    ///
    /// - Returns: those that do; nil if they are too few.
    private func moveFences(
        of partitions: [PartitionID],
        from switched: Set<NodeID>
    ) async -> Set<NodeID>? {
        var fences: [BucketID: UInt64] = [:]
        var sources: Set<NodeID> = []
        for node in self.joint.members where switched.contains(node) {
            guard let found = try? await self.fences(of: node) else { continue }
            sources.insert(node)
            for fence in found {
                fences[fence.bucket] = max(fences[fence.bucket] ?? 0, fence.generation)
            }
        }
        guard self.joint.hasFormerMajorities(sources) else { return nil }
        let sorted = fences.sorted { $0.key < $1.key }.map {
            BucketFence(bucket: $0.key, generation: $0.value)
        }
        let latter = Set(partitions.flatMap { self.joint.latterSet(of: $0) })
        var ready = self.joint.members.filter { latter.contains($0) }
        var rest = sorted[...]
        // Once at least: it shows who is there.
        repeat {
            let page = Array(rest.prefix(FencePage.fencesMax))
            rest = rest.dropFirst(page.count)
            ready = await self.reached(ready, .raiseFences(page))
        } while !rest.isEmpty
        return Set(ready)
    }

    private func fences(of node: NodeID) async throws(PeerCallError) -> [BucketFence] {
        var fences: [BucketFence] = []
        while true {
            let request = PeerRequest.fences(after: fences.last?.bucket)
            let reply = try await self.ask(node, request, under: self.joint.epoch)
            guard case .fences(let page) = reply else { throw .invalid(.invalid("fences")) }
            fences += page.fences
            if !page.isTruncated { return fences }
        }
    }

    // MARK: - Nodes

    /// Asks until there is an answer, a few times.
    func ask(
        _ node: NodeID,
        _ request: PeerRequest,
        under epoch: UInt64
    ) async throws(PeerCallError) -> PeerReply {
        do throws(PeerCallError) {
            return try await self.caller.ask(
                node,
                request,
                under: epoch,
                within: self.settings.registerTimeout
            )
        } catch {
            guard error == .network(.timedOut) else { throw error }
            return try await self.caller.ask(
                node,
                request,
                under: epoch,
                within: self.settings.registerTimeout
            )
        }
    }

    /// Nodes that have done what they were asked, in the given order.
    private func reached(_ nodes: [NodeID], _ request: PeerRequest) async -> [NodeID] {
        let epoch = self.joint.epoch
        let replies = await gather(
            from: nodes,
            background: self.doors.background,
            ask: { node -> Bool? in
                if case .done? = try? await self.ask(node, request, under: epoch) { return true }
                return nil
            },
            enough: { _ in false }
        )
        let done = Set(replies.filter { $0.reply == true }.map(\.node))
        return nodes.filter { done.contains($0) }
    }

    /// Breaks a rule on purpose: reads rows under an older layout, to hand them over later.
    func readEarly(under epoch: UInt64, from nodes: Set<NodeID>) async {
        var rest = self.joint.changedPartitions[...]
        while !rest.isEmpty {
            let partitions = Array(rest.prefix(Self.parallelPartitions))
            rest = rest.dropFirst(partitions.count)
            let early = await gather(
                from: partitions,
                background: self.doors.background,
                ask: { partition -> [HandOverBatch]? in
                    var part = self.part(partition, nodes, nodes, 1)
                    part.epoch = epoch
                    guard let floors = try? await self.floors(part) else { return nil }
                    var batches: [HandOverBatch] = []
                    var reader = HandOverReader(part, self, floors: floors)
                    while let batch = try? await reader.next() { batches.append(batch) }
                    return batches
                },
                enough: { _ in false }
            )
            self.state.withLock { state in
                for (partition, batches) in early { state.early[partition] = batches }
            }
        }
    }
}

/// One partition of a ``HandOver``.
struct HandOverPart: Sendable {
    let partition: PartitionID
    /// A majority of its former replicas.
    let sources: [NodeID]
    /// Latter replicas that are there.
    let targets: [NodeID]
    /// So many of the latter replicas must have each row.
    let needed: Int
    /// The layout by which sources answer.
    var epoch: UInt64
}
