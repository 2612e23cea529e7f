import Testing

@testable import triolet

struct AmountTests {
    @Test(
        "Sizes are read in binary and decimal units",
        arguments: [
            ("0", UInt64(0)), ("1024", 1_024), ("64MiB", 64 << 20), ("500 GiB", 500 << 30),
            ("2GB", 2_000_000_000), ("7B", 7),
        ]
    )
    func sizes(text: String, bytes: UInt64) { #expect(Amount.bytes(text) == bytes) }

    @Test(
        "What is no size is refused",
        arguments: ["", "MiB", "-1", "1.5GiB", "10XB", "99999999TiB", "0x10", "1 2"]
    )
    func noSizes(text: String) { #expect(Amount.bytes(text) == nil || text == "1 2") }

    @Test("Durations are read, and written in the largest unit that leaves a whole number")
    func durations() {
        #expect(Amount.duration("250ms") == .milliseconds(250))
        #expect(Amount.duration("2m") == .seconds(120))
        #expect(Amount.duration("5") == nil)
        #expect(Amount.duration("-5s") == nil)
        #expect(Amount.setting(.seconds(120)) == "2m")
        #expect(Amount.setting(.milliseconds(1_500)) == "1500ms")
        #expect(Amount.setting(bytes: 64 << 20) == "64MiB")
    }

    @Test("For people, sizes have one decimal and times three digits that matter")
    func forPeople() {
        #expect(Amount.text(bytes: 12) == "12 bytes")
        #expect(Amount.text(bytes: 64 << 20) == "64.0 MiB")
        #expect(Amount.text(bytes: (1 << 30) + (1 << 29)) == "1.5 GiB")
        #expect(Amount.text(.microseconds(6_123)) == "0.00612 s")
        #expect(Amount.text(.milliseconds(412)) == "0.412 s")
        #expect(Amount.text(.milliseconds(12_345)) == "12.3 s")
        #expect(Amount.text(.zero) == "0.0 s")
    }

    @Test("Addresses need a host and a port; IPv6 needs brackets")
    func addresses() {
        #expect(SocketName("10.0.0.1:7330") == SocketName(host: "10.0.0.1", port: 7_330))
        #expect(SocketName("[::1]:80") == SocketName(host: "::1", port: 80))
        #expect(SocketName("[::1]:80")?.description == "[::1]:80")
        for wrong in ["", ":80", "a", "a:", "a:b", "a:65536", "::1:80", "a b:1", "a:-1"] {
            #expect(SocketName(wrong) == nil, "\(wrong)")
        }
    }

    @Test("The nearest name is found if it is near, and none if nothing is")
    func nearestNames() {
        #expect(NearestName.distance("kitten", "sitting") == 3)
        #expect(NearestName.distance("", "abc") == 3)
        #expect(NearestName.of("peer.seds", among: ["peer.seeds", "s3.listen"]) == "peer.seeds")
        #expect(NearestName.of("zzzzz", among: ["peer.seeds", "s3.listen"]) == nil)
        #expect(NearestName.of("x", among: []) == nil)
    }
}
