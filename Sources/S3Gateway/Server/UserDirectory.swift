/// The users that there are, by the names that requests and records have for them.
package struct UserDirectory: Sendable {
    package let root: Owner
    private let byID: [String: Owner]
    private let byEmail: [String: String]

    /// Of several users with one id the first counts; `emails` by canonical id.
    package init(root: Owner, _ users: some Sequence<Owner>, emails: [String: String] = [:]) {
        self.root = root
        self.byID = Dictionary(users.map { ($0.id, $0) }) { first, _ in first }
        self.byEmail = Dictionary(emails.map { ($0.value, $0.key) }) { first, _ in first }
    }

    /// The same with more users behind those that there are.
    func adding(_ users: some Sequence<Owner>) -> UserDirectory {
        UserDirectory(self, self.byID.merging(users.map { ($0.id, $0) }) { first, _ in first })
    }

    private init(_ other: UserDirectory, _ byID: [String: Owner]) {
        self.root = other.root
        self.byID = byID
        self.byEmail = other.byEmail
    }

    /// The user with a canonical id; nil if there is none.
    package func user(id: String) -> Owner? { self.byID[id] }

    package func user(email: String) -> Owner? {
        self.byEmail[email].flatMap { self.byID[$0] }
    }

    /// The user whom records know by an id.
    func owner(_ recordID: String) -> Owner {
        if recordID.isEmpty { return self.root }
        return self.byID[recordID] ?? Owner(id: recordID, displayName: "")
    }
}
