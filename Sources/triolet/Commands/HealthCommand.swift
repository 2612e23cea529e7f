import ArgumentParser
import NIOCore
import S3Client

struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a node whether it is ready. Exit code 3 if it is not."
    )

    @Argument(help: "The node's admin address.")
    var admin = "127.0.0.1:7331"

    func run() async throws {
        guard let address = SocketName(self.admin) else {
            throw Failure("\(self.admin) is no address (host:port)", .usage)
        }
        var client = HTTPClient(HTTPOrigin(host: address.host, port: address.port))
        client.silenceMax = .seconds(10)
        let answer: (status: Int, text: String)
        do {
            answer = try await client.get("/health/ready")
        } catch {
            throw Failure("nothing answers at \(address)", .degraded)
        }
        Terminal.say(String(answer.text.prefix { $0 != "\n" }))
        guard answer.status == 200 else { throw ExitCode(Failure.Kind.degraded.rawValue) }
    }
}
