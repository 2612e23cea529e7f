extension StringProtocol {
    /// Without such characters at either end.
    func trimmed(where isLeftOut: (Character) -> Bool) -> String {
        guard let start = self.firstIndex(where: { !isLeftOut($0) }),
            let end = self.lastIndex(where: { !isLeftOut($0) })
        else { return "" }
        return String(self[start...end])
    }
}
