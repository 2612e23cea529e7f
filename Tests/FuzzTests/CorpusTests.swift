import Foundation
import Testing

/// What the fuzz targets have been given to start from, and what has ever been found by them.
struct CorpusTests {
    /// Longest input that is kept, in bytes.
    private static let fileBytesMax = 64 << 10

    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Corpus")

    /// The inputs of a target, by the names of their files.
    private static func inputs(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let directory = Self.corpus.appendingPathComponent(target.name)
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
            .map { ($0, Array(try Data(contentsOf: directory.appendingPathComponent($0)))) }
    }

    @Test("Every input that is kept leaves its target's promises whole", arguments: FuzzTarget.all)
    func replay(target: FuzzTarget) throws {
        let inputs = try Self.inputs(target)
        #expect(inputs.count >= 3, "There is something to start from.")
        for (name, bytes) in inputs {
            #expect(bytes.count <= Self.fileBytesMax, "\(name) is small")
            #expect(throws: Never.self, "\(name)") { try target.check(bytes) }
        }
    }

    @Test("Any beginning of an input that is kept does, too", arguments: FuzzTarget.all)
    func cutOff(target: FuzzTarget) throws {
        for (name, bytes) in try Self.inputs(target) {
            for count in stride(from: 0, to: min(bytes.count, 4_096), by: 61) {
                #expect(throws: Never.self, "\(name), \(count) bytes") {
                    try target.check(Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test("Every directory of inputs has a target")
    func directories() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path)
        #expect(names.sorted() == FuzzTarget.all.map(\.name).sorted())
    }
}

extension FuzzTarget: CustomTestStringConvertible {
    var testDescription: String { self.name }
}
