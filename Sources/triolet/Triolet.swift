import ArgumentParser
import Foundation
import Platform

@main
enum Program {
    /// On the main thread, as long as it is the only one: an allocator that has served two does not
    /// take other bounds any more.
    @MainActor
    static func main() async {
        ProcessMemory.boundAllocator()
        await Triolet.main()
    }
}

/// The command line: one program for nodes, local clusters and clients.
struct Triolet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triolet",
        abstract: "An S3-compatible object store whose nodes copy on the server.",
        version: "triolet \(Version.text)",
        subcommands: [
            ServeCommand.self,
            ClusterCommand.self,
            DemoCommand.self,
            EnvCommand.self,
            BenchCommand.self,
            HealthCommand.self,
            KeyCommand.self,
            BucketCommand.self,
            CopyCommand.self,
            RepairCommand.self,
            ScrubCommand.self,
            RingCommand.self,
            ConfigCommand.self,
            DevCertCommand.self,
            VersionCommand.self,
        ]
    )

    /// Runs the command and leaves with the exit codes of ``Failure``.
    static func main() async {
        do {
            var command = try await self.asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            Terminal.complain("triolet: \(failure)")
            Foundation.exit(failure.kind.rawValue)
        } catch  where self.exitCode(for: error) == .validationFailure {
            Terminal.complain(self.fullMessage(for: error))
            Foundation.exit(Failure.Kind.usage.rawValue)
        } catch {
            self.exit(withError: error)
        }
    }
}

/// The terminal of whoever called us.
enum Terminal {
    /// Writes a line to standard error.
    static func complain(_ line: String) {
        // Nobody is left to tell if this fails.
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Writes a line to standard output at once, also into a pipe.
    static func say(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
