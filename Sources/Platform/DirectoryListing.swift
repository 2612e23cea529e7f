import CPlatform
import Runtime

/// The plain files of a directory.
enum DirectoryListing {
    /// Names in order of their bytes, without those that begin with a dot.
    static func names(
        in directory: FileDescriptor,
        path: String
    ) throws(DiskError) -> [String] {
        var listing: OpaquePointer?
        let status = unsafe cplatform_list_begin(directory.number, &listing)
        guard status == 0, let listing = unsafe listing else {
            throw DiskError(status, "list", path)
        }
        defer { unsafe cplatform_list_end(listing) }
        var names: [String] = []
        while true {
            var name: UnsafePointer<CChar>?
            let status = unsafe cplatform_list_next(listing, &name)
            guard status == 0 else { throw DiskError(status, "list", path) }
            guard let name = unsafe name else { break }
            let text = unsafe String(cString: name)
            var isFile: Int32 = 0
            let looked = unsafe cplatform_is_file(directory.number, text, &isFile)
            if looked == 0, isFile != 0, !text.hasPrefix(".") { names.append(text) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
