import Synchronization

/// Where the next sweep goes on in a list that one sweep does not get through.
final class SweepMarker: Sendable {
    private let marker = Mutex<[UInt8]?>(nil)

    var value: [UInt8]? { self.marker.withLock { $0 } }

    func move(to value: [UInt8]?) { self.marker.withLock { $0 = value } }
}
