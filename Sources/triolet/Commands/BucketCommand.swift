import AdminAPI
import ArgumentParser
import NIOHTTP1

/// Buckets of all users, for administrators.
struct BucketCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bucket",
        abstract: "List, create and delete buckets of any user; say who may do what with them.",
        subcommands: [List.self, Create.self, Info.self, Delete.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all buckets.")

        @OptionGroup var port: AccessPort

        func run() async throws {
            let list = try await self.port.ask(.GET, "/v1/buckets", as: BucketList.self).buckets
            try self.port.say(list, BucketText.table(list), none: "no buckets")
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a bucket for the root user, or for another."
        )

        @Argument(help: "The bucket's name.")
        var bucket: String
        @Option(help: "A key of the user who is to own it.")
        var owner: String?
        @OptionGroup var port: AccessPort

        func run() async throws {
            let request = BucketRequest(name: self.bucket, owner: self.owner)
            let report = try await self.port.ask(
                .POST,
                "/v1/buckets",
                body: request,
                as: BucketReport.self
            )
            try self.port.say(report, ["created \(report.name), owned by \(report.owner.name)"])
        }
    }

    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whose a bucket is, how it is set up, and what has been granted."
        )

        @Argument(help: "The bucket.")
        var bucket: String
        @OptionGroup var port: AccessPort

        func run() async throws {
            let path = "/v1/buckets/\(AccessPort.escaped(self.bucket))"
            let report = try await self.port.ask(.GET, path, as: BucketReport.self)
            try self.port.say(report, BucketText.lines(report))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an empty bucket, with its settings."
        )

        @Argument(help: "The bucket.")
        var bucket: String
        @Flag(help: "Yes, delete it.")
        var yes = false
        @OptionGroup var port: AccessPort

        func run() async throws {
            guard self.yes else {
                throw Failure("\(self.bucket) would be gone with its settings: add --yes", .usage)
            }
            _ = try await self.port.ask(
                .DELETE,
                "/v1/buckets/\(AccessPort.escaped(self.bucket))"
            )
            try self.port.say(["deleted": self.bucket], ["deleted \(self.bucket)"])
        }
    }
}

/// Buckets as lines for people.
enum BucketText {
    static func table(_ buckets: [BucketReport]) -> [[String]] {
        [["bucket", "owner", "created", "versioning", "settings"]]
            + buckets.map { bucket in
                [
                    bucket.name, bucket.owner.shown, KeyText.time(bucket.created),
                    bucket.versioning,
                    bucket.settings.isEmpty ? "-" : bucket.settings.joined(separator: ", "),
                ]
            }
    }

    static func lines(_ bucket: BucketReport) -> [String] {
        [
            "bucket:      \(bucket.name)",
            "owner:       \(bucket.owner.shown)",
            "created:     \(KeyText.time(bucket.created))",
            "versioning:  \(bucket.versioning)",
            "settings:    "
                + (bucket.settings.isEmpty ? "none" : bucket.settings.joined(separator: ", ")),
        ] + (bucket.grants ?? []).map { "granted:     \(KeyText.line($0))" }
    }
}
