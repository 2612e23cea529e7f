import NIOCore
import TestSupport

extension DocumentedBytes {
    func buffer(_ name: String) throws -> ByteBuffer { ByteBuffer(bytes: try self.bytes(name)) }
}
