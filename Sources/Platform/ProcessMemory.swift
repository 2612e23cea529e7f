import CPlatform

/// How the process deals with memory that is free for the moment.
package enum ProcessMemory {
    /// Each arena keeps free memory of its own; threads share four without waiting for each other
    /// much.
    private static let arenas: Int32 = 4
    /// Room for four chunks, as many as one copy or one upload has under way.
    ///
    /// Chunk after chunk takes the same memory, which otherwise goes back to the system and comes
    /// again, page by page, with each of them. With 8 MiB nodes have some 25 MiB less, and copies
    /// and puts of 1 GiB take a tenth to a quarter more of CPU.
    private static let keptBytes: Int32 = 16 << 20

    /// Bounds what the allocator keeps, and has it keep that much.
    ///
    /// To be called before threads are started. Measured in docs/performance.md, "Large bodies".
    ///
    /// - Returns: false where the allocator knows no such bounds.
    @discardableResult
    package static func boundAllocator() -> Bool {
        cplatform_bound_allocator(self.arenas, self.keptBytes) != 0
    }
}

/// Memory that the allocator keeps although no block of it is in use.
///
/// By itself it gives back the free end of an arena only, and blocks that live long come to lie
/// behind those of chunks.
package struct FreeMemory: Sendable {
    /// What the process may keep (8 MiB): what requests for chunks take and give back again and
    /// again.
    package static let bytesMax: Int64 = 8 << 20
    /// How much there has to be beyond what could not be given back last time: blocks that are in
    /// use lie in all of those pages.
    private static let leastBytes: Int64 = 4 << 20

    /// What was free after the last time, in bytes.
    package private(set) var left: Int64 = 0

    package init() {}

    /// What is free now, in bytes; nil where that cannot be told.
    package static var bytes: Int64? {
        let free = cplatform_free_memory()
        return free >= 0 ? free : nil
    }

    /// Gives memory back to the system, if there is much of it; takes milliseconds, in which others
    /// wait for memory.
    ///
    /// - Returns: what was left; the same where it cannot be told how much is free.
    package func givenBack() -> FreeMemory {
        guard let free = Self.bytes else { return self }
        var result = self
        if free > max(Self.bytesMax, self.left + Self.leastBytes) {
            cplatform_trim_allocator()
            result.left = Self.bytes ?? free
        } else {
            result.left = min(self.left, free)
        }
        return result
    }
}
