import CPlatform

/// An open file or directory of the system, closed when nobody holds it any more.
final class FileDescriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { cplatform_close(self.number) }
}
