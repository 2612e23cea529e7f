import StoreModel
import Synchronization

/// The layout by which a node acts: one value that all parts of the node share.
///
/// Epochs only grow. Before the first layout there is none.
package final class LayoutHolder: Sendable {
    private let current: Mutex<Layout?>

    package init(_ layout: Layout? = nil) { self.current = Mutex(layout) }

    package var layout: Layout? { self.current.withLock { $0 } }

    /// 0 before the first layout.
    package var epoch: UInt64 { self.layout?.epoch ?? 0 }

    /// Takes a newer layout; an older or equal one changes nothing.
    package func advance(to layout: Layout) {
        self.current.withLock { current in
            if layout.epoch > (current?.epoch ?? 0) { current = layout }
        }
    }
}
