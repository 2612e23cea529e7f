import Dispatch
import Foundation
import Logging
import S3Gateway
import Synchronization
import Testing

@testable import triolet

struct LogRecordTests {
    private func lines(
        _ format: LineLogHandler.Format,
        _ log: (Logger) -> Void
    ) -> [String] {
        let lines = SentLines()
        let output = LogOutput(send: lines.take)
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
        output.flush()
        return lines.all
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

    private struct Request: LogFields {
        func forEach(_ body: (String, LogFieldValue) -> Void) {
            body("bucket", .text("42"))
            body("bytes_in", .number(18_446_744_073_709_551_615))
            body("key", .text("a\"b\n"))
            body("op", .text(""))
        }
    }

    @Test("Fields that come as one value are written one by one, in either format")
    func fields() throws {
        let log: (Logger) -> Void = { logger in
            logger.info(
                "request",
                metadata: ["request": .stringConvertible(Request()), "a": "1", "z": "2"]
            )
        }
        let json = try #require(self.lines(.json, log).first)
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        let fields = try #require(object)
        // What is text stays text, whatever it looks like.
        #expect(fields["bucket"] as? String == "42")
        #expect(fields["bytes_in"] as? UInt64 == .max)
        #expect(fields["key"] as? String == "a\"b\n")
        #expect(fields["a"] as? Int == 1)
        #expect(Set(fields.keys).isDisjoint(with: ["op", "request"]))
        let console = try #require(self.lines(.console, log).first)
        #expect(console.hasSuffix("  a=1  bucket=42  bytes_in=\(UInt64.max)  key=a\"b?  op=  z=2"))
    }
}

struct LogOutputTests {
    private static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    @Test("Lines that nobody waits for leave together, in order")
    func together() {
        let (lines, isOver) = (SentLines(), DispatchSemaphore(value: 0))
        let output = LogOutput(pause: { isOver.wait() }, send: lines.take)
        for number in 0..<100 { output.add(Self.line("\(number)"), isUrgent: false) }
        #expect(lines.sendings == 0)
        isOver.signal()
        lines.wait(for: 100)
        #expect(lines.sendings == 1)
        #expect(lines.all == (0..<100).map { "\($0)" })
    }

    @Test("An urgent line leaves at once, behind those before it")
    func urgent() {
        let (lines, isOver) = (SentLines(), DispatchSemaphore(value: 0))
        let output = LogOutput(pause: { isOver.wait() }, send: lines.take)
        output.add(Self.line("request"), isUrgent: false)
        output.add(Self.line("warning"), isUrgent: true)
        #expect(lines.all == ["request", "warning"])
        #expect(lines.sendings == 1)
        isOver.signal()
    }

    @Test("No more is held than the bound, and no line is lost at it")
    func bound() {
        let (lines, isOver) = (SentLines(), DispatchSemaphore(value: 0))
        let output = LogOutput(pause: { isOver.wait() }, send: lines.take)
        let text = String(repeating: "x", count: 1_023)
        let fitting = LogOutput.heldBytes / 1_024
        for _ in 0..<(fitting - 1) { output.add(Self.line(text), isUrgent: false) }
        #expect(lines.sendings == 0)
        output.add(Self.line(text), isUrgent: false)
        #expect(lines.all.count == fitting)
        isOver.signal()
    }
}

/// What a log has sent.
private final class SentLines: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var sendings = 0
    }

    private let state = Mutex(State())

    var take: @Sendable ([UInt8]) -> Void {
        { bytes in
            self.state.withLock { state in
                state.bytes += bytes
                state.sendings += 1
            }
        }
    }

    var sendings: Int { self.state.withLock { $0.sendings } }

    var all: [String] {
        self.state.withLock { $0.bytes }
            .split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    func wait(for count: Int) { while self.all.count < count { usleep(1_000) } }
}
