package import Register

/// One register row as a scan finds it.
package struct StoredRow: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case row(AcceptorRow)
        /// The bytes are damaged: the row is unknown, not absent.
        case corrupt
    }

    /// The binary form of the register's key (``RegisterKey/row``).
    package let key: [UInt8]
    package let content: Content

    package init(key: [UInt8], content: Content) {
        self.key = key
        self.content = content
    }
}
