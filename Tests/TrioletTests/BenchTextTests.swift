import LoadGenerator
import Testing

@testable import triolet

struct BenchTextTests {
    @Test(
        "Numbers have three digits that matter",
        arguments: [
            (0, "0"), (0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"),
            (123_456, "123456"),
        ] as [(Double, String)]
    )
    func numbers(value: Double, text: String) {
        #expect(BenchText.number(value) == text)
    }

    @Test("Sizes of workloads are read as everywhere on the command line")
    func sizes() {
        #expect(Workload("put:64KiB:4", bytes: Amount.bytes)?.size == 65_536)
        #expect(Workload("put:64:4", bytes: Amount.bytes)?.size == 64)
        #expect(Workload("put:64K:4", bytes: Amount.bytes) == nil)
    }
}
