import CFuzzer
import Glibc

/// The program of `cluster/fuzz`: libFuzzer with the target that the environment names.
@main
enum Runner {
    private static let target: FuzzTarget? = {
        guard let text = unsafe getenv("TRIOLET_FUZZ_TARGET") else { return nil }
        let name = unsafe String(cString: text)
        return FuzzTarget.all.first { $0.name == name }
    }()

    static func main() {
        guard self.target != nil else {
            for target in FuzzTarget.all {
                let kind = FuzzTarget.outer.contains { $0.name == target.name } ? "outer" : "inner"
                print(target.name, kind, target.bytesMax)
            }
            return
        }
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        unsafe withUnsafeMutablePointer(to: &arguments) { arguments in
            let status = unsafe LLVMFuzzerRunDriver(&count, arguments) { bytes, count in
                Self.run(unsafe Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            }
            exit(status)
        }
    }

    private static func run(_ bytes: [UInt8]) {
        do { try Self.target?.check(bytes) } catch { fatalError("\(error)") }
    }
}
