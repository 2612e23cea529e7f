extension UInt64 {
    /// The time from an earlier reading of a clock to this one, in the clock's unit.
    ///
    /// 0 if that one is later: another thread may have read the clock, and noted it, since.
    package func elapsed(since earlier: UInt64) -> UInt64 {
        self > earlier ? self - earlier : 0
    }
}
