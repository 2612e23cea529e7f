/// One setting: its name, its values, and how to choose one.
///
/// The list of all settings is the only place that knows their names: flags, environment variables,
/// the help text and docs/operations/configuration.md follow from it.
struct Setting: Sendable {
    /// How the text of a value is read.
    enum Kind: Sendable, Hashable {
        case text
        case secret
        case path
        /// A host and a port, "10.0.0.1:7330".
        case address
        /// In YAML a list, elsewhere separated by commas.
        case list
        case count(ClosedRange<Int>)
        /// In bytes.
        case size(ClosedRange<UInt64>)
        /// In bytes, or "none".
        case limit(ClosedRange<UInt64>)
        case duration(ClosedRange<Duration>)
        case choice([String])
    }

    /// Section and name as in the YAML file: "peer.secret_file".
    let key: String
    let kind: Kind
    /// The value used when none is given, or in brackets what is done instead.
    let standard: String
    /// What it is, and how to choose it.
    let help: String

    init(_ key: String, _ kind: Kind, _ standard: String, _ help: String) {
        self.key = key
        self.kind = kind
        self.standard = standard
        self.help = help
    }

    /// "--peer-secret-file".
    var flag: String { "--" + self.key.map { $0 == "." || $0 == "_" ? "-" : String($0) }.joined() }

    /// "TRIOLET_PEER_SECRET_FILE".
    var variable: String {
        "TRIOLET_" + self.key.map { $0 == "." ? "_" : $0.uppercased() }.joined()
    }

    private static func text(_ range: ClosedRange<UInt64>) -> String {
        Amount.setting(bytes: range.lowerBound) + " to " + Amount.setting(bytes: range.upperBound)
    }

    /// The values it takes, for people.
    var values: String {
        switch self.kind {
        case .text, .secret: "text"
        case .path: "path"
        case .address: "host:port"
        case .list: "list"
        case .count(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .size(let range): Self.text(range)
        case .limit(let range): Self.text(range) + ", or none"
        case .duration(let range):
            Amount.setting(range.lowerBound) + " to " + Amount.setting(range.upperBound)
        case .choice(let choices): choices.joined(separator: ", ")
        }
    }
}
