/// What can be changed of a version that is there; its content, its time and its ETag cannot.
package enum VersionEdit: Hashable, Sendable {
    case tags([Tag])
    case access(AccessList)
}
