/// A second in UTC, in the forms that S3 and HTTP write it.
///
/// Years 1 to 9999 of the Gregorian calendar; no leap seconds.
package struct CalendarTime: Hashable, Comparable, Sendable {
    /// Since 1970-01-01 00:00:00 UTC; may be negative.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    package static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }

    /// - Returns: nil if there is no such day or time.
    init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard
            (1...9_999).contains(year), (1...12).contains(month),
            (1...Self.days(in: month, of: year)).contains(day),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        let days = Self.daysSince1970(year, month, day)
        self.seconds = Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + min(second, 59))
    }

    struct Fields {
        var year, month, day, hour, minute, second: Int
        /// 0 is Sunday.
        var weekday: Int
    }

    /// Taken apart.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    var fields: Fields {
        let days = Int(self.seconds >= 0 ? self.seconds / 86_400 : (self.seconds - 86_399) / 86_400)
        let rest = Int(self.seconds - Int64(days) * 86_400)
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return Fields(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
            month: month,
            day: dayOfYear - (153 * shiftedMonth + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: ((days % 7) + 11) % 7
        )
    }

    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = year / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

// MARK: Writing

extension CalendarTime {
    static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// As headers write it: Fri, 24 May 2013 00:00:00 GMT.
    ///
    /// Source: RFC 9110, section 5.6.7, IMF-fixdate.
    package var httpDate: String {
        Self.text { bytes in
            let fields = self.fields
            bytes += Self.weekdays[fields.weekday].utf8
            bytes += ", ".utf8
            Self.add(fields.day, to: &bytes)
            bytes += " ".utf8
            bytes += Self.months[fields.month - 1].utf8
            bytes += " ".utf8
            Self.add(year: fields.year, to: &bytes)
            bytes += " ".utf8
            Self.add(timeOf: fields, to: &bytes)
            bytes += " GMT".utf8
        }
    }

    /// As XML answers write it, in whole seconds so that it equals the `Last-Modified` header.
    ///
    /// An example: `2013-05-24T00:00:00.000Z`.
    package var iso8601: String { Self.text { self.writeISO8601(into: &$0) } }

    /// ``iso8601`` by bytes.
    package func writeISO8601(milliseconds: Int = 0, into bytes: inout [UInt8]) {
        let fields = self.fields
        Self.add(year: fields.year, to: &bytes)
        bytes += "-".utf8
        Self.add(fields.month, to: &bytes)
        bytes += "-".utf8
        Self.add(fields.day, to: &bytes)
        bytes += "T".utf8
        Self.add(timeOf: fields, to: &bytes)
        bytes += ".".utf8
        bytes.append(0x30 + UInt8(milliseconds / 100))
        Self.add(milliseconds % 100, to: &bytes)
        bytes += "Z".utf8
    }

    /// Like 20130524T000000Z, as signatures write it.
    package var basic: String {
        Self.text { bytes in
            let fields = self.fields
            Self.add(year: fields.year, to: &bytes)
            Self.add(fields.month, to: &bytes)
            Self.add(fields.day, to: &bytes)
            bytes += "T".utf8
            Self.add(fields.hour, to: &bytes)
            Self.add(fields.minute, to: &bytes)
            Self.add(fields.second, to: &bytes)
            bytes += "Z".utf8
        }
    }

    private static func text(_ write: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        write(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func add(timeOf fields: Fields, to bytes: inout [UInt8]) {
        Self.add(fields.hour, to: &bytes)
        bytes += ":".utf8
        Self.add(fields.minute, to: &bytes)
        bytes += ":".utf8
        Self.add(fields.second, to: &bytes)
    }

    /// In four digits at least.
    private static func add(year: Int, to bytes: inout [UInt8]) {
        guard (0...9_999).contains(year) else { return bytes += String(year).utf8 }
        Self.add(year / 100, to: &bytes)
        Self.add(year % 100, to: &bytes)
    }

    /// In two digits.
    private static func add(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(0x30 + UInt8(number / 10))
        bytes.append(0x30 + UInt8(number % 10))
    }
}

// MARK: Reading

extension CalendarTime {
    /// Reads `20130524T000000Z`.
    package init?(basic text: String) {
        let bytes = Array(text.utf8)
        guard
            bytes.count == 16, bytes[8] == 0x54, bytes[15] == 0x5A,
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[4..<6]),
            let day = Self.number(bytes[6..<8]), let hour = Self.number(bytes[9..<11]),
            let minute = Self.number(bytes[11..<13]), let second = Self.number(bytes[13..<15])
        else { return nil }
        self.init(
            year: year,
            month: month,
            day: day,
            hour: hour,
            minute: minute,
            second: second
        )
    }

    /// Reads `2013-05-24`, `2013-05-24T00:00:00Z` and the same with a fraction, which is dropped.
    package init?(iso8601 text: String) {
        let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        let day = halves[0].split(separator: "-", omittingEmptySubsequences: false)
            .map { Self.number(Array($0.utf8)[...]) }
        guard day.count == 3, let year = day[0], let month = day[1], let date = day[2] else {
            return nil
        }
        var clock: [Int?] = [0, 0, 0]
        if halves.count == 2 {
            guard halves[1].utf8.last == 0x5A else { return nil }
            let parts = halves[1].dropLast().split(
                separator: ".",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard
                parts.count == 1
                    || !parts[1].isEmpty
                        && parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            clock = parts[0].split(separator: ":", omittingEmptySubsequences: false)
                .map { Self.number(Array($0.utf8)[...]) }
        }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2]
        else { return nil }
        self.init(
            year: year,
            month: month,
            day: date,
            hour: hour,
            minute: minute,
            second: second
        )
    }

    /// Reads the three forms of an HTTP date: IMF-fixdate, RFC 850 and asctime.
    ///
    /// A year of two digits lies in 1970 to 2069. The name of the day is not checked.
    /// Source: RFC 9110, section 5.6.7.
    package init?(httpDate text: String) {
        var words = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        // asctime: `Sun Nov  6 08:49:37 1994`.
        if words.count == 5, Self.months.contains(words[1]) {
            words = [words[0], words[2], words[1], words[4], words[3], "GMT"]
        }
        guard
            words.count == 6, words[5] == "GMT" || words[5] == "UTC",
            let day = Self.number(Array(words[1].utf8)[...]),
            let month = Self.months.firstIndex(of: words[2]),
            var year = Self.number(Array(words[3].utf8)[...])
        else { return nil }
        if words[3].utf8.count == 2 { year += year < 70 ? 2_000 : 1_900 }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
            .map { Self.number(Array($0.utf8)[...]) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2]
        else { return nil }
        self.init(
            year: year,
            month: month + 1,
            day: day,
            hour: hour,
            minute: minute,
            second: second
        )
    }

    /// One to four digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...4).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            number = number * 10 + Int(digit - 0x30)
        }
        return number
    }
}
