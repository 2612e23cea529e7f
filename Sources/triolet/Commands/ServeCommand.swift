import ArgumentParser
import Coordinator
import Foundation
import Logging
import NIOCore
import NIOPosix

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run one node until SIGTERM or SIGINT.",
        discussion: SettingsTable.help()
    )

    @OptionGroup var options: NodeOptions

    func run() async throws {
        // Before anything waits: tasks and sockets share their threads from now on, and no reply
        // has to wake another thread up (docs/decisions/0003-one-executor.md).
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        var configuration = try await self.options.load()
        let broken = try BrokenRules.asked(
            by: ProcessInfo.processInfo.environment,
            of: configuration.peer
        )
        configuration.coordinator.sabotage = broken
        configuration.log.bootstrap(node: configuration.node.name)
        BrokenRules.warn(of: broken, Logger(label: "triolet.node"))
        try await NodeProcess.run(configuration)
    }
}
