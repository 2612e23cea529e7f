/// Why a directory cannot be used.
package enum DirectoryError: Error, Hashable, Sendable {
    /// There is no such directory, or it may not be read and written.
    case notUsable(path: String, errno: Int32)
    /// Another process has it.
    case inUse(path: String)
}
