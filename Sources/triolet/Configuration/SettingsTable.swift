/// The list of settings as text: for `--help` and for docs/operations/configuration.md.
enum SettingsTable {
    /// One Markdown table per section.
    static func markdown() -> String {
        var lines: [String] = []
        var section: String?
        for setting in Setting.all {
            let own = setting.key.split(separator: ".").first.map(String.init) ?? setting.key
            if own != section {
                section = own
                lines += ["", "### \(own)", ""]
                lines += ["| Setting | Values | Default | What it is, and how to choose |"]
                lines += ["|---|---|---|---|"]
            }
            lines += [
                "| `\(setting.key)` | \(setting.values) | \(setting.standard) | \(setting.help) |"
            ]
        }
        return lines.dropFirst().joined(separator: "\n") + "\n"
    }

    /// One flag per line, with its default.
    static func help() -> String {
        let width = (Setting.all.map(\.flag.count).max() ?? 0) + 2
        let lines = Setting.all.map { setting in
            let gap = String(repeating: " ", count: width - setting.flag.count)
            return "  \(setting.flag)\(gap)\(setting.values); default: \(setting.standard)"
        }
        return """
            Every setting is a flag (--peer-seeds), an environment variable (TRIOLET_PEER_SEEDS) or
            a key of the YAML file (peer: { seeds: [...] }); the first that is given counts.

            """ + lines.joined(separator: "\n")
    }
}
