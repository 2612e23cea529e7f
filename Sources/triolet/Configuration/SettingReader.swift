import Coordinator
import StoreModel

/// Turns given values into typed ones, and collects what is wrong with them.
struct SettingReader {
    private let values: [String: GivenValue]
    private(set) var complaints: [String]

    init(_ sources: SettingSources) {
        self.values = sources.values
        self.complaints = sources.complaints
    }

    mutating func complain(_ complaint: String) { self.complaints.append(complaint) }

    func isGiven(_ key: String) -> Bool { self.values[key] != nil }

    /// The given text, or nil if the setting was left alone.
    func given(_ key: String) -> String? { self.values[key]?.text }

    /// The given text or the default.
    func text(_ key: String) -> String { self.given(key) ?? Self.setting(key).standard }

    func list(_ key: String) -> [String] {
        let text = self.text(key)
        return text.hasPrefix("[") ? [] : SettingSources.items(text)
    }

    mutating func count(_ key: String) -> Int? {
        guard case .count(let range) = Self.setting(key).kind else { Self.wrongKind(key) }
        return self.value(key) {
            Int($0)
        } isFine: {
            range.contains($0)
        }
    }

    mutating func size(_ key: String) -> UInt64? {
        guard case .size(let range) = Self.setting(key).kind else { Self.wrongKind(key) }
        return self.value(key) {
            Amount.bytes($0)
        } isFine: {
            range.contains($0)
        }
    }

    /// The largest number for "none".
    mutating func limit(_ key: String) -> UInt64? {
        guard case .limit(let range) = Self.setting(key).kind else { Self.wrongKind(key) }
        return self.value(key) {
            $0 == "none" ? .max : Amount.bytes($0)
        } isFine: {
            $0 == .max || range.contains($0)
        }
    }

    mutating func duration(_ key: String) -> Duration? {
        guard case .duration(let range) = Self.setting(key).kind else { Self.wrongKind(key) }
        return self.value(key) {
            Amount.duration($0)
        } isFine: {
            range.contains($0)
        }
    }

    mutating func choice(_ key: String) -> String? {
        guard case .choice(let choices) = Self.setting(key).kind else { Self.wrongKind(key) }
        return self.value(key) {
            $0
        } isFine: {
            choices.contains($0)
        }
    }

    mutating func address(_ key: String) -> SocketName? {
        self.value(key) {
            SocketName($0)
        } isFine: { _ in
            true
        }
    }

    /// A secret given as such or, better, in a file.
    mutating func secret(_ key: String, file fileKey: String) -> Secret? {
        if let text = self.given(key), !text.isEmpty { return Secret(text) }
        guard let file = self.values[fileKey] else { return nil }
        do throws(SecretFile.Refused) {
            return try SecretFile.read(file.text)
        } catch {
            self.complain("\(file.place): \(error)")
            return nil
        }
    }

    /// nil if nothing was given and there is no default, or after a complaint.
    private mutating func value<Value>(
        _ key: String,
        read: (String) -> Value?,
        isFine: (Value) -> Bool
    ) -> Value? {
        let setting = Self.setting(key)
        guard let given = self.values[key] else {
            guard !setting.standard.hasPrefix("[") else { return nil }
            guard let value = read(setting.standard), isFine(value) else {
                preconditionFailure("The default of \(key) is not valid: \(setting.standard)")
            }
            return value
        }
        if let value = read(given.text), isFine(value) { return value }
        self.complain("\(given.place): \"\(given.text)\" is not valid (\(setting.values))")
        return nil
    }

    private static func setting(_ key: String) -> Setting {
        guard let setting = Setting.all.first(where: { $0.key == key }) else {
            preconditionFailure("No such setting: \(key)")
        }
        return setting
    }

    private static func wrongKind(_ key: String) -> Never {
        preconditionFailure("\(key) is read as another kind than it has.")
    }
}

/// A host and a port.
struct SocketName: Hashable, Sendable, CustomStringConvertible {
    let host: String
    let port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// "10.0.0.1:7330", "[::1]:7330" or "node1.example:7330".
    init?(_ text: String) {
        guard
            let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { return nil }
        self.init(host: String(host), port: port)
    }

    var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    /// Stands for all interfaces, so nobody can connect to it by this name.
    var isWildcard: Bool { self.host == "0.0.0.0" || self.host == "::" }
}
