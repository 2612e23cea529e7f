import ArgumentParser

struct EnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Print what points a client at the local cluster.",
        discussion: "For aws, boto3 and most others:  eval \"$(triolet env)\""
    )

    @OptionGroup var place: ClusterCommand.Place

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "The client: \(ClientSettings.names.joined(separator: ", ")).",
            valueName: "client"
        )
    )
    var client = "aws"

    @Option(help: "Number of the node to talk to.")
    var node = 1

    func run() async throws {
        let cluster = try self.place.open()
        try cluster.check(self.node)
        let settings = ClientSettings(
            address: cluster.plan.s3(self.node),
            region: "us-east-1",
            key: cluster.root
        )
        guard let text = settings.text(for: self.client) else {
            let nearest = NearestName.of(self.client, among: ClientSettings.names)
            throw Failure(
                "unknown client \(self.client)" + (nearest.map { "; did you mean \($0)?" } ?? ""),
                .usage
            )
        }
        Terminal.say(text)
    }
}

/// How well-known clients are pointed at a node.
struct ClientSettings: Sendable {
    static let names = ["aws", "rclone", "s3cmd", "restic", "duckdb", "terraform"]

    let address: SocketName
    let region: String
    let key: NodeConfiguration.RootKey

    /// nil for a client that we do not know.
    func text(for client: String) -> String? {
        let (access, secret) = (self.key.accessKey, self.key.secretKey.text)
        let keys = """
            export AWS_ACCESS_KEY_ID=\(access)
            export AWS_SECRET_ACCESS_KEY=\(secret)
            """
        switch client {
        case "aws":
            return """
                \(keys)
                export AWS_DEFAULT_REGION=\(self.region)
                export AWS_ENDPOINT_URL=http://\(self.address)
                """
        case "rclone":
            let values = [
                ("TYPE", "s3"), ("PROVIDER", "Other"), ("ENDPOINT", "http://\(self.address)"),
                ("ACCESS_KEY_ID", access), ("SECRET_ACCESS_KEY", secret), ("REGION", self.region),
            ]
            return values.map { "export RCLONE_CONFIG_TRIOLET_\($0.0)=\($0.1)" }
                .joined(separator: "\n") + "\n# then: rclone ls triolet:BUCKET"
        case "s3cmd":
            return """
                # for ~/.s3cfg, or a file given as: s3cmd --config=FILE
                [default]
                access_key = \(access)
                secret_key = \(secret)
                host_base = \(self.address)
                host_bucket = \(self.address)
                bucket_location = \(self.region)
                use_https = False
                """
        case "restic":
            return """
                \(keys)
                export RESTIC_REPOSITORY=s3:http://\(self.address)/restic
                # then: restic init
                """
        case "duckdb":
            return """
                CREATE SECRET (TYPE s3, KEY_ID '\(access)', SECRET '\(secret)',
                    ENDPOINT '\(self.address)', REGION '\(self.region)',
                    URL_STYLE 'path', USE_SSL false);
                """
        case "terraform":
            return """
                terraform {
                  backend "s3" {
                    bucket                      = "terraform"
                    key                         = "terraform.tfstate"
                    region                      = "\(self.region)"
                    access_key                  = "\(access)"
                    secret_key                  = "\(secret)"
                    endpoints                   = { s3 = "http://\(self.address)" }
                    use_path_style              = true
                    use_lockfile                = true
                    skip_credentials_validation = true
                    skip_requesting_account_id  = true
                    skip_metadata_api_check     = true
                    skip_region_validation      = true
                  }
                }
                """
        default: return nil
        }
    }
}
