import Foundation
import Logging

/// The root key of a node to which none was given: made once, kept in its data directory.
enum RootKeyFile {
    static let name = "root_key"

    /// Reads the key, or makes one.
    ///
    /// The file has two lines, access key and secret key, and is readable by its owner only.
    static func readOrCreate(in directory: String) throws -> NodeConfiguration.RootKey {
        let path = directory + "/" + self.name
        if !FileManager.default.fileExists(atPath: path) {
            try SecretFile.create(path, self.newAccessKey() + "\n" + SecretFile.random(40).text)
            Logger(label: "triolet.node")
                .notice("root key generated", metadata: ["file": "\(path)"])
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        guard lines.count == 2 else {
            throw Failure("\(path) should have two lines, access key and secret key")
        }
        return .init(accessKey: lines[0], secretKey: Secret(lines[1]))
    }

    /// 20 capital letters and digits that start with "TRIO".
    static func newAccessKey() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var generator = SystemRandomNumberGenerator()
        let rest = (0..<16).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }
        return "TRIO" + String(rest)
    }
}
