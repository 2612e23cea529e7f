/// The bearer token of clients on other machines.
///
/// It prints as nothing, whoever prints it: libraries log services with all that is in them.
package struct AdminToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    let text: String

    init(_ text: String) { self.text = text }

    package var description: String { "(token)" }
    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
