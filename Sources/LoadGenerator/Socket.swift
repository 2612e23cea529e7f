import Glibc

/// A TCP connection with blocking calls.
///
/// The generator shares its machine with the servers: a thread per client that blocks costs the
/// least of all ways to wait.
final class Socket {
    private let descriptor: Int32

    /// Connects; reads and writes fail after `silenceMax` seconds without progress.
    init(_ origin: LoadOrigin, silenceMax: Int) throws(LoadError) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(origin.host, String(origin.port), &hints, &found) == 0,
            let address = unsafe found
        else { throw LoadError("\(origin.host) has no address") }
        defer { unsafe freeaddrinfo(address) }
        let info = unsafe address.pointee
        let descriptor = unsafe socket(info.ai_family, info.ai_socktype, info.ai_protocol)
        guard descriptor >= 0 else { throw LoadError("no socket: errno \(errno)") }
        self.descriptor = descriptor
        guard unsafe connect(descriptor, info.ai_addr, info.ai_addrlen) == 0 else {
            throw LoadError("\(origin) does not answer: errno \(errno)")
        }
        var one: Int32 = 1
        var limit = timeval(tv_sec: silenceMax, tv_usec: 0)
        let options: [Int32] = [SO_RCVTIMEO, SO_SNDTIMEO]
        for option in options {
            _ = unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                option,
                &limit,
                socklen_t(MemoryLayout<timeval>.size)
            )
        }
        _ = unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &one,
            socklen_t(MemoryLayout<Int32>.size)
        )
    }

    deinit { _ = close(self.descriptor) }

    func send(_ bytes: UnsafeRawBufferPointer) throws(LoadError) {
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty {
            let part = unsafe UnsafeRawBufferPointer(rebasing: rest)
            let count = unsafe Glibc.send(
                self.descriptor,
                part.baseAddress,
                part.count,
                Int32(MSG_NOSIGNAL)
            )
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw LoadError("the connection broke: errno \(errno)") }
            unsafe rest = rest.dropFirst(count)
        }
    }

    /// - Returns: how many bytes were read; 0 at the end of the connection.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(LoadError) -> Int {
        while true {
            let count = unsafe recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            guard errno == EINTR else { throw LoadError("no answer: errno \(errno)") }
        }
    }
}
