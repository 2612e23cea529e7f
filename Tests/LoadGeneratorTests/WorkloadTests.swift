import Testing

@testable import LoadGenerator

struct WorkloadTests {
    private func workload(_ text: String) -> Workload? {
        Workload(text) { size in
            size.hasSuffix("KiB") ? UInt64(size.dropLast(3)).map { $0 << 10 } : UInt64(size)
        }
    }

    @Test("A workload names an operation, a size, clients and a count")
    func forms() throws {
        let put = try #require(self.workload("put:64KiB:16:500"))
        #expect(put.operation == .put)
        #expect(put.size == 65_536)
        #expect(put.clients == 16)
        #expect(put.count == 500)
        #expect(put.description == "put:64KiB:16:500")
        let list = try #require(self.workload("list-folder:1000"))
        #expect(list.operation == .listFolder)
        #expect(list.size == 1_000)
        #expect(list.clients == 1)
        #expect(list.count == nil)
    }

    @Test("A mix names the share of each operation")
    func mix() throws {
        let mix = try #require(self.workload("mix:1KiB:8:put=1+get=6+copy=2:300"))
        #expect(mix.shares.map(\.operation) == [.put, .get, .copy])
        #expect(mix.shares.map(\.weight) == [1, 6, 2])
        #expect(mix.clients == 8)
        #expect(mix.count == 300)
    }

    @Test(
        "What is no workload is refused",
        arguments: [
            "", "put", "put:", "put:1KB", "steal:1KiB", "put:1KiB:0", "put:1KiB:2000",
            "put:1KiB:1:0", "put:1KiB:1:x", "put:1KiB:1:1:1", "mix:1KiB:1", "mix:1KiB:1:put",
            "mix:1KiB:1:put=0", "mix:1KiB:1:list=1", "mix:1KiB:1:put=1+",
        ]
    )
    func refused(text: String) {
        #expect(self.workload(text) == nil)
    }
}
