/// The secret half of a pair of keys.
///
/// It prints as nothing, whoever prints it.
package struct SecretKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    let bytes: [UInt8]

    package init(_ text: String) { self.bytes = Array(text.utf8) }

    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
