/// What a message is about; one reply kind answers each.
///
/// Bodies of the messages: docs/protocol/messages.md.
package enum MessageKind: UInt8, Hashable, Sendable, CaseIterable {
    /// RegisterRequest → RegisterReply.
    case register = 1
    /// Rows of the asked node after a marker → rows.
    case scan = 2
    /// A bucket's new generation → done.
    case fence = 3
    /// A chunk as stored, in the body → done.
    case writeChunk = 4
    /// A chunk name and a range of its blocks → those blocks as stored, in the body.
    case readChunk = 5
    /// Names of source and target and the nodes that have the source → done.
    case pullChunk = 6
    /// A manifest whose chunks are to be deleted, and runs of those that stay → done.
    case dropManifest = 7
    /// The layout the sender has → done.
    case pushLayout = 8
    /// Nothing → name, zone, capacity, address and the epoch known.
    case describe = 9
    /// A partition, or none for a sum of each → digests.
    case digests = 10
    /// Ranges of a partition → the ballots of their rows.
    case ballots = 11
    /// The start of the sender → done.
    case announce = 12
    /// A version or a manifest: does the coordinator there have it under way? → done.
    case underWay = 13
    /// Names of chunks → those of them that are not there.
    case haveChunks = 14
    /// A chunk name, and how many → the names of the chunks behind it.
    case listChunks = 15
    /// Names of chunks of which the own node needs no copy → done.
    case dropCopies = 16
    /// Bytes to verify from where the last such request ended → what was found.
    case scrubChunks = 17
    /// Names of a target and of pieces of chunks, and the nodes that have those → composedChunk.
    case composeChunk = 19
    /// Keys of rows → those rows with their promises.
    case heldRows = 20
    /// Rows handed over by their former replicas → what became of each.
    case install = 21
    /// A bucket → the fences behind it.
    case fences = 22
    /// Fences that others have → done.
    case raiseFences = 23
    /// A partition → its floors.
    case floors = 24
    /// A partition's floors as others have them → done.
    case raiseFloors = 25
    /// A change of a register that the receiver is to make → changeReply.
    case change = 18

    // Replies.
    case done = 64
    case registerReply = 65
    case rows = 66
    case blocks = 67
    case description = 68
    /// The asker's layout is older: the newer one is enclosed.
    case staleLayout = 69
    /// The asker's layout is newer than the answerer's: push it and ask again.
    case needLayout = 70
    /// The request could not be carried out: code and text.
    case failure = 71
    case digestList = 72
    case ballotPage = 73
    case chunkNames = 74
    case scrubPage = 75
    /// Bytes moved, and the MD5 of a chunk.
    case composedChunk = 77
    case heldRowList = 80
    case installed = 81
    case fenceList = 82
    case floorPair = 83
    case seenStart = 84
    case changeReply = 76
}
