import StoreModel

/// Bounds of a coordinator's work, with defaults for production.
package struct CoordinatorSettings: Sendable {
    /// Longest wait for one replica's answer about a register or a page of rows.
    package var registerTimeout: Duration = .seconds(2)
    /// How long a read waits for the replicas that it has asked, a majority, before it asks the
    /// others: several times what an answer takes under load, and little beside a time-out.
    package var readSilence: Duration = .milliseconds(15)
    /// Longest wait for one replica to store, send or pull one chunk.
    package var chunkTimeout: Duration = .seconds(10)
    /// After this a contended change gives up: 503 SlowDown.
    package var changeDeadline: Duration = .seconds(10)
    /// How old what is known of a bucket may be for objects in it to be read, short content to be
    /// put and copies to be made by reference, without a look at the bucket; zero always looks.
    package var hintAge: Duration = .seconds(1)
    /// Chunks of one request under way at once.
    package var parallelChunks = 3
    /// Chunks that one independent copy has pulled at once.
    package var parallelPulls = 4
    /// How long one of these chunks is tried again before the copy fails: long enough for a node to
    /// start again.
    package var pullPatience: Duration = .seconds(20)
    /// Pause after the first attempt; each further one is twice as long: six attempts in 20 s.
    package var pullPause: Duration = .milliseconds(500)
    /// Attempts that a change loses to others before the register's affinity node is asked to make
    /// it, or one where attempts take long; 0 asks for every change.
    package var forwardAfter = 6
    /// Content of all uploads under way, in bytes: 16 chunks.
    package var uploadBytes = 64 << 20
    /// How long a node may keep silent about a chunk before another one is asked as well.
    ///
    /// Longer than a busy disk takes for a sync, and short enough for a client not to notice that a
    /// node stands still.
    package var silence: Duration = .milliseconds(300)
    /// A node that was slower than one asked later gets no chunks for this long, unless it is
    /// needed, and is asked last when something is read.
    package var suspicion: Duration = .seconds(2)
    /// Bodies longer than this get their manifest with the first chunk, so that chunks of an upload
    /// that takes hours have an owner (64 MiB).
    package var openManifestBytes: UInt64 = 64 << 20
    /// Dropped content is kept this long for readers who are still at it.
    ///
    /// Not a rule of safety.
    package var releaseGrace: Duration = .seconds(60)
    /// Pause between two sweeps.
    package var sweepInterval: Duration = .seconds(5)
    /// Rows with garbage worked off in one sweep.
    package var sweepRows = 1_000
    /// How long a tombstone stays before its row is erased.
    ///
    /// For half as long, and at most 60 s, a missing row proves that an operation had no effect; so
    /// less than twice ``changeDeadline`` makes more outcomes unknown, and nothing worse.
    package var tombstoneAge: Duration = .seconds(600)
    /// Pause between two comparisons of the own rows with those of other replicas.
    package var catchUpInterval: Duration = .seconds(3_600)
    /// Pause between two searches of all own rows for damage.
    package var scrubInterval: Duration = .seconds(86_400)
    /// Pause between two rounds in which a node looks after the copies of the chunks of its
    /// manifests.
    ///
    /// A round comes earlier when a node has come back.
    package var healInterval: Duration = .seconds(3_600)
    /// Pause between two looks at which nodes are up.
    package var healProbe: Duration = .seconds(10)
    /// Pause after a round that has left something undone.
    package var healRetry: Duration = .seconds(60)
    /// Every node reads all its chunks again within this time.
    package var chunkScrubPeriod: Duration = .seconds(30 * 86_400)
    /// Pause between two steps of that.
    package var chunkScrubPause: Duration = .seconds(10)
    /// Pause between two looks at the queue of copies to be repaired.
    package var repairPause: Duration = .seconds(1)
    /// Registers that are erased, repaired or caught up on at once.
    package var parallelRepairs = 16
    /// Versions that may hold one manifest before a child is made for more.
    ///
    /// Only tests and the simulation lower it.
    package var versionHolders = Limit.versionHolders
    /// Segments of so many bytes are named to replicas that have them already.
    package var tailBytes = Limit.tailBytes
    /// Pause between two pages of the audits.
    package var auditInterval: Duration = .seconds(60)
    /// Rows, manifests with chunks and objects that one page of each audit looks at.
    package var auditRows = 500
    /// What is younger than this is not audited yet.
    ///
    /// Not a rule of safety: most of it is in order, and will be gone soon.
    package var auditAge: Duration = .seconds(900)
    /// Whether audits leave alone what a node says is under way.
    ///
    /// Not a rule of safety: without it slow operations fail.
    package var auditSpares = true
    /// Smallest part of an upload but for its last, in bytes.
    package var partBytesMin = Limit.partBytesMin
    /// Part copies of at most so many bytes become one chunk, of which the nodes that make it say
    /// the MD5, for the ETag; at most ``Limit/chunkBytes``.
    package var shortPartBytes = UInt64(Limit.chunkBytes)
    /// Whole chunks that a part must take of its source to borrow them.
    package var borrowChunks = 2
    /// Pause between two looks whether a change of the layout has been left unfinished.
    package var stewardInterval: Duration = .seconds(5)
    /// How much longer the next of the system's nodes leaves such a change to the one before it.
    package var stewardTurn: Duration = .seconds(20)
    /// How long a change of the layout waits until each chunk is on all of its homes; then as many
    /// copies as a write needs will do.
    package var contentPatience: Duration = .seconds(600)
    /// The day of lifecycle rules: that of 24 hours begins at midnight UTC.
    package var lifecycleDay: Duration = .seconds(86_400)
    /// Own rows that a pass over a bucket with lifecycle rules looks at in one page.
    package var lifecycleRows = 500
    /// Pause between two such pages: at most 10,000 rows a second are looked at.
    package var lifecyclePause: Duration = .milliseconds(50)
    /// Content read in one step, in blocks (1 MiB).
    package var readBlocks = 8
    /// Rules broken on purpose; only the simulation may ask for any.
    package var sabotage: Sabotage = []

    package init() {}
}

/// Rules that the simulation breaks to see whether its checkers notice.
package struct Sabotage: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// One replica's answer is taken for a majority of a register's replicas.
    package static let registerQuorumOfOne = Sabotage(rawValue: 1 << 0)
    /// A chunk counts as stored when one replica has it.
    package static let chunkQuorumOfOne = Sabotage(rawValue: 1 << 1)
    /// A copy by reference names the manifest without holding it (rule R1).
    package static let copyWithoutHold = Sabotage(rawValue: 1 << 2)
    /// A release takes whatever hold it finds (rule R5).
    package static let releaseIgnoresFence = Sabotage(rawValue: 1 << 3)
    /// A hold on a dead manifest counts (rule R6).
    package static let holdOnDead = Sabotage(rawValue: 1 << 4)
    /// A manifest without holds is made dead by a later change (rule R6).
    package static let deathInTwoSteps = Sabotage(rawValue: 1 << 5)
    /// The audit's fence is below the ceiling of the hold that it releases (rules R4 and R5).
    package static let auditLowFence = Sabotage(rawValue: 1 << 6)
    /// The audit releases holds of uploads after a plain read (rule R4).
    package static let auditKillsOpen = Sabotage(rawValue: 1 << 7)
    /// The audit looks for the version, not for what it names, and a copy that begins again keeps
    /// its version (rule R10).
    package static let auditIgnoresManifest = Sabotage(rawValue: 1 << 10)
    /// A dead manifest is sealed (rule R6).
    package static let sealAfterAbort = Sabotage(rawValue: 1 << 11)
    /// The audit makes a manifest dead at the ballot of its birth.
    package static let birthBallotUsedTwice = Sabotage(rawValue: 1 << 12)
    /// A creator who is not sure creates once more, above the birth (trap H2).
    package static let createdAboveBirth = Sabotage(rawValue: 1 << 13)
    /// A creator who is not sure has the manifest accepted at a ballot that nobody has promised.
    package static let creatorSkipsPrepare = Sabotage(rawValue: 1 << 14)
    /// The audit makes a manifest dead that a minority shows.
    package static let killIgnoresMinority = Sabotage(rawValue: 1 << 15)
    /// The audit makes a manifest dead below its birth.
    package static let killBelowBirth = Sabotage(rawValue: 1 << 23)
    /// The audit deletes chunks when it proposes the death of their manifest (rule R7).
    package static let dropBeforeDeath = Sabotage(rawValue: 1 << 28)
    /// The audit's evidence is on one replica (rule R4).
    package static let fenceOnOneReplica = Sabotage(rawValue: 1 << 29)
    /// A copy by reference holds the manifest after its accept (rule R1).
    package static let holdAfterAccept = Sabotage(rawValue: 1 << 16)
    /// A creator that was acknowledged once takes its manifest for created.
    package static let creatorTrustsMinority = Sabotage(rawValue: 1 << 17)
    /// What a manifest borrows is released when its last hold is about to go (rule R8).
    package static let borrowReleasedBeforeDeath = Sabotage(rawValue: 1 << 18)
    /// The audit takes a manifest that borrows and is absent for dead (rule R8).
    package static let absentOwnerIsDead = Sabotage(rawValue: 1 << 19)
    /// The audit releases holds after a plain read (rule R4).
    package static let auditWithoutFence = Sabotage(rawValue: 1 << 20)
    /// The audit's evidence is a promise, not a commit (rule R4).
    package static let fenceIsOnlyAPromise = Sabotage(rawValue: 1 << 21)
    /// The audit deletes chunks of a manifest that it finds absent (rule R7).
    package static let deleteOnAbsent = Sabotage(rawValue: 1 << 22)
    /// The audit makes a manifest dead by an accept that nobody has promised.
    package static let killWithoutPrepare = Sabotage(rawValue: 1 << 24)
    /// The sweep releases what one replica's row says was dropped (rule R4).
    package static let garbageFromOneReplica = Sabotage(rawValue: 1 << 25)
    /// A proposal above its ceiling leaves under the old hold (rule R2).
    package static let noSecondHold = Sabotage(rawValue: 1 << 26)
    /// What a change drops is not noted for the sweep (rule R9).
    package static let overwriteDropsGarbage = Sabotage(rawValue: 1 << 27)
    /// A part can be seen before what it borrows is held (rule R1).
    package static let partRowBeforeHold = Sabotage(rawValue: 1 << 32)
    /// Sealing takes the upload's hold away (trap H3).
    package static let sealReplacesUploadHold = Sabotage(rawValue: 1 << 33)
    /// A completion goes on although another list of parts is sealed (trap H4).
    package static let holdIgnoresSegments = Sabotage(rawValue: 1 << 34)
    /// Chunks of a part that was replaced go at once (rule R7, trap H5).
    package static let unlistedDeletedWhileOpen = Sabotage(rawValue: 1 << 35)
    /// The audit takes away what an open upload does not borrow by its manifest (trap H5).
    package static let borrowAuditWhileOpen = Sabotage(rawValue: 1 << 36)
    /// What stood in for a node is dropped before its home has been asked to have a copy.
    package static let moveHomeDropsFirst = Sabotage(rawValue: 1 << 40)
    /// Before a copy that stood in is dropped, the index of its home is believed, not its bytes.
    package static let healingTrustsIndex = Sabotage(rawValue: 1 << 41)
    /// Nothing is scrubbed, and nothing that is missing or damaged is replaced.
    package static let noHealing = Sabotage(rawValue: 1 << 42)
    /// A tombstone is erased as soon as a majority has it.
    package static let eraseMajority = Sabotage(rawValue: 1 << 8)
    /// A reader takes "no row" and a tombstone for the same answer.
    package static let noneIsTomb = Sabotage(rawValue: 1 << 9)
    /// Of the changes of one proposal only the first has its hold raised (rule R2).
    package static let combineSkipsHold = Sabotage(rawValue: 1 << 50)
    /// A forwarded change is carried out as often as it arrives.
    package static let forwardTwice = Sabotage(rawValue: 1 << 51)
    /// A read takes the first answer.
    package static let readMinority = Sabotage(rawValue: 1 << 46)
    /// An operation does not look for itself in the lineage of what it finds.
    package static let noLineage = Sabotage(rawValue: 1 << 47)
    /// What a minority shows to a prepare is taken for chosen.
    package static let minorityIsChosen = Sabotage(rawValue: 1 << 48)
    /// An answer without a write is given before the identity it rests on is committed.
    package static let negativeWithoutIdentity = Sabotage(rawValue: 1 << 49)
    /// A listing goes on although no majority of a partition has answered.
    package static let omitPartitionWithoutMajority = Sabotage(rawValue: 1 << 44)
    /// A listing believes the newest row that a node reports, whatever the others say.
    package static let listSkipsSettlement = Sabotage(rawValue: 1 << 45)
    /// Rows are handed over as they were before anybody had gone on to the joint layout.
    package static let syncBeforeSwitch = Sabotage(rawValue: 1 << 56)
    /// A joint layout is followed by a stable one without handing rows over.
    package static let noSync = Sabotage(rawValue: 1 << 57)
    /// In a joint layout a majority of the latter replicas is enough.
    package static let jointNewOnly = Sabotage(rawValue: 1 << 58)
    /// Rows are handed over whatever has been promised.
    package static let installIgnoresPromise = Sabotage(rawValue: 1 << 59)
    /// Whoever decides against a rename leaves its source as it is.
    package static let renameForgetsFence = Sabotage(rawValue: 1 << 52)
    /// A reader of a rename's target that finds no move at the source does not look again.
    package static let renameReadsOnce = Sabotage(rawValue: 1 << 53)
    /// A writer of a rename's source drops the mark before the target has the version.
    package static let renameDropsMove = Sabotage(rawValue: 1 << 54)
    /// A joint layout is followed by a stable one without handing content over.
    package static let noContentHandOver = Sabotage(rawValue: 1 << 61)
    /// Chunks that were stored under an older layout count.
    package static let contentNotSecured = Sabotage(rawValue: 1 << 62)
    /// Rows are erased while replicas are being changed.
    package static let eraseAnyConfig = Sabotage(rawValue: 1 << 60)
}
