/// The replies of a set of replicas, gathered until they suffice.
///
/// Every replica is asked at once. Stragglers are not abandoned: their calls go on in the
/// background, so that a replica that is merely slow still gets its copy.
///
/// `enough` looks at the replies so far, in order of arrival, with `nil` for a replica that failed;
/// true ends the wait. The result is what had arrived by then, or all replies.
package func gather<Node: Sendable, Reply: Sendable>(
    from replicas: [Node],
    background: any Background,
    ask: @escaping @Sendable (Node) async -> Reply?,
    enough: ([(node: Node, reply: Reply?)]) -> Bool
) async -> [(node: Node, reply: Reply?)] {
    let (answers, inbox) = AsyncStream.makeStream(of: (Node, Reply?).self)
    for replica in replicas {
        background.run { inbox.yield((replica, await ask(replica))) }
    }
    var replies: [(node: Node, reply: Reply?)] = []
    guard !replicas.isEmpty else { return replies }
    for await (node, reply) in answers {
        replies.append((node: node, reply: reply))
        if replies.count == replicas.count || enough(replies) { break }
    }
    return replies
}
