package import Register
package import StoreModel

/// Makes a layout the first one, unless there is one.
package struct FirstLayoutChange: RegisterChange {
    package let layout: LayoutRecord

    package init(_ layout: LayoutRecord) { self.layout = layout }

    /// The outcome is the layout that is in force afterwards.
    package func apply(
        to value: RegisterValue?,
        ballot: Ballot
    ) throws(RecordError) -> ChangeDecision<LayoutRecord> {
        if let body = value?.body { return .keep(try LayoutRecord(decoding: body)) }
        return .write(body: self.layout.encoded, hasGarbage: false, self.layout)
    }
}
