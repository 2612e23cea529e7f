import S3Protocol
import Testing

@testable import LoadGenerator

/// Runs against a store in memory, and against such as do something wrong.
struct LoadRunTests {
    private struct Outcome {
        var results: [LoadResult] = []
        var errors: [LoadError] = []

        func result(_ operation: String) throws -> LoadResult {
            try #require(self.results.first { $0.operation == operation })
        }
    }

    private static func run(
        _ flaw: FakeStore.Flaw,
        _ workloads: [String]
    ) async throws -> Outcome {
        var outcome = Outcome()
        try await FakeStore.run(flaw) { port in
            var settings = LoadSettings(
                origins: [LoadOrigin(host: "127.0.0.1", port: port)],
                identity: LoadIdentity(
                    accessKey: "key",
                    secret: SecretKey("secret"),
                    region: "us-east-1"
                )
            )
            settings.keepsBucket = true
            settings.time = .seconds(60)
            settings.operations = 40
            try await LoadRun(settings).run(workloads.compactMap { Workload($0) { UInt64($0) } }) {
                outcome.results.append($0)
                outcome.errors += $1
            }
        }
        return outcome
    }

    @Test("A store without a flaw has as many operations as were asked for, and no error")
    func flawless() async throws {
        let workloads = [
            "put:1000:4", "get:1000:4", "head:1000:2", "copy:1000:3", "delete:1000:2",
            "mix:100:4:put=1+get=2+head=1+copy=1", "list:50:1:3", "put:200000:2:4",
            "get:200000:2:8",
        ]
        let outcome = try await Self.run(.none, workloads)
        #expect(outcome.errors == [])
        for result in outcome.results { #expect(result.errors == 0, "\(result.workload)") }
        for operation in ["put", "get", "head", "copy", "delete", "mix"] {
            #expect(try outcome.result(operation).operations == 40, "\(operation)")
        }
        let apart = outcome.results.filter { $0.operation.hasPrefix("mix/") }
        #expect(apart.map(\.operations).reduce(0, +) == 40)
        let list = try outcome.result("list")
        #expect(list.operations == 3)
        #expect(list.keys == 150)
        let large = try #require(outcome.results.last)
        #expect(large.operations == 8)
        #expect(large.p50Milliseconds <= large.p99Milliseconds)
        #expect(large.p99Milliseconds <= large.maxMilliseconds)
    }

    @Test(
        "A body with another bit, or without its last byte, is an error",
        arguments: [true, false]
    )
    func wrongBytes(isShort: Bool) async throws {
        let outcome = try await Self.run(isShort ? .shortBodies : .wrongBit, ["get:1000:2"])
        let get = try outcome.result("get")
        #expect(get.operations == 0)
        #expect(get.errors == 40)
        #expect(outcome.errors.allSatisfy { $0.description.contains("WRONG BYTES") })
    }

    @Test("What was put is read back: a flaw is an error of the put, too")
    func readBack() async throws {
        let put = try await Self.run(.wrongBit, ["put:1000:2"]).result("put")
        #expect(put.operations == 40)
        #expect(put.errors == 8)
    }

    @Test("A copy that fails after the status 200 is an error")
    func failedCopies() async throws {
        let copy = try await Self.run(.failedCopies, ["copy:1000:2"]).result("copy")
        #expect(copy.operations == 0)
        #expect(copy.errors >= 40)
    }

    @Test("A list without one of its keys is an error")
    func missingKey() async throws {
        let list = try await Self.run(.missingKey, ["list:50:1:2"]).result("list")
        #expect(list.errors == 2)
    }

    @Test("Refusals are counted, and the operations around them as well")
    func refusals() async throws {
        let outcome = try await Self.run(.refusals, ["put:1000:1:5"])
        let put = try outcome.result("put")
        // One request makes the bucket; of the next nine requests five are puts.
        #expect(put.operations == 5)
        let later = try await Self.run(.refusals, ["put:1000:1:30"]).result("put")
        #expect(later.operations == 27)
        #expect(later.errors >= 3)
    }
}
