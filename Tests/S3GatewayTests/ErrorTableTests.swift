import Coordinator
import Foundation
import S3Protocol
import Testing

@testable import S3Gateway

/// The page of errors and the code say the same.
struct ErrorTableTests {
    private func rows() throws -> [[String]] {
        let page = URL(filePath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/s3/errors.md")
        return try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| `") }
            .map { line in
                line.split(separator: "|").map {
                    String($0).trimmingCharacters(in: CharacterSet(charactersIn: " `"))
                }
            }
    }

    @Test("Every code is listed with its status, and no other")
    func codes() throws {
        let listed = try self.rows().filter { $0.count == 3 }.map { "\($0[0]) \($0[1])" }
        let known = S3Error.Code.allCases.map { "\($0.rawValue) \($0.status)" }
        #expect(listed.sorted() == known.sorted())
    }

    @Test("Every error of the cluster has one row, and the code agrees")
    func clusterErrors() throws {
        let listed = try self.rows().filter { $0.count == 4 }.map { Array($0[...2]) }
        let known = ClusterError.Code.allCases.map { code in
            let error = S3Error(ClusterError(code, "test"), about: ErrorSubject())
            return [code.rawValue, error.code.rawValue, "\(error.status)"]
        }
        #expect(listed.sorted { $0[0] < $1[0] } == known.sorted { $0[0] < $1[0] })
    }

    @Test("What nobody can do anything about is not told as a wish to come back")
    func retries() {
        for code in ClusterError.Code.allCases {
            let error = S3Error(ClusterError(code, "test"), about: ErrorSubject())
            let isRetryable = [
                .busy, .quorumUnavailable, .notReady, .storageFull, .cancelled, .versionGone,
            ].contains(code)
            #expect(error.isOverload == isRetryable, "\(code)")
        }
    }
}
