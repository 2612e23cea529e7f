// swift-tools-version: 6.2
import PackageDescription

/// The library of libFuzzer to link `triolet-fuzz` with; nil in every build but that of
/// `cluster/fuzz`, which instruments all our modules.
let fuzzer = Context.environment["TRIOLET_FUZZER"]

let instruments: [SwiftSetting] =
    fuzzer == nil ? [] : [.unsafeFlags(["-sanitize=address,fuzzer", "-enable-testing"])]

/// Every target is built alike (docs/decisions/0001-package-settings.md).
let settings: [SwiftSetting] =
    instruments + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
    ]

/// A module of the store.
///
/// `on` names our own modules, `using` products of other packages.
func module(
    _ name: String,
    on modules: [String] = [],
    using products: [Target.Dependency] = []
) -> Target {
    .target(
        name: name,
        dependencies: modules.map { .target(name: $0) } + products,
        swiftSettings: settings
    )
}

func tests(
    _ name: String,
    on modules: [String],
    using products: [Target.Dependency] = []
) -> Target {
    .testTarget(
        name: name,
        dependencies: modules.map { .target(name: $0) } + products,
        swiftSettings: settings
    )
}

func tool(
    _ name: String,
    on modules: [String],
    using products: [Target.Dependency] = []
) -> Target {
    .executableTarget(
        name: name,
        dependencies: modules.map { .target(name: $0) } + products,
        swiftSettings: settings
    )
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let certificateReloading = Target.Dependency.product(
    name: "NIOCertificateReloading",
    package: "swift-nio-extras"
)
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle",
    package: "swift-service-lifecycle"
)
let unixSignals = Target.Dependency.product(
    name: "UnixSignals",
    package: "swift-service-lifecycle"
)
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// The modules whose parsers of bytes from outside are fuzzed.
let fuzzed: [Target.Dependency] = [
    "StoreModel", "Register", "Content", "Wire", "S3Protocol", "Runtime", "PeerProtocol",
    "Peering", "ChunkStore", "MetadataStore", "S3Gateway",
]

/// The same sources twice: a program that makes inputs up, and tests that replay those kept.
let fuzzing: [Target] =
    if let fuzzer {
        [
            .target(name: "CFuzzer", path: "Tests/CFuzzer"),
            .executableTarget(
                name: "triolet-fuzz",
                dependencies: fuzzed + ["CFuzzer", nioCore],
                path: "Tests/FuzzTests",
                exclude: ["Corpus", "CorpusTests.swift"],
                swiftSettings: settings,
                linkerSettings: [
                    .unsafeFlags(["-sanitize=address", "-Xlinker", fuzzer]),
                    .linkedLibrary("stdc++"),
                ]
            ),
        ]
    } else {
        [
            .testTarget(
                name: "FuzzTests",
                dependencies: fuzzed + [nioCore],
                exclude: ["Corpus", "Runner.swift"],
                swiftSettings: settings
            )
        ]
    }

let package = Package(
    name: "triolet",
    products: [
        .executable(name: "triolet", targets: ["triolet"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(
            url: "https://github.com/apple/swift-configuration",
            from: "1.4.0",
            traits: ["YAML"]
        ),
        // What swift-configuration reads YAML files with, and names their paths.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            from: "2.28.1",
            traits: []
        ),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // The pure core.
        module("StoreModel"),
        module("Placement", on: ["StoreModel"]),
        module("Register", on: ["StoreModel"]),
        module("Content", on: ["StoreModel", "Register"]),
        module("Wire", on: ["StoreModel", "CChecksum", "CZlib"], using: [nioCore]),
        module("S3Protocol", on: ["StoreModel"], using: [crypto]),

        // The doors to the outside, and what stands behind them in production.
        module("Runtime", on: ["StoreModel"], using: [nioCore]),
        module(
            "Peering",
            on: ["StoreModel", "Wire", "Runtime"],
            using: [nioCore, nioPosix, crypto, logging, metrics]
        ),
        module("Platform", on: ["Runtime", "CPlatform"], using: [nioCore, nioPosix]),

        module(
            "PeerProtocol",
            on: ["Placement", "Register", "Wire", "Runtime"],
            using: [nioCore]
        ),

        // A node.
        module("ChunkStore", on: ["StoreModel", "Wire", "Runtime"], using: [nioCore]),
        module(
            "MetadataStore",
            on: ["StoreModel", "Register", "Wire", "Runtime", "CRocksDB"],
            using: [nioPosix]
        ),
        module(
            "StorageNode",
            on: [
                "StoreModel", "Placement", "Register", "Wire", "Runtime", "PeerProtocol",
                "ChunkStore", "MetadataStore",
            ],
            using: [nioCore, crypto, logging, metrics]
        ),
        module(
            "Coordinator",
            on: ["Placement", "Register", "Content", "Runtime", "PeerProtocol"],
            using: [nioCore, crypto, logging, metrics]
        ),

        // What users meet.
        module(
            "S3Gateway",
            on: ["S3Protocol", "Coordinator", "StoreModel", "Runtime", "CChecksum", "CZlib"],
            using: [
                hummingbirdCore, nioCore, nioHTTP1, nioSSL, crypto, lifecycle, logging, metrics,
            ]
        ),
        module("AdminAPI", using: [hummingbird, nioCore, lifecycle, coreMetrics, logging]),
        module("S3Client", on: ["S3Protocol"], using: [nioCore, nioHTTP1, nioPosix, crypto]),
        module(
            "LoadGenerator",
            on: ["StoreModel", "S3Protocol", "Wire", "Platform"],
            using: [crypto, histogram]
        ),
        tool(
            "triolet",
            on: [
                "S3Gateway", "AdminAPI", "S3Client", "LoadGenerator", "Peering", "Platform",
                "StorageNode",
                "ChunkStore", "MetadataStore", "Coordinator", "PeerProtocol", "Placement",
                "Runtime",
                "S3Protocol", "StoreModel",
            ],
            using: [
                arguments, configuration, yams, system, lifecycle, unixSignals, nioCore, nioPosix,
                nioSSL, certificateReloading, certificates, asn1, crypto, logging, metrics,
            ]
        ),

        // The proof.
        module("SimulatedRuntime", on: ["StoreModel", "Runtime"], using: [nioCore]),
        module(
            "Simulation",
            on: [
                "StoreModel", "Placement", "Register", "Content", "Wire", "Runtime",
                "PeerProtocol", "ChunkStore", "MetadataStore", "StorageNode", "Coordinator",
                "SimulatedRuntime",
            ],
            using: [nioCore, crypto, logging]
        ),
        tool("triolet-sim", on: ["Simulation", "Placement"], using: [arguments]),

        .executableTarget(
            name: "triolet-chaos",
            dependencies: [
                "S3Client", "S3Protocol", "Simulation", "SimulatedRuntime", arguments, nioCore,
                nioPosix, nioHTTP1,
            ],
            path: "Tests/Chaos",
            exclude: ["clock", "scenarios"],
            swiftSettings: settings
        ),

        // C.
        .target(name: "CChecksum"),
        .target(name: "CPlatform"),
        .systemLibrary(
            name: "CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["libz-dev"])]
        ),
        .systemLibrary(name: "CRocksDB", providers: [.apt(["librocksdb-dev"])]),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["StoreModel", nioCore],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        tests("StoreModelTests", on: ["TestSupport", "StoreModel"]),
        tests("PlacementTests", on: ["StoreModel", "Placement"]),
        tests("RegisterTests", on: ["TestSupport", "Register"]),
        tests("ContentTests", on: ["TestSupport", "Content"]),
        tests("WireTests", on: ["TestSupport", "StoreModel", "Wire"], using: [nioCore]),
        tests(
            "PeerProtocolTests",
            on: ["TestSupport", "StoreModel", "Register", "Wire", "Runtime", "PeerProtocol"],
            using: [nioCore]
        ),
        tests(
            "S3ProtocolTests",
            on: ["TestSupport", "StoreModel", "S3Protocol"],
            using: [crypto]
        ),
        tests(
            "PeeringTests",
            on: ["TestSupport", "StoreModel", "Wire", "Runtime", "Peering"],
            using: [nioCore, nioPosix, nioEmbedded, logging, metrics]
        ),
        tests(
            "PlatformTests",
            on: ["TestSupport", "Runtime", "Platform"],
            using: [nioCore, nioPosix]
        ),
        tests(
            "SimulatedRuntimeTests",
            on: ["StoreModel", "Runtime", "SimulatedRuntime"],
            using: [nioCore]
        ),
        tests(
            "ChunkStoreTests",
            on: [
                "TestSupport", "StoreModel", "Wire", "Runtime", "ChunkStore", "MetadataStore",
                "Platform",
                "SimulatedRuntime",
            ],
            using: [nioCore]
        ),
        tests(
            "MetadataStoreTests",
            on: [
                "TestSupport", "StoreModel", "Register", "Runtime", "MetadataStore", "Platform",
                "SimulatedRuntime",
            ],
            using: [nioCore]
        ),
        tests(
            "StorageNodeTests",
            on: [
                "StoreModel", "Placement", "Register", "Wire", "Runtime", "PeerProtocol",
                "ChunkStore", "MetadataStore", "StorageNode", "SimulatedRuntime",
            ],
            using: [nioCore, crypto, logging]
        ),
        tests(
            "CoordinatorTests",
            on: [
                "TestSupport", "StoreModel", "Placement", "Register", "Content", "Wire", "Runtime",
                "PeerProtocol", "ChunkStore", "StorageNode", "Coordinator", "SimulatedRuntime",
            ],
            using: [nioCore, logging]
        ),
        tests(
            "S3GatewayTests",
            on: [
                "StoreModel", "S3Protocol", "Runtime", "Content", "Coordinator", "S3Gateway",
                "CChecksum", "CZlib",
            ],
            using: [nioCore, nioPosix, nioHTTP1, nioSSL, crypto, lifecycle, logging]
        ),
        tests(
            "AdminAPITests",
            on: ["AdminAPI", "S3Client"],
            using: [hummingbird, lifecycle, coreMetrics, logging]
        ),
        tests(
            "LoadGeneratorTests",
            on: ["S3Protocol", "Wire", "LoadGenerator"],
            using: [nioCore, nioPosix, nioHTTP1]
        ),
        tests("S3ClientTests", on: ["S3Client"], using: [nioCore, nioHTTP1, nioPosix]),
        tests(
            "TrioletTests",
            on: [
                "TestSupport", "triolet", "AdminAPI", "LoadGenerator", "Placement", "S3Gateway",
                "StoreModel",
            ],
            using: [nioCore, logging]
        ),
        tests("SimulationTests", on: ["Placement", "SimulatedRuntime", "Simulation"]),
        tests("ChaosTests", on: ["triolet-chaos"], using: [nioCore, nioPosix]),
        tests("HouseTests", on: []),
    ] + fuzzing
)

// Micro-benchmarks, which nothing needs to be built or tested: docs/performance.md.
if Context.environment["TRIOLET_BENCHMARKS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "triolet-benchmarks",
            dependencies: [
                "StoreModel", "Register", "Wire", "S3Protocol", "Runtime", "Platform",
                "ChunkStore", "MetadataStore", "Coordinator", "S3Gateway", nioCore, nioPosix,
                nioHTTP1, nioEmbedded, crypto, lifecycle, unixSignals, logging,
            ],
            path: "Tests/Benchmarks",
            swiftSettings: settings
        )
    )
}
