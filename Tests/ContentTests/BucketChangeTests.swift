import Content
import Register
import StoreModel
import Testing

struct BucketChangeTests {
    private static func bucket(_ state: BucketRecord.State, _ generation: UInt64) -> BucketRecord {
        BucketRecord(
            state: state,
            id: BucketID(7),
            generation: generation,
            created: HybridTime(microseconds: 1)
        )
    }

    private static func apply(
        _ change: BucketChange,
        to record: BucketRecord?
    ) throws -> ChangeDecision<BucketChange.Outcome> {
        let value = record.map { RegisterValue.after(nil, body: $0.encoded) }
        return try change.apply(to: value, ballot: ballot(1))
    }

    @Test("A deletion begins, and ends or is called off, each in its own generation")
    func life() throws {
        let created = try #require(
            written(try Self.apply(.create(Self.bucket(.active, 1)), to: nil))
        )
        #expect(created.outcome == .created)
        let begun = try #require(
            written(try Self.apply(.beginDelete(generation: 1), to: Self.bucket(.active, 1)))
        )
        #expect(begun.outcome == .deleting(Self.bucket(.deleting, 2)))
        let ended = try #require(
            written(try Self.apply(.finishDelete(generation: 2), to: Self.bucket(.deleting, 2)))
        )
        #expect(ended.outcome == .deleted)
        #expect(ended.body == nil)
        let aborted = try #require(
            written(try Self.apply(.abortDelete(generation: 2), to: Self.bucket(.deleting, 2)))
        )
        let body = try #require(aborted.body)
        #expect(try BucketRecord(decoding: body) == Self.bucket(.active, 3))
    }

    @Test("Settings change while the bucket is active; its generation with versioning and rules")
    func settings() throws {
        let active = Self.bucket(.active, 3)
        var cors = active
        cors.settings[.cors] = [1, 2]
        let changed = try #require(
            written(try Self.apply(.set(BucketID(7), .document(.cors, [1, 2])), to: active))
        )
        #expect(changed.outcome == .set(cors))
        #expect(
            kept(try Self.apply(.set(BucketID(7), .document(.cors, [1, 2])), to: cors))
                == .set(cors)
        )

        let enabled = try #require(
            written(try Self.apply(.set(BucketID(7), .versioning(.enabled)), to: cors))
        )
        guard case .set(let record) = enabled.outcome else {
            Issue.record("\(enabled.outcome)")
            return
        }
        #expect((record.generation, record.settings.versioning) == (4, .enabled))
        #expect(record.settings[.cors] == [1, 2])

        let ruled = try #require(
            written(try Self.apply(.set(BucketID(7), .document(.lifecycle, [3])), to: record))
        )
        guard case .set(let withRules) = ruled.outcome else {
            Issue.record("\(ruled.outcome)")
            return
        }
        #expect(withRules.generation == 5 && withRules.settings[.lifecycle] == [3])

        for other in [Self.bucket(.deleting, 4), nil] {
            let outcome = kept(try Self.apply(.set(BucketID(7), .versioning(.enabled)), to: other))
            #expect(outcome == .unchanged(other))
        }
        // A bucket of that name that was created since.
        let outcome = kept(try Self.apply(.set(BucketID(8), .versioning(.enabled)), to: active))
        #expect(outcome == .unchanged(active))
    }

    @Test("A change that comes too late finds another generation and changes nothing")
    func late() throws {
        let active = Self.bucket(.active, 3)
        let deleting = Self.bucket(.deleting, 4)
        for (change, record) in [
            (.create(active), active), (.create(active), deleting),
            (.beginDelete(generation: 1), active), (.beginDelete(generation: 4), deleting),
            (.finishDelete(generation: 3), active), (.finishDelete(generation: 2), deleting),
            (.abortDelete(generation: 3), active), (.abortDelete(generation: 2), deleting),
        ] as [(BucketChange, BucketRecord)] {
            #expect(kept(try Self.apply(change, to: record)) == .unchanged(record))
        }
        #expect(kept(try Self.apply(.finishDelete(generation: 1), to: nil)) == .unchanged(nil))
    }

    @Test("A first layout is taken once; later ones learn which")
    func firstLayout() throws {
        func layout(_ name: String) -> LayoutRecord {
            LayoutRecord(
                epoch: 1,
                nodes: [
                    LayoutNode(
                        id: NodeID(high: 1, low: 1),
                        name: name,
                        zone: "z",
                        capacityBytes: 1,
                        address: ""
                    )
                ],
                replicaSets: Array(repeating: [0], count: Limit.partitions),
                systemSet: [0]
            )
        }
        let first = try #require(
            written(try FirstLayoutChange(layout("a")).apply(to: nil, ballot: ballot(1)))
        )
        #expect(first.outcome == layout("a"))
        let value = RegisterValue.after(nil, body: first.body)
        let second = FirstLayoutChange(layout("b"))
        #expect(kept(try second.apply(to: value, ballot: ballot(2))) == layout("a"))
    }
}
