import Register
import Runtime
import StoreModel

extension RegisterRequest {
    /// The rare step at which a round of this leaves; nil if it is none.
    func rareStep(about key: RegisterKey) -> RareStep? {
        switch (self, key) {
        case (.prepare, .object): .prepare
        case (.accept, .object): .accept
        case (.accept(let ballot, _, _, _), .manifest(let manifest)) where ballot == manifest.birth:
            .birth
        case (.erase, _): .erase
        default: nil
        }
    }

    /// The rare step at which one message of such a round leaves; nil if it is none.
    func rareStepToOne(about key: RegisterKey) -> RareStep? {
        switch (self, key) {
        case (.prepare, .object): .prepareToOne
        case (.accept, .object): .acceptToOne
        case (.accept(let ballot, _, _, _), .manifest(let manifest)):
            ballot == manifest.birth ? .birthToOne : .manifestAcceptToOne
        default: nil
        }
    }
}
