import Coordinator
import Logging
import Peering
import Placement
import Runtime
import ServiceLifecycle
import StoreModel

/// Keeps the peer port open until the node shuts down.
struct PeerService: Service {
    let server: PeerServer

    /// Returns once the requests of other nodes in flight are answered.
    func run() async throws {
        try? await gracefulShutdown()
        await self.server.shutdown()
    }
}

/// A service on a port of its own, whose failure names that port.
struct PortService: Service, CustomStringConvertible {
    let service: any Service
    /// As in the settings: "s3.listen".
    let setting: String
    let address: SocketName

    /// For logs, in which libraries write services: not all that is in this one.
    var description: String { "PortService(\(self.setting), \(self.address))" }

    func run() async throws {
        do {
            try await self.service.run()
        } catch let error where !(error is CancellationError) {
            throw Failure("cannot serve on \(self.setting), \(self.address): \(error)")
        }
    }
}

/// Makes the node a member of its cluster, and does what members do in the background.
struct MembershipService: Service {
    /// Pause before a bucket that could not be made is tried again.
    private static let retryPause = Duration.seconds(1)

    let coordinator: Coordinator
    let own: LayoutNode
    let seeds: [String]
    let connector: any SeedConnector
    /// Made once there is a layout.
    let buckets: [BucketName]
    let logger: Logger

    /// Returns once shutdown has begun.
    ///
    /// Shutdown ends the wait for other nodes as well.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            do throws(ClusterError) {
                try await self.coordinator.formCluster(
                    seeds: self.seeds,
                    own: self.own,
                    connector: self.connector,
                    plan: { try LayoutPlan.first(nodes: $0) }
                )
                if !self.coordinator.isMember {
                    self.sayWhoIsInTheWay()
                    try await self.coordinator.waitForMembership()
                }
            } catch {
                self.logger.info("stopped before the cluster was formed")
                return
            }
            self.logger.info("member of the cluster", metadata: ["node.name": "\(self.own.name)"])
            for bucket in self.buckets { await self.create(bucket) }
            await withDiscardingTaskGroup { group in
                group.addTask { await self.coordinator.runLifecycle() }
                await self.coordinator.runSweeps()
            }
        }
    }

    /// The cluster does not know this node: what that means, and what to do.
    private func sayWhoIsInTheWay() {
        let former = self.coordinator.layout?.nodes.first { $0.address == self.own.address }
        var metadata: Logger.Metadata = [
            "node.id": "\(self.own.id)",
            "node.address": "\(self.own.address)",
            "hint": "bring it in by a change of layout: docs/operations/recovery.md",
        ]
        guard let former else {
            return self.logger.error("not a member of the cluster", metadata: metadata)
        }
        metadata["former.id"] = "\(former.id)"
        metadata["former.name"] = "\(former.name)"
        self.logger.error(
            "not a member of the cluster: its directory is not that of the node at this address",
            metadata: metadata
        )
    }

    /// Tries until the bucket is there: one start of many nodes must not depend on their order.
    private func create(_ bucket: BucketName) async {
        while !Task.isCancelled {
            do throws(ClusterError) {
                try await self.coordinator.createBucket(bucket)
                return self.logger.info("bucket created", metadata: ["bucket": "\(bucket)"])
            } catch {
                if error.code == .bucketAlreadyOwned { return }
                self.logger.debug(
                    "bucket not created yet",
                    metadata: ["bucket": "\(bucket)", "error": "\(error)"]
                )
            }
            try? await Task.sleep(for: Self.retryPause)
        }
    }
}

extension NodeConfiguration.Admin {
    func service(_ server: any Service) -> PortService {
        PortService(service: server, setting: "admin.listen", address: self.listen)
    }
}

extension NodeConfiguration.S3 {
    func service(_ server: any Service) -> PortService {
        PortService(service: server, setting: "s3.listen", address: self.listen)
    }
}
