import Register
import StoreModel
import Synchronization

/// What a round of a register costs, without disks and sockets.
enum RegisterBenchmarks {
    static func all() -> [Benchmark] {
        let body = [UInt8](repeating: 7, count: 1_200)
        let value = RegisterValue(
            changeNumber: 3,
            lineage: [OperationID(1), OperationID(2)],
            body: body,
            hasGarbage: false
        )
        let ballot = Ballot(round: 9, node: 1, incarnation: 1, sequence: 1)
        let accept = RegisterRequest.accept(ballot, value, generation: 1)
        let bytes = accept.encoded
        return [
            Benchmark("register: encode an accept with 1.2 KiB") { keep(accept.encoded) },
            Benchmark("register: decode an accept with 1.2 KiB") {
                keep(try RegisterRequest(decoding: bytes))
            },
            Benchmark("register: a change of 1.2 KiB, three replicas in memory") { count in
                let replicas = MemoryReplicas()
                let proposer = RegisterProposer(replicas: replicas)
                for number in 0..<count {
                    let changed = try await proposer.change(
                        .layout,
                        operation: OperationID(UInt64(number)),
                        generation: 0,
                        Replace(body: body)
                    )
                    keep(changed)
                }
            },
        ]
    }
}

/// Puts a body in place of another.
private struct Replace: RegisterChange {
    let body: [UInt8]

    func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<Int> {
        .write(body: self.body, hasGarbage: false, self.body.count)
    }
}

/// Three rows that answer at once.
private final class MemoryReplicas: RegisterReplicas {
    private struct State {
        var rows = [AcceptorRow](repeating: AcceptorRow(), count: 3)
        var sequence: UInt16 = 0
    }

    private let state = Mutex(State())
    private let members = (1...3).map { NodeID(high: UInt64($0), low: 0) }

    func group(of key: RegisterKey) throws(RegisterError) -> ReplicaGroup {
        ReplicaGroup(epoch: 1, members: self.members, quorum: Quorum(majorityOf: 3))
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        _ terms: RoundTerms,
        enough: ([(replica: Int, reply: RegisterReply)]) -> Bool
    ) async -> [(replica: Int, reply: RegisterReply)] {
        var replies: [(replica: Int, reply: RegisterReply)] = []
        for replica in 0..<3 {
            replies.append((replica: replica, reply: self.reply(replica, request)))
            if enough(replies) { break }
        }
        return replies
    }

    func ask(
        _ request: RegisterRequest,
        about key: RegisterKey,
        of group: ReplicaGroup,
        replica: Int
    ) async -> RegisterReply? { self.reply(replica, request) }

    private func reply(_ replica: Int, _ request: RegisterRequest) -> RegisterReply {
        self.state.withLock { state in
            switch request {
            case .prepare(let ballot): state.rows[replica].prepare(ballot, floor: .zero)
            case .accept(let ballot, let value, let generation, let next):
                state.rows[replica].accept(
                    ballot,
                    value,
                    generation: generation,
                    next: next,
                    rules: AcceptorRules()
                )
            default: state.rows[replica].read()
            }
        }
    }

    func ballot(above other: Ballot, for key: RegisterKey) -> Ballot {
        self.state.withLock { state in
            state.sequence &+= 1
            return Ballot(
                round: other.round + 1,
                node: 1,
                incarnation: 1,
                sequence: state.sequence
            )
        }
    }

    func pause(upTo longest: Duration) async {}

    var nanoseconds: UInt64 { 0 }
}
