/// A step at which the simulation may hold work up, or have its machine crash, so that what seldom
/// happens by itself does.
///
/// In production nobody does: reaching a step costs a look at an optional.
package enum RareStep: String, Hashable, Sendable, CaseIterable {
    /// Prepares of an object's register are about to leave.
    case prepare
    /// Accepts of an object's register are about to leave: what they rest on may be lost by then.
    case accept
    /// The accept that creates a manifest is about to leave.
    case birth
    /// A tombstone is about to be erased; all replicas have it.
    case erase
    /// One of the messages of such a round leaves: replicas answer in another order than usual.
    case prepareToOne, acceptToOne, birthToOne
    /// An accept on a manifest that exists leaves for one replica.
    case manifestAcceptToOne
    /// A hold is about to be taken out on what an operation has read.
    case hold
    /// A hold is about to be released by evidence that has been found.
    case release
    /// A manifest was found absent, and is about to be made dead.
    case kill
    /// A node is about to go on to a newer layout: one by which it stays, or leaves.
    case switchLayout, leave
    /// The rows of a joint layout are about to be handed over.
    case handOver
    /// Rows that have been read are about to be brought to those who join.
    case install
    /// An operation is about to look whether it may give back what it holds.
    case giveBack
    /// The next step of a rename is about to be made, or a pending one about to be looked into.
    case rename
}
