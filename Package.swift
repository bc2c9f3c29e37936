// swift-tools-version: 6.3
import PackageDescription

// The house. A floor imports floors below it and never its neighbour; nothing here is a package of
// somebody else. `script/build` asks the compiler to refuse a wrong import, HouseTests the rest.

let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableExperimentalFeature("Lifetimes"),
]

func room(_ name: String, on floors: [Target.Dependency], without papers: [String] = []) -> Target {
    .target(name: name, dependencies: floors, exclude: papers, swiftSettings: rules)
}

func door(_ name: String, to rooms: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: rooms, swiftSettings: rules)
}

/// What others may do with the rooms: built with everything, installed with nothing.
func example(_ name: String, to rooms: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: rooms, path: "Examples/\(name)", swiftSettings: rules)
}

func tests(_ name: String, of rooms: [Target.Dependency], without papers: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: rooms + ["TestSupport"], exclude: papers, swiftSettings: rules)
}

let package = Package(
    name: "tickerfeed",
    products: [
        // With the rooms whose types their users meet: Examples/README.md.
        .library(name: "TickerFeed", targets: ["TickerFeed", "Market", "Basics"]),
        .library(name: "FanOut", targets: ["FanOut", "Wire", "Market", "Basics"]),
        .executable(name: "tickerd", targets: ["tickerd"]),
        .executable(name: "tickwatch", targets: ["tickwatch"]),
        .executable(name: "tickbench", targets: ["tickbench"]),
    ],
    targets: [
        // The ground: headers of the system, nothing compiled; and the browser's files as bytes.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSwiftRuntime"),
        .target(name: "CFiles", exclude: ["pages"], swiftSettings: rules),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Floor 0: bytes, time, memory, measuring.
        room("Basics", on: ["CFiles", "CLinux"]),

        // Floor 1: what the numbers mean | sockets, HTTP, WebSocket.
        room("Market", on: ["Basics"]),
        room("Wire", on: ["Basics", "CLinux", "COpenSSL", "CZlib"]),

        // Floor 2: messages ↔ bytes, both directions, a folder a dialect.
        room(
            "Dialects", on: ["Basics", "CZlib", "Market"], without: ["NativeSBE/tickerfeed.sbe.xml"]),

        room("Journal", on: ["Basics", "CLinux", "CZlib", "Market"]),
        room("Backplane", on: ["Basics", "CLinux", "Market", "Wire"]),

        // Floor 3: feed → book → tape | tape → conflate → socket. They meet only in Market's tape.
        room(
            "TickerFeed",
            on: ["Basics", "CLinux", "CZlib", "Market", "Wire", "Dialects", "Journal", "Backplane"]),
        room("FanOut", on: ["Basics", "Market", "Wire", "Dialects"]),
        room("Watch", on: ["Basics", "CLinux", "Market", "Wire", "Dialects"]),

        // Floor 4: doors. They put rooms together and hold no rules.
        door(
            "tickerd",
            to: [
                "Basics", "CLinux", "Market", "Wire", "Dialects", "Journal", "Backplane", "TickerFeed",
                "FanOut",
            ]),
        door(
            "tickwatch",
            to: ["Basics", "CLinux", "Market", "Wire", "Dialects", "TickerFeed", "FanOut", "Watch"]),
        door(
            "tickbench",
            to: [
                "Basics", "CLinux", "CSwiftRuntime", "Market", "Wire", "Dialects", "Journal", "Backplane",
                "TickerFeed", "FanOut",
            ]),

        door(
            "tickfuzz",
            to: [
                "Basics", "Market", "Wire", "Dialects", "Journal", "Backplane", "TickerFeed", "FanOut",
                "Watch",
            ]),

        example("BookBuilder", to: ["Basics", "Market", "TickerFeed"]),
        example("FanOutServer", to: ["Basics", "Market", "Wire", "TickerFeed", "FanOut"]),

        // Tests: one target a room, one for the house, one for the whole.
        .target(
            name: "TestSupport", dependencies: ["Basics"], path: "Tests/TestSupport",
            swiftSettings: rules),
        tests("BasicsTests", of: ["Basics"]),
        tests("MarketTests", of: ["Basics", "Market"]),
        tests("WireTests", of: ["Basics", "COpenSSL", "CZlib", "Wire", "tickfuzz"]),
        tests("DialectsTests", of: ["Basics", "Market", "Dialects"], without: ["Golden"]),
        tests("BackplaneTests", of: ["Basics", "Market", "Wire", "Backplane"]),
        tests("JournalTests", of: ["Basics", "CLinux", "Market", "Journal", "TickerFeed"]),
        tests(
            "TickerFeedTests", of: ["Basics", "Market", "Dialects", "Journal", "Backplane", "TickerFeed"],
            without: ["Bad", "Golden"]),
        tests("FanOutTests", of: ["Basics", "Market", "Wire", "Dialects", "FanOut"]),
        tests(
            "WatchTests", of: ["Basics", "Market", "Wire", "Dialects", "Watch"], without: ["Golden"]),
        tests(
            "EndToEndTests", of: ["Basics", "Market", "Wire", "Dialects", "TickerFeed", "FanOut", "Watch"]),
        tests(
            "DoorTests",
            of: ["Basics", "Market", "Wire", "Dialects", "TickerFeed", "FanOut", "tickerd", "tickbench"]),
        tests("HouseTests", of: []),
    ]
)
