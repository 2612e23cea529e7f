import Foundation

/// A text that must never reach a log line or an error message.
struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    init(_ text: String) { self.text = text }

    var description: String { "(secret)" }
    var debugDescription: String { self.description }
}

/// A file with one secret in it.
enum SecretFile {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// The first line, without blanks around it.
    ///
    /// A file that every user of the machine may read is refused: it holds no secret any more.
    static func read(_ path: String) throws(Refused) -> Secret {
        let text = try Self.wholeText(path)
        let line = text.split(separator: "\n", maxSplits: 1).first ?? ""
        let secret = line.trimmingCharacters(in: .whitespaces)
        guard !secret.isEmpty else { throw Refused(description: "\(path) is empty") }
        return Secret(secret)
    }

    /// All of a file that only its owner's people may read.
    static func wholeText(_ path: String) throws(Refused) -> String {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
            guard mode & 0o007 == 0 else {
                throw Refused(
                    description: "\(path) can be read by every user; run: chmod 600 \(path)"
                )
            }
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch let refused as Refused {
            throw refused
        } catch {
            throw Refused(description: "cannot read \(path): \(error.localizedDescription)")
        }
    }

    /// Creates the file, readable by its owner only.
    ///
    /// One that exists is replaced.
    static func create(_ path: String, _ text: String) throws {
        let created = FileManager.default.createFile(
            atPath: path,
            contents: Data((text + "\n").utf8),
            attributes: [.posixPermissions: NSNumber(value: 0o600)]
        )
        guard created else { throw Refused(description: "cannot create \(path)") }
    }

    /// As many characters, each of 62, drawn by the system's generator (5.95 bits each).
    static func random(_ count: Int) -> Secret {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var generator = SystemRandomNumberGenerator()
        return Secret(
            String((0..<count).map { _ in alphabet[Int.random(in: 0..<62, using: &generator)] })
        )
    }
}
