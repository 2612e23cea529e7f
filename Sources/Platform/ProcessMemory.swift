import CPlatform

/// How the process deals with memory that is free for the moment.
package enum ProcessMemory {
    /// Each arena keeps free memory of its own; threads share two without waiting for each other
    /// much.
    private static let arenas: Int32 = 2
    /// Room for four chunks, as many as one copy or one upload has under way: chunk after chunk
    /// takes the same memory, which otherwise goes back to the system and comes again, page by
    /// page, with each of them.
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
