import MetadataStore
import PeerProtocol
import Placement
import Register
import StoreModel

extension StorageNode {
    /// The digests of a partition's ranges, or one for each partition that the node keeps.
    func digests(of partition: PartitionID?) async throws(PeerFailure) -> PeerReply {
        guard let layout = self.layouts.layout else { return .needLayout }
        let kept = KeptPartitions(layout, of: self.id)
        if let partition {
            guard kept.contains(partition) else {
                throw PeerFailure(.notAReplica, "partition \(partition)")
            }
            return .digests(
                try await self.onRows { () async throws(MetadataError) in
                    try await self.rows.digests(of: partition)
                }
            )
        }
        return .digests(
            try await self.onRows { () async throws(MetadataError) in
                var sums: [RowDigest] = []
                for partition in PartitionID.all {
                    let isKept = kept.contains(partition)
                    sums.append(
                        isKept ? try await self.rows.digestSum(of: partition) : .none
                    )
                }
                return sums
            }
        )
    }

    /// A page of rows and their ballots.
    func ballots(_ request: BallotRequest) async throws(PeerFailure) -> PeerReply {
        guard let layout = self.layouts.layout else { return .needLayout }
        guard KeptPartitions(layout, of: self.id).contains(request.partition) else {
            throw PeerFailure(.notAReplica, "partition \(request.partition)")
        }
        return .ballots(
            try await self.onRows { () async throws(MetadataError) in
                var rows: [RowBallot] = []
                var after = request.after
                for ranges in request.runs {
                    let page = try await self.rows.indexedRows(
                        of: ranges,
                        in: request.partition,
                        after: after,
                        limit: request.limit - rows.count
                    )
                    after = nil
                    rows += page.map { RowBallot(row: $0.row, accepted: $0.accepted) }
                    if rows.count == request.limit {
                        return BallotPage(rows: rows, isTruncated: true)
                    }
                }
                return BallotPage(rows: rows, isTruncated: false)
            }
        )
    }
}

extension BallotRequest {
    /// The ranges, those that follow one another together: whoever asks for all has them read in
    /// one scan.
    fileprivate var runs: [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for range in self.ranges.map({ Int($0) }) {
            if let last = runs.last, last.upperBound + 1 == range {
                runs[runs.count - 1] = last.lowerBound...range
            } else {
                runs.append(range...range)
            }
        }
        return runs
    }
}
