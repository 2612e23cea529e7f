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

    @Test(
        "What makes no sense is refused with its line",
        arguments: [
            "at 5 s murder n2", "at 5 s kill n4", "at 5 kill n2", "from 5 s delay n1 -> n2 by 1 s",
            "at 5 s kill n2 n3", "at 5 s flip 3 bits in letters of n1", "on 5 s kill n1", "at",
        ]
    )
    func refusals(line: String) {
        #expect(throws: ScenarioError.self) { try Scenario(parsing: "# Title\n\n" + line) }
        do {
            _ = try Scenario(parsing: "# Title\n\n" + line)
        } catch { #expect(error.line == 3) }
    }
}
