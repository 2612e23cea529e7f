import ArgumentParser
import Foundation

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check a node's configuration, or list all settings.",
        subcommands: [Check.self, Settings.self]
    )

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the configuration as serve would, and report all mistakes."
        )

        @OptionGroup var options: NodeOptions

        func run() async throws {
            let configuration = try await self.options.load()
            print("fine: node \(configuration.node.name), \(configuration.peer.seeds.count) seeds")
        }
    }

    struct Settings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print all settings as Markdown tables."
        )

        func run() async throws { print(SettingsTable.markdown(), terminator: "") }
    }
}

/// How a node's configuration is given on the command line.
struct NodeOptions: ParsableArguments {
    @Option(help: "YAML file with settings. Default: that of TRIOLET_CONFIG, if set.")
    var config: String?

    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp("Settings as flags.", valueName: "--section-key value")
    )
    var settings: [String] = []

    func load() async throws -> NodeConfiguration {
        do throws(ConfigurationError) {
            return try await NodeConfiguration.load(
                flags: self.settings,
                environment: ProcessInfo.processInfo.environment,
                file: self.config
            )
        } catch {
            throw Failure("\(error)", .usage)
        }
    }
}
