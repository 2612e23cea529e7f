import AdminAPI
import StoreModel
import Testing

@testable import triolet

struct CopyTextTests {
    @Test("A copy is one line: what, how far, who has what, and how it ended")
    func line() {
        var copy = CopiesReport.Copy(
            id: "0123456789abcdef",
            source: "photos/cat.jpg",
            target: "backup/cat.jpg",
            state: .running
        )
        copy.part = 7
        copy.mode = "independent"
        (copy.chunks, copy.chunksDone) = (8, 3)
        (copy.bytes, copy.bytesDone, copy.bytesMoved) = (32 << 20, 12 << 20, 4 << 20)
        copy.nodes = [
            .init(id: "aa", name: "n1", chunks: 3, bytesMoved: 0),
            .init(id: "bbbbbbbbbb", name: "", chunks: 2, bytesMoved: 4 << 20),
        ]
        copy.ageSeconds = 0.412
        #expect(
            CopyText.line(copy)
                == "01234567  photos/cat.jpg -> backup/cat.jpg part 7  running, independent, "
                + "3 of 8 chunks, 12.0 MiB of 32.0 MiB, 4.0 MiB moved (n1 3, bbbbbbbb 2), 0.412 s"
        )
        copy.state = .failed
        copy.retries = 2
        copy.error = "storageFull"
        #expect(CopyText.line(copy).contains("2 retries"))
        #expect(CopyText.line(copy).hasSuffix(": storageFull"))
        #expect(CopyText.lines(CopiesReport(copies: [])) == ["no copies"])
    }
}
