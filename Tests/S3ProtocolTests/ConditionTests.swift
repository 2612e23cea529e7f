import S3Protocol
import Testing

struct ConditionTests {
    private static let modified = CalendarTime(seconds: 1_700_000_000)
    private static let now = CalendarTime(seconds: 1_700_086_400)

    private func copying(_ headers: [(String, String)]) -> ReadConditions.Outcome {
        ReadConditions(
            copying: headers.map { HeaderField("x-amz-copy-source-if-\($0.0)", $0.1) }
        ).evaluate(etag: "abc", modified: Self.modified, now: Self.now)
    }

    private func date(_ offset: Int64) -> String {
        CalendarTime(seconds: Self.modified.seconds + offset).httpDate
    }

    private func name(_ condition: String) -> String { "x-amz-copy-source-If-\(condition)" }

    @Test("Case 59: if-match takes quoted, bare and any")
    func ifMatch() {
        for value in ["\"abc\"", "abc", "*", "\"x\", \"abc\""] {
            #expect(self.copying([("match", value)]) == .holds)
        }
        for value in ["\"x\"", "", "W/\"abc\""] {
            #expect(self.copying([("match", value)]) == .failed(self.name("Match")))
        }
    }

    @Test("Case 60: if-none-match")
    func ifNoneMatch() {
        for value in ["\"abc\"", "abc", "*", "W/\"abc\""] {
            #expect(self.copying([("none-match", value)]) == .notModified(self.name("None-Match")))
        }
        #expect(self.copying([("none-match", "\"x\"")]) == .holds)
    }

    @Test("Cases 61 and 62: times are compared in seconds, and the future does not count")
    func times() {
        #expect(
            self.copying([("unmodified-since", self.date(-86_400))])
                == .failed(self.name("Unmodified-Since"))
        )
        #expect(self.copying([("unmodified-since", self.date(0))]) == .holds)
        #expect(
            self.copying([("modified-since", self.date(0))])
                == .notModified(self.name("Modified-Since"))
        )
        #expect(self.copying([("modified-since", self.date(-60))]) == .holds)
        #expect(self.copying([("modified-since", self.date(2 * 86_400))]) == .holds)
        #expect(self.copying([("modified-since", "yesterday")]) == .holds)
    }

    @Test("Cases 63 to 65: the order of conditions, and which one is named")
    func order() {
        let early = self.date(-60)
        #expect(self.copying([("match", "abc"), ("unmodified-since", early)]) == .holds)
        #expect(
            self.copying([("none-match", "x"), ("unmodified-since", early)])
                == .failed(self.name("Unmodified-Since"))
        )
        var all = [
            ("match", "x"), ("unmodified-since", early), ("none-match", "abc"),
            ("modified-since", self.date(0)),
        ]
        #expect(self.copying(all) == .failed(self.name("Match")))
        all.removeFirst()
        #expect(self.copying(all) == .failed(self.name("Unmodified-Since")))
        all.removeFirst()
        #expect(self.copying(all) == .notModified(self.name("None-Match")))
        all.removeFirst()
        #expect(self.copying(all) == .notModified(self.name("Modified-Since")))
        #expect(self.copying([("none-match", "x"), ("modified-since", self.date(0))]) == .holds)
    }

    @Test("Cases 67 to 69: what a write may ask for")
    func target() throws {
        func condition(_ headers: [(String, String)]) throws -> TargetCondition {
            try TargetCondition(headers.map { HeaderField($0.0, $0.1) })
        }
        #expect(try condition([]) == .none)
        #expect(try condition([("If-None-Match", "*")]) == .absent)
        #expect(try condition([("If-Match", "\"abc\"")]) == .matches(etag: "abc"))
        for (headers, name) in [
            ([("If-None-Match", "\"abc\"")], "If-None-Match"), ([("If-Match", "*")], "If-Match"),
            ([("If-Match", "a"), ("If-None-Match", "*")], "If-Match,If-None-Match"),
        ] {
            let error = #expect(throws: S3Error.self) { try condition(headers) }
            #expect(error?.code == .notImplemented)
            #expect(error?.elements.first == .init("Header", name))
        }
    }

    @Test("One range is understood; others give the whole")
    func range() {
        func resolve(_ text: String, _ size: UInt64 = 10) -> Range<UInt64>?? {
            ByteRange(parsing: text).map { $0.resolved(size: size) }
        }
        #expect(resolve("bytes=0-0") == .some(0..<1))
        #expect(resolve("bytes=3-") == .some(3..<10))
        #expect(resolve("bytes=3-99") == .some(3..<10))
        #expect(resolve("bytes=-4") == .some(6..<10))
        #expect(resolve("bytes=-99") == .some(0..<10))
        #expect(resolve("bytes=0-18446744073709551615") == .some(0..<10))
        for text in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            #expect(resolve(text) == .some(nil))
        }
        #expect(resolve("bytes=0-", 0) == .some(nil))
        for text in [
            "bytes=", "bytes=-", "bytes=2-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b",
            "bytes=0-99999999999999999999", "bytes=+1-2", "bytes=1--2",
        ] { #expect(resolve(text) == nil, "\(text)") }
    }
}
