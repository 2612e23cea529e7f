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
        let fields = self.fields
        var text = Self.roomForText
        text += Self.weekdays[fields.weekday]
        text += ", "
        Self.add(fields.day, to: &text)
        text += " "
        text += Self.months[fields.month - 1]
        text += " "
        Self.add(year: fields.year, to: &text)
        text += " "
        Self.add(timeOf: fields, to: &text)
        text += " GMT"
        return text
    }

    /// As XML answers write it, in whole seconds so that it equals the `Last-Modified` header.
    ///
    /// An example: `2013-05-24T00:00:00.000Z`.
    package var iso8601: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        self.writeISO8601(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// ``iso8601`` by bytes.
    func writeISO8601(into bytes: inout [UInt8]) {
        func add(_ number: Int, _ end: Unicode.Scalar) {
            bytes.append(0x30 + UInt8(number / 10))
            bytes.append(0x30 + UInt8(number % 10))
            bytes.append(UInt8(ascii: end))
        }
        let fields = self.fields
        if (0...9_999).contains(fields.year) {
            bytes.append(0x30 + UInt8(fields.year / 1_000))
            bytes.append(0x30 + UInt8(fields.year / 100 % 10))
            add(fields.year % 100, "-")
        } else {
            bytes += "\(fields.year)-".utf8
        }
        add(fields.month, "-")
        add(fields.day, "T")
        add(fields.hour, ":")
        add(fields.minute, ":")
        add(fields.second, ".")
        bytes += "000Z".utf8
    }

    /// Like 20130524T000000Z, as signatures write it.
    package var basic: String {
        let fields = self.fields
        var text = Self.roomForText
        Self.add(year: fields.year, to: &text)
        Self.add(fields.month, to: &text)
        Self.add(fields.day, to: &text)
        text += "T"
        Self.add(fields.hour, to: &text)
        Self.add(fields.minute, to: &text)
        Self.add(fields.second, to: &text)
        text += "Z"
        return text
    }

    private static var roomForText: String {
        var text = ""
        text.reserveCapacity(32)
        return text
    }

    private static func add(timeOf fields: Fields, to text: inout String) {
        Self.add(fields.hour, to: &text)
        text += ":"
        Self.add(fields.minute, to: &text)
        text += ":"
        Self.add(fields.second, to: &text)
    }

    /// In four digits at least.
    private static func add(year: Int, to text: inout String) {
        guard (0...9_999).contains(year) else { return text += String(year) }
        Self.add(year / 100, to: &text)
        Self.add(year % 100, to: &text)
    }

    /// 00 to 99: every request writes dates, and these need no memory of their own.
    private static let pairs = (0...99).map { ($0 < 10 ? "0" : "") + String($0) }

    /// In two digits.
    private static func add(_ number: Int, to text: inout String) { text += Self.pairs[number] }
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
