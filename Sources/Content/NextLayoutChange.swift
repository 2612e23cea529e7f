package import Register
package import StoreModel

/// Makes a layout the one that follows, unless another is already.
///
/// It is proposed to the replicas of the layout that it follows, and to no others: each layout is
/// decided once, by the system set of the one before it, and so the layouts form one chain. What
/// the register holds of earlier steps does not matter. Source: docs/protocol/layout.md, "Changing
/// the layout".
package struct NextLayoutChange: RegisterChange {
    package let layout: LayoutRecord

    package init(_ layout: LayoutRecord) { self.layout = layout }

    /// The outcome is the layout that follows.
    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<LayoutRecord> {
        if let body = value?.body {
            let record = try LayoutRecord(decoding: body)
            if record.epoch >= self.layout.epoch { return .keep(record) }
        }
        return .write(body: self.layout.encoded, hasGarbage: false, self.layout)
    }
}
