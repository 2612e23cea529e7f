/// What has come over a connection and was not used yet.
struct ReceiveBuffer {
    /// More than any head of an answer.
    static let bytes = 256 << 10

    private var bytes = [UInt8](repeating: 0, count: Self.bytes)
    private var start = 0
    private var end = 0

    var readableBytes: Int { self.end - self.start }

    mutating func clear() {
        self.start = 0
        self.end = 0
    }

    /// Reads more.
    ///
    /// - Returns: false at the end of the connection.
    mutating func fill(from socket: Socket) throws(LoadError) -> Bool {
        if self.start == self.end { self.clear() }
        if self.end == self.bytes.count {
            guard self.start > 0 else { throw LoadError("the head of the answer is too long") }
            self.bytes.removeFirst(self.start)
            self.bytes.append(contentsOf: repeatElement(0, count: self.start))
            self.end -= self.start
            self.start = 0
        }
        let from = self.end
        let result = unsafe self.bytes.withUnsafeMutableBytes { bytes in
            let free = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[from...])
            return Result { () throws(LoadError) in try unsafe socket.receive(into: free) }
        }
        let count = try result.get()
        self.end += count
        return count > 0
    }

    /// The next line without its end; waits for more if it is not there yet.
    mutating func line(from socket: Socket) throws(LoadError) -> ArraySlice<UInt8> {
        var searched = self.start
        while true {
            if let newline = self.bytes[searched..<self.end].firstIndex(of: 0x0A) {
                var line = self.bytes[self.start..<newline]
                if line.last == 0x0D { line.removeLast() }
                self.start = newline + 1
                return line
            }
            let offset = self.end - self.start
            guard try self.fill(from: socket) else {
                throw LoadError("the connection ended without an answer")
            }
            searched = self.start + offset
        }
    }

    /// Hands what is there to `use`, at most `limit` bytes, and drops it.
    ///
    /// - Returns: how many bytes those were.
    mutating func take(_ limit: UInt64, _ use: (UnsafeRawBufferPointer) -> Void) -> Int {
        let count = Int(min(limit, UInt64(self.end - self.start)))
        unsafe self.bytes.withUnsafeBytes { bytes in
            unsafe use(UnsafeRawBufferPointer(rebasing: bytes[self.start..<(self.start + count)]))
        }
        self.start += count
        return count
    }
}
