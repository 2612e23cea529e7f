/// A text that is stored, and prints as nothing, whoever prints it.
package struct HiddenText: Hashable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// The text itself: for the record, and for whoever checks a signature.
    package let revealed: String

    package init(_ text: String) { self.revealed = text }

    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
