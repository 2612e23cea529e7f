import Testing

@testable import triolet_chaos

struct ScenarioTests {
    @Test("A scenario says what happens when")
    func reading() throws {
        let scenario = try Scenario(
            parsing: """
                # One node dies.
                nodes 4
                clients 2 pausing 5 ms
                disk n2 64 MiB
                at 9 s start n2
                at 5 s kill n2
                from 1.5 s to 3 s delay n1 <-> n3 by 200 ms
                at 4 s pause n1,n4 for 2 s
                at 8 s flip 20 bits in volumes of n2
                """
        )
        #expect(scenario.title == "One node dies.")
        #expect(scenario.nodes == 4 && scenario.clients == 2)
        #expect(scenario.disks == [2: .small(bytes: 64 << 20)])
        #expect(
            scenario.events.map(\.action) == [
                .link([Link(from: 1, to: 3), Link(from: 3, to: 1)], .delay(.milliseconds(200))),
                .pause([1, 4]), .kill([2]), .flip(bits: 20, .volumes, [2]), .start([2]),
            ]
        )
        #expect(scenario.events[1].until == .seconds(6))
    }

    @Test("Where nodes have networks of their own, only packets can be lost")
    func networks() throws {
        let scenario = try Scenario(
            parsing: """
                network own
                from 1 s to 2 s cut n1 -> n2
                from 1 s to 2 s lose n2 <-> n3 5 %
                """
        )
        #expect(scenario.hasNetworks)
        #expect(scenario.events.count == 2)
        for line in ["from 1 s to 2 s flip n1 -> n2 every 9 KiB", "at 1 s delay n1 -> n2 by 9 ms"] {
            #expect(throws: ScenarioError.self) {
                try Scenario(parsing: "network own\n" + line)
            }
            _ = try Scenario(parsing: line)
        }
        #expect(throws: ScenarioError.self) {
            try Scenario(parsing: "from 1 s to 2 s cut n1 -> n2\nnetwork own")
        }
    }

    @Test("A scenario says what is expected, and what comes short of it is told")
    func expectations() throws {
        let scenario = try Scenario(
            parsing: """
                clients 256
                tries 20
                patience 30 s
                set s3.requests 16
                expect only SlowDown
                expect SlowDown
                expect success
                expect memory below 250 MiB
                expect answers within 10 s
                """
        )
        #expect(scenario.tries == 20 && scenario.patience == .seconds(30))
        #expect(scenario.settings == ["s3.requests": "16"])
        var summary = RunSummary()
        summary.whys = ["SlowDown": 3]
        summary.answered = RunSummary.Latency([9_000_000_000])
        summary.memory = [Self.memory(most: 200, third: 150, fourth: 160)]
        #expect(scenario.expectations.flatMap { summary.failures($0) } == [])
        summary.whys = ["500 InternalError": 1]
        summary.errors = 1
        summary.answered = RunSummary.Latency([9_000_000_000, 11_000_000_000])
        summary.memory = [Self.memory(most: 251, third: 150, fourth: 170)]
        let failures = scenario.expectations.map { summary.failures($0).count }
        #expect(failures == [1, 1, 1, 2, 1])
    }

    /// In MiB.
    private static func memory(most: Int, third: Int, fourth: Int) -> MemoryWatch.Node {
        MemoryWatch.Node(
            node: 1,
            most: most << 20,
            mostAnonymous: 0,
            secondQuarter: 0,
            thirdQuarter: third << 20,
            fourthQuarter: fourth << 20
        )
    }

    @Test(
        "What makes no sense is refused with its line",
        arguments: [
            "at 5 s murder n2", "at 5 s kill n4", "at 5 kill n2", "from 5 s delay n1 -> n2 by 1 s",
            "at 5 s kill n2 n3", "at 5 s flip 3 bits in letters of n1", "on 5 s kill n1", "at",
            "expect miracles", "tries 0", "set s3.requests",
        ]
    )
    func refusals(line: String) {
        #expect(throws: ScenarioError.self) { try Scenario(parsing: "# Title\n\n" + line) }
        do {
            _ = try Scenario(parsing: "# Title\n\n" + line)
        } catch { #expect(error.line == 3) }
    }
}
