import Runtime
import StoreModel

/// The two names by which an answer is found again in a log.
struct ResponseIdentity {
    /// 16 digits; also in the log.
    let requestID: String
    let hostID: String

    init(_ random: any RandomSource) {
        self.requestID = Hexadecimal.text(random.next()).uppercased()
        self.hostID = Hexadecimal.text(random.next()) + Hexadecimal.text(random.next())
    }
}
