import StoreModel
import Testing

@testable import Peering

struct DialFailuresTests {
    private let address = PeerAddress(host: "10.0.0.2", port: 7_332)

    @Test("A failure that comes again and again is said less and less often")
    func rarer() {
        var failures = DialFailures()
        let said = (1...20).filter { _ in
            DialFailures.isWorthSaying(failures.count(self.address, nil, "silent"))
        }
        #expect(said == [1, 2, 4, 8, 16])
    }

    @Test("Another reason, another node expected there, and one after a success are said")
    func news() {
        var failures = DialFailures()
        for _ in 0..<3 { _ = failures.count(self.address, nil, "silent") }
        #expect(failures.count(self.address, NodeID(high: 1, low: 2), "silent") == 1)
        #expect(failures.count(self.address, nil, "wrong secret") == 1)
        for _ in 0..<3 { _ = failures.count(self.address, nil, "wrong secret") }
        failures.forget(self.address, nil)
        #expect(failures.count(self.address, nil, "wrong secret") == 1)
    }

    @Test("Failures of many addresses do not pile up")
    func bounded() {
        var failures = DialFailures()
        for port in 1...DialFailures.targetsMax {
            _ = failures.count(PeerAddress(host: "10.0.0.2", port: port), nil, "silent")
        }
        #expect(failures.count(PeerAddress(host: "10.0.0.2", port: 1), nil, "silent") == 2)
        _ = failures.count(PeerAddress(host: "10.0.0.3", port: 1), nil, "silent")
        #expect(failures.count(PeerAddress(host: "10.0.0.2", port: 1), nil, "silent") == 1)
    }
}
