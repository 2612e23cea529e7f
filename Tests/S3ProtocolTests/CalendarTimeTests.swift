import S3Protocol
import TestSupport
import Testing

struct CalendarTimeTests {
    @Test("Known seconds have known names")
    func known() {
        let time = CalendarTime(seconds: 784_111_777)
        #expect(time.httpDate == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(time.iso8601 == "1994-11-06T08:49:37.000Z")
        #expect(time.basic == "19941106T084937Z")
        #expect(CalendarTime(seconds: 951_782_400).httpDate == "Tue, 29 Feb 2000 00:00:00 GMT")
        #expect(CalendarTime(seconds: -1).iso8601 == "1969-12-31T23:59:59.000Z")
    }

    @Test(
        "The three forms of an HTTP date are one time",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ]
    )
    func forms(text: String) {
        #expect(CalendarTime(httpDate: text)?.seconds == 784_111_777)
    }

    @Test("Any second survives being written and read", arguments: UInt64(0)..<128)
    func roundTrip(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let time = CalendarTime(
            seconds: Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)
        )
        #expect(CalendarTime(httpDate: time.httpDate) == time)
        #expect(CalendarTime(basic: time.basic) == time)
    }

    @Test(
        "What is no date is nil",
        arguments: [
            "", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ]
    )
    func malformed(text: String) {
        #expect(CalendarTime(httpDate: text) == nil)
        #expect(CalendarTime(basic: text) == nil)
    }
}
