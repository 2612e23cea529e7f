import Configuration
import Foundation
import SystemPackage
import Yams

/// A value as somebody wrote it, and where.
struct GivenValue: Hashable, Sendable {
    let text: String
    /// "--peer-seeds", "TRIOLET_PEER_SEEDS" or "peer.seeds in triolet.yaml".
    let place: String
}

/// What the configuration is wrong about: everything, not only the first thing found.
struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    let complaints: [String]

    var description: String {
        let count = self.complaints.count
        return
            (["the configuration has \(count) mistake\(count == 1 ? "" : "s"):"]
            + self.complaints.map { "  - " + $0 }).joined(separator: "\n")
    }
}

/// The values that were given, the nearest source first: flags, environment, file.
///
/// Nothing here knows what a value means; unknown names are complaints.
struct SettingSources: Sendable {
    private(set) var values: [String: GivenValue] = [:]
    private(set) var complaints: [String] = []

    /// Flags are `--section-key value` or `--section-key=value`; of the environment only our names
    /// are looked at; without a `file` that of `TRIOLET_CONFIG` is read, if there is one.
    static func gather(
        flags: [String],
        environment: [String: String],
        file: String?
    ) async -> SettingSources {
        var sources = SettingSources()
        let flagged = sources.provider(flags: flags)
        let variables = sources.provider(environment: environment)
        let path = file ?? environment["TRIOLET_CONFIG"]
        var yaml: (any ConfigProvider)?
        if let path { yaml = await sources.provider(file: path) }
        sources.take(from: flagged) { setting, _ in setting.flag }
        sources.take(from: variables) { _, name in name }
        if let path, let yaml {
            sources.take(from: yaml) { setting, _ in "\(setting.key) in \(path)" }
        }
        return sources
    }

    // MARK: One source each

    private mutating func provider(flags: [String]) -> InMemoryProvider {
        let settings = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.flag, $0) })
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var rest = flags[...]
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(parts[0])
            guard let setting = settings[flag] else {
                self.complain(unknown: flag, "flag", among: settings.keys.sorted())
                // Its value, if it looks like one, is not a mistake of its own.
                if parts.count == 1, let next = rest.first, !next.hasPrefix("--") {
                    rest.removeFirst()
                }
                continue
            }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                self.complaints.append("\(flag) needs a value (\(setting.values))")
                continue
            }
            let content: ConfigContent =
                setting.kind == .list ? .stringArray(Self.items(value)) : .string(value)
            values[Self.key(setting)] = ConfigValue(content, isSecret: setting.isSecret)
        }
        return InMemoryProvider(name: "flags", values: values)
    }

    private mutating func provider(environment: [String: String]) -> some ConfigProvider {
        let known = Setting.all.map(\.variable)
        for name in environment.keys.sorted()
        where name.hasPrefix("TRIOLET_") && name != "TRIOLET_CONFIG" && !known.contains(name) {
            self.complain(unknown: name, "environment variable", among: known)
        }
        var environment = environment
        if let bucket = environment["S3_BUCKET"], environment["TRIOLET_BUCKETS"] == nil {
            environment["TRIOLET_BUCKETS"] = bucket
        }
        return EnvironmentVariablesProvider(environmentVariables: environment)
            .prefixKeys(with: "triolet")
    }

    private mutating func provider(file path: String) async -> (any ConfigProvider)? {
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            guard let root = try Yams.compose(yaml: text) else { return nil }
            guard let mapping = root.mapping else {
                self.complaints.append("\(path): settings expected, as in \"node: { name: n1 }\"")
                return nil
            }
            for key in Self.keys(of: mapping) where !Setting.keys.contains(key) {
                self.complain(unknown: key, "setting in \(path)", among: Setting.keys.sorted())
            }
            return try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))
        } catch let error as YamlError {
            self.complaints.append("\(path): \(error)")
        } catch {
            self.complaints.append("cannot read \(path): \(error.localizedDescription)")
        }
        return nil
    }

    // MARK: Reading

    private mutating func take(
        from provider: any ConfigProvider,
        place: (Setting, _ encodedKey: String) -> String
    ) {
        for setting in Setting.all where self.values[setting.key] == nil {
            let isList = setting.kind == .list
            do {
                let found = try provider.value(
                    forKey: Self.key(setting),
                    type: isList ? .stringArray : .string
                )
                let text: String? =
                    switch found.value?.content {
                    case .string(let text): text
                    case .stringArray(let items): items.joined(separator: ",")
                    default: nil
                    }
                guard let text else { continue }
                self.values[setting.key] = GivenValue(
                    text: text,
                    place: place(setting, found.encodedKey)
                )
            } catch {
                let wanted = isList ? "a list, as in [a, b]" : "one value"
                self.complaints.append("\(place(setting, setting.variable)): \(wanted) expected")
            }
        }
    }

    private mutating func complain(unknown name: String, _ what: String, among names: [String]) {
        let nearest = NearestName.of(name, among: names)
        self.complaints.append(
            "unknown \(what): \(name)" + (nearest.map { "; did you mean \($0)?" } ?? "")
        )
    }

    private static func key(_ setting: Setting) -> AbsoluteConfigKey {
        AbsoluteConfigKey(setting.key.split(separator: ".").map(String.init))
    }

    /// The dotted names of all leaves.
    private static func keys(of mapping: Node.Mapping, under prefix: String = "") -> [String] {
        mapping.flatMap { name, value -> [String] in
            let key = prefix + (name.string ?? "?")
            if let inner = value.mapping { return self.keys(of: inner, under: key + ".") }
            return [key]
        }
    }

    static func items(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }
}

extension Setting {
    var isSecret: Bool { self.kind == .secret }
}
