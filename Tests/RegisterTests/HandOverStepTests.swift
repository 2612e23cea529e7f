import StoreModel
import Testing

@testable import Register

struct HandOverStepTests {
    private static func row(_ promised: UInt64, _ accepted: UInt64) -> HeldRow {
        func make(_ round: UInt64) -> Ballot { round == 0 ? .zero : ballot(round) }
        return .row(promised: make(promised), accepted: make(accepted), value: nil)
    }

    private static func step(_ rows: HeldRow..., floors: [UInt64]? = nil) -> HandOverStep {
        HandOverStep(
            rows,
            floors: (floors ?? rows.map { _ in 0 }).map { $0 == 0 ? .zero : ballot($0) }
        )
    }

    @Test("What all of a majority have accepted alike is chosen, and copied")
    func chosen() {
        #expect(Self.step(Self.row(5, 5), Self.row(5, 5)) == .install(ballot(5), isChosen: true))
    }

    @Test("The newest is copied if nobody has promised more; it may not be chosen yet")
    func newest() {
        #expect(Self.step(Self.row(4, 4), Self.row(5, 5)) == .install(ballot(5), isChosen: false))
        #expect(Self.step(Self.row(5, 4), Self.row(5, 5)) == .install(ballot(5), isChosen: false))
        #expect(Self.step(Self.row(0, 0), Self.row(5, 5)) == .install(ballot(5), isChosen: false))
    }

    @Test("A higher promise on any of the majority forbids the copy, and so does damage")
    func promises() {
        #expect(Self.step(Self.row(6, 5), Self.row(5, 5)) == .identity)
        #expect(Self.step(Self.row(6, 0), Self.row(5, 5)) == .identity)
        #expect(Self.step(.damaged, Self.row(5, 5)) == .identity)
        let rows = [Self.row(6, 0), Self.row(5, 5)]
        let broken = HandOverStep(rows, floors: [.zero, .zero], ignoresPromises: true)
        #expect(broken == .install(ballot(5), isChosen: false), "The rule is what stops it.")
    }

    @Test("Who has no row has promised the floor; who has one has promised what it says")
    func floors() {
        #expect(Self.step(Self.row(0, 0), Self.row(5, 5), floors: [6, 6]) == .identity)
        let below = Self.step(Self.row(0, 0), Self.row(5, 5), floors: [4, 9])
        #expect(below == .install(ballot(5), isChosen: false))
    }

    @Test("Where nothing has been accepted there is nothing to hand over")
    func nothing() {
        #expect(Self.step(Self.row(7, 0), Self.row(0, 0)) == .nothing)
    }
}
