import Coordinator
import Testing

@testable import triolet

struct BrokenRulesTests {
    private func peer(_ address: String) throws -> NodeConfiguration.Peer {
        let name = try #require(SocketName(address))
        return .init(listen: name, advertise: name, seeds: [], secret: nil)
    }

    @Test("A node keeps all rules unless the variable that breaks them is set")
    func kept() throws {
        #expect(try BrokenRules.asked(by: ["PATH": "/bin"], of: self.peer("10.0.0.1:7332")) == [])
    }

    @Test("Rules are broken on one machine alone")
    func oneMachine() throws {
        let asked = [BrokenRules.variable: BrokenRules.quorumOfOne]
        #expect(
            try BrokenRules.asked(by: asked, of: self.peer("127.0.0.1:7332"))
                == [.registerQuorumOfOne, .chunkQuorumOfOne]
        )
        for address in ["10.0.0.1:7332", "0.0.0.0:7332", "n1.example:7332"] {
            #expect(throws: Failure.self) {
                try BrokenRules.asked(by: asked, of: self.peer(address))
            }
        }
    }

    @Test("A value that nobody knows ends the start")
    func unknownValue() throws {
        for value in ["", "1", "true"] {
            #expect(throws: Failure.self) {
                try BrokenRules.asked(
                    by: [BrokenRules.variable: value],
                    of: self.peer("127.0.0.1:7332")
                )
            }
        }
    }
}
