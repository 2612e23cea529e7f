/// Several fields of a log line as one value.
///
/// A dictionary for each line would cost a request more than its signature. Handlers that know of
/// it write the fields as if they had come one by one; to others it is one text.
package protocol LogFields: Sendable, CustomStringConvertible {
    /// Gives each field that has a value, in the order of the names.
    func forEach(_ body: (_ name: String, _ value: LogFieldValue) -> Void)
}

package enum LogFieldValue {
    case number(UInt64)
    case text(String)
}

extension LogFields {
    package var description: String {
        var fields: [String] = []
        self.forEach { fields.append("\($0)=\($1)") }
        return fields.joined(separator: " ")
    }
}

extension LogFieldValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): text
        }
    }
}
