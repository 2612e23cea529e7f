import Testing

/// An arrow points only downwards: what each module may import.
///
/// The table of docs/architecture.md, "Modules". `Foundation` would bring clocks, files and locales
/// into modules that must run the same in the simulation.
struct ImportTests {
    static let core: [String: Set<String>] = [
        "StoreModel": [],
        "Placement": ["StoreModel", "Synchronization"],
        "Register": ["StoreModel"],
        "Content": ["StoreModel", "Register"],
        "Wire": ["StoreModel", "NIOCore", "CChecksum", "CZlib"],
        "S3Protocol": ["StoreModel", "Crypto"],
        "Runtime": ["StoreModel", "NIOCore", "Synchronization"],
        "PeerProtocol": [
            "StoreModel", "Placement", "Register", "Wire", "Runtime", "NIOCore", "Synchronization",
        ],
    ]

    static let node: [String: Set<String>] = [
        "ChunkStore": ["StoreModel", "Wire", "Runtime", "NIOCore", "Synchronization"],
        "MetadataStore": [
            "StoreModel", "Register", "Wire", "Runtime", "CRocksDB", "NIOCore", "NIOPosix",
            "Synchronization",
        ],
        "StorageNode": [
            "StoreModel", "Placement", "Register", "Content", "Wire", "Runtime", "PeerProtocol",
            "ChunkStore", "MetadataStore", "NIOCore", "Crypto", "Logging", "Metrics",
            "Synchronization",
        ],
        "Coordinator": [
            "StoreModel", "Placement", "Register", "Content", "Wire", "Runtime", "PeerProtocol",
            "NIOCore", "Crypto", "Logging", "Metrics", "Synchronization",
        ],
        "Peering": [
            "StoreModel", "Wire", "Runtime", "NIOCore", "NIOPosix", "Crypto", "Logging",
            "Metrics", "Synchronization",
        ],
        "Platform": ["Runtime", "CPlatform", "NIOCore", "NIOPosix", "Synchronization"],
        "SimulatedRuntime": ["StoreModel", "Runtime", "NIOCore", "Synchronization"],
    ]

    static let table = core.merging(node) { first, _ in first }

    @Test("A module imports only what its row allows", arguments: table.keys.sorted())
    func imports(target: String) throws {
        let allowed = Self.table[target] ?? []
        for file in try SourceFile.all(in: "Sources/\(target)") {
            for module in file.imports where !allowed.contains(module) {
                Issue.record("\(file.path) imports \(module)")
            }
        }
    }

    @Test("The table has a row for every module that is there, and no other")
    func complete() throws {
        // What users meet, and the proof: bound by the second table of rules below.
        let others: Set = [
            "S3Gateway", "AdminAPI", "S3Client", "LoadGenerator", "triolet", "Simulation",
            "triolet-sim",
        ]
        let targets = Set(try SourceFile.all(in: "Sources").map(\.target))
        #expect(targets == Set(Self.table.keys).union(others))
    }

    @Test("The simulation is not shipped, and what is shipped does not know it")
    func simulation() throws {
        let fakes: Set = ["SimulatedRuntime", "Simulation", "Testing", "XCTest", "NIOEmbedded"]
        let proof: Set = ["SimulatedRuntime", "Simulation", "triolet-sim"]
        for file in try SourceFile.all(in: "Sources") where !proof.contains(file.target) {
            for module in file.imports where fakes.contains(module) {
                Issue.record("\(file.path) imports \(module)")
            }
        }
        for file in try SourceFile.all(in: "Sources") where proof.contains(file.target) {
            for module in file.imports where ["Peering", "Platform", "S3Gateway"].contains(module) {
                Issue.record("\(file.path) imports \(module): sockets and files are simulated")
            }
        }
    }

    @Test("The gateway reaches nodes only through the coordinator")
    func gateway() throws {
        let below: Set = [
            "StorageNode", "ChunkStore", "MetadataStore", "Peering", "PeerProtocol", "Register",
        ]
        for file in try SourceFile.all(in: "Sources/S3Gateway") {
            for module in file.imports where below.contains(module) {
                Issue.record("\(file.path) imports \(module)")
            }
        }
        for file in try SourceFile.all(in: "Sources/Coordinator") {
            let isHTTP = file.code.contains { $0.text.contains("HTTP") }
            #expect(!isHTTP, "\(file.path) mentions HTTP")
        }
    }
}
