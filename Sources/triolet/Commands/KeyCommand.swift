import AdminAPI
import ArgumentParser
import Foundation
import NIOHTTP1

/// Makes access keys while the cluster runs, and says what they may do.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Create, list and delete access keys; grant them buckets.",
        subcommands: [
            Create.self, List.self, Info.self, Delete.self, Grant.self, Revoke.self,
        ]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key, and its user if there is none. Shows the secret, this once."
        )

        @Option(help: "The user's name; without it the key has a user of its own.")
        var user: String?
        @Option(help: "What people call the key.")
        var name: String?
        @Option(help: "An access key that exists elsewhere; needs --secret-file.")
        var accessKey: String?
        @Option(help: "File with that key's secret in its first line.")
        var secretFile: String?
        @OptionGroup var port: AccessPort

        func validate() throws {
            guard (self.accessKey == nil) == (self.secretFile == nil) else {
                throw ValidationError("--access-key and --secret-file go together")
            }
        }

        func run() async throws {
            var request = KeyRequest(user: self.user, name: self.name, accessKey: self.accessKey)
            do throws(SecretFile.Refused) {
                if let file = self.secretFile {
                    request.secretKey = try SecretFile.read(file).text
                }
            } catch { throw Failure("\(error)", .usage) }
            let new = try await self.port.ask(.POST, "/v1/keys", body: request, as: NewKey.self)
            try self.port.say(new, KeyText.lines(new))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all keys: those made at runtime, and those of the node's settings."
        )

        @OptionGroup var port: AccessPort

        func run() async throws {
            let keys = try await self.port.ask(.GET, "/v1/keys", as: KeyList.self).keys
            try self.port.say(keys, KeyText.table(keys), none: "no keys")
        }
    }

    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whose a key is, and what it has been granted."
        )

        @Argument(help: "The key: its id, or the first four characters or more.")
        var key: String
        @OptionGroup var port: AccessPort

        func run() async throws {
            let path = "/v1/keys/\(AccessPort.escaped(self.key))"
            let key = try await self.port.ask(.GET, path, as: KeyReport.self)
            try self.port.say(key, KeyText.lines(key))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a key. Every node refuses it within 5 seconds."
        )

        @Argument(help: "The key: its id, or the first four characters or more.")
        var key: String
        @Flag(help: "Yes, delete it.")
        var yes = false
        @OptionGroup var port: AccessPort

        func run() async throws {
            guard self.yes else {
                throw Failure("whoever uses \(self.key) would be refused: add --yes", .usage)
            }
            let path = "/v1/keys/\(AccessPort.escaped(self.key))"
            let key = try await self.port.ask(.DELETE, path, as: KeyReport.self)
            try self.port.say(
                key,
                ["deleted \(key.id) of \(key.user.name); every node refuses it within 5 s"]
            )
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a key's user do something with a bucket, besides what it may do already."
        )

        @OptionGroup var subject: GrantSubject
        @OptionGroup var port: AccessPort

        func run() async throws {
            let report = try await self.port.ask(
                .PUT,
                self.subject.path,
                body: self.subject.permissions,
                as: GrantReport.self
            )
            try self.port.say(report, [KeyText.line(report)])
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back what was granted. What the user owns it owns all the same."
        )

        @OptionGroup var subject: GrantSubject
        @OptionGroup var port: AccessPort

        func run() async throws {
            let names = self.subject.permissions.names.joined(separator: ",")
            let report = try await self.port.ask(
                .DELETE,
                "\(self.subject.path)?permissions=\(names)",
                as: GrantReport.self
            )
            try self.port.say(report, [KeyText.line(report)])
        }
    }
}

/// What is granted, or taken back.
struct GrantSubject: ParsableArguments {
    @Argument(help: "The key: its id, or the first four characters or more.")
    var key: String
    @Argument(help: "The bucket.")
    var bucket: String
    @Flag(help: "List the bucket, read its objects.")
    var read = false
    @Flag(help: "Write and delete objects.")
    var write = false
    @Flag(help: "Everything, as the bucket's owner: its settings, its policy, its deletion.")
    var owner = false

    func validate() throws {
        guard self.read || self.write || self.owner else {
            throw ValidationError("say which permissions: --read, --write, --owner")
        }
    }

    var path: String {
        "/v1/keys/\(AccessPort.escaped(self.key))/grants/\(AccessPort.escaped(self.bucket))"
    }

    var permissions: GrantPermissions {
        GrantPermissions(
            read: self.read ? true : nil,
            write: self.write ? true : nil,
            owner: self.owner ? true : nil
        )
    }
}

extension GrantPermissions {
    /// Those that are given, as people and queries name them.
    var names: [String] {
        [("read", self.read), ("write", self.write), ("owner", self.owner)]
            .filter { $0.1 == true }.map(\.0)
    }
}

extension KeyReport.User {
    /// What people call the user, or the id of one who is gone.
    var shown: String { self.name.isEmpty ? self.id : self.name }
}

/// Keys as lines for people.
enum KeyText {
    static func table(_ keys: [KeyReport]) -> [[String]] {
        [["key", "name", "user", "from", "created"]]
            + keys.map { key in
                [
                    key.id, key.name.isEmpty ? "-" : key.name, key.user.name, self.source(key),
                    self.time(key.created),
                ]
            }
    }

    static func lines(_ key: KeyReport) -> [String] {
        var lines = [
            "key:      \(key.id)" + (key.name.isEmpty ? "" : " (\(key.name))"),
            "user:     \(key.user.name), account \(key.user.account)",
            "id:       \(key.user.id)",
            "from:     \(self.source(key)), created \(self.time(key.created))",
        ]
        if key.source == .root {
            lines.append("may:      everything")
        } else {
            lines += (key.grants ?? []).map { "may:      \(self.line($0))" }
        }
        return lines
    }

    static func lines(_ new: NewKey) -> [String] {
        [
            "access key:  \(new.key.id)",
            "secret key:  \(new.secretKey)",
            "user:        \(new.key.user.name)",
            "This is the only time that the secret is shown.",
            "It may create buckets; for others: triolet key grant \(new.key.id) BUCKET --read",
        ]
    }

    /// Who may do what with which bucket.
    static func line(_ grant: GrantReport) -> String {
        let names = GrantPermissions(read: grant.read, write: grant.write, owner: grant.owner)
            .names
        return "\(grant.user.shown) on \(grant.bucket): "
            + (names.isEmpty ? "nothing granted" : names.joined(separator: ", "))
    }

    private static func source(_ key: KeyReport) -> String {
        switch key.source {
        case .cluster: "cluster"
        case .file: "users file"
        case .root: "root key"
        }
    }

    static func time(_ seconds: Double?) -> String {
        seconds.map { Date(timeIntervalSince1970: $0.rounded(.down)).ISO8601Format() } ?? "-"
    }
}
