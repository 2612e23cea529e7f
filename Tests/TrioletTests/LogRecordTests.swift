import Foundation
import Logging
import Synchronization
import Testing

@testable import triolet

struct LogRecordTests {
    private func lines(
        _ format: LineLogHandler.Format,
        _ log: (Logger) -> Void
    ) -> [String] {
        let lines = Mutex<[String]>([])
        let output = LogOutput { line in lines.withLock { $0.append(line) } }
        log(
            Logger(label: "triolet.peering") { label in
                LineLogHandler(
                    label: label,
                    node: "n1",
                    format: format,
                    level: .info,
                    output: output
                )
            }
        )
        return lines.withLock { $0 }
    }

    @Test("One event is one line of JSON with the fields that operators filter by")
    func json() throws {
        let lines = self.lines(.json) { logger in
            logger.debug("not wanted")
            logger.info(
                "copy committed",
                metadata: ["bytes_in": "42", "bucket": "a\"b\n\u{1B}[31m", "code": "007"]
            )
        }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(!line.contains("\n"))
        #expect(!line.contains("\u{1B}"))
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let fields = try #require(object)
        #expect(fields["msg"] as? String == "copy committed")
        #expect(fields["level"] as? String == "info")
        #expect(fields["node"] as? String == "n1")
        #expect(fields["component"] as? String == "peering")
        #expect(fields["bytes_in"] as? Int == 42)
        #expect(fields["code"] as? String == "007")
        #expect(fields["bucket"] as? String == "a\"b\n\u{1B}[31m")
        let timestamp = try #require(fields["ts"] as? String)
        #expect(timestamp.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
    }

    @Test("A console line cannot be forged by what a client sends")
    func console() throws {
        let lines = self.lines(.console) { logger in
            logger.warning("refused", metadata: ["key": "x\n12:00 info fake\u{1B}[2J"])
        }
        let line = try #require(lines.first)
        #expect(line.contains("warning peering     refused  key=x?12:00 info fake?[2J"))
    }

    @Test("The same event keeps the logger's metadata unless it says otherwise")
    func metadata() throws {
        let lines = self.lines(.json) { logger in
            var logger = logger
            logger[metadataKey: "request_id"] = "1"
            logger[metadataKey: "op"] = "get"
            logger.error("failed", metadata: ["op": "put"])
        }
        #expect(lines.first?.contains("\"op\":\"put\",\"request_id\":1") == true)
    }
}
