/// How badly the network treats messages between machines.
package struct LinkFaults: Hashable, Sendable {
    /// Of 1,000 messages, so many are lost.
    package var lossPermille = 0
    /// Of 1,000 messages, so many arrive twice.
    package var duplicatePermille = 0
    /// Of 1,000 messages, so many are late by ``lateMicroseconds``.
    package var latePermille = 0
    package var delayMicroseconds = 50...500
    package var lateMicroseconds = 1_000...1_500_000

    package init() {}

    package static let none = LinkFaults()
}
