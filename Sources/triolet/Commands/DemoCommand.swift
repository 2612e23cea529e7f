import ArgumentParser
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Start three nodes, store, copy and read an object, and report."
    )

    @Flag(help: "Stop the nodes at the end. Exit code 0 only if every byte was right.")
    var once = false

    @Option(help: "Size of the made-up object.")
    var size = "64MiB"

    @Option(help: "Store this file instead of made-up bytes.")
    var file: String?

    @OptionGroup var place: ClusterCommand.Place
    @OptionGroup var shape: ClusterCommand.Shape

    func run() async throws {
        let content = try self.content()
        let directory = ClusterDirectory(self.place.directory)
        let cluster = try self.shape.openOrCreate(directory)
        do {
            try await cluster.up()
            try await Demo(cluster: cluster, content: content, title: self.place.directory).run()
        } catch {
            if self.once { await cluster.down() }
            throw Failure("the demo failed: \(error)")
        }
        if self.once {
            await cluster.down()
        } else {
            Terminal.say(
                "Admin    http://\(cluster.plan.admin(1))/v1/cluster"
                    + "      eval \"$(triolet env)\" to use aws, rclone, ..."
            )
            Terminal.say("The nodes go on running; triolet cluster down stops them.")
        }
    }

    private func content() throws -> DemoContent {
        if let file = self.file {
            do { return try DemoContent(file: file) } catch {
                throw Failure("cannot read \(file): \(error.localizedDescription)", .usage)
            }
        }
        guard let bytes = Amount.bytes(self.size) else {
            throw Failure("\(self.size) is no size, as 64MiB is", .usage)
        }
        return .generated(bytes: bytes)
    }
}
