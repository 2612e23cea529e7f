import Content
import Coordinator
import PeerProtocol
import Placement
import Register
import SimulatedRuntime
import StorageNode
import StoreModel

extension Inspection {
    /// Every live version has a hold on its manifest, which is sealed and holds what it borrows.
    ///
    /// This is so at any time, not only when everything is quiet. While operations are under way a
    /// missing hold counts only if no machine was down and the version is still live afterwards.
    func checkHolds(keys: Int) async {
        let lives = self.lives
        guard !lives.contains(nil) else { return }
        for (key, register, version) in await self.liveVersions(keys: keys) {
            guard let fault = await self.fault(of: version, in: register) else { continue }
            let now = await self.liveVersions(keys: keys)
            guard lives == self.lives, now.contains(where: { $0.version.id == version.id }) else {
                continue
            }
            self.report(key, version, fault)
        }
    }

    /// The same for versions that are live by what is chosen, whatever a minority has: a deletion
    /// that one replica has taken is no reason to let go of anything.
    func checkChosenHolds(keys: Int) async {
        let lives = self.lives
        guard !lives.contains(nil), let bucket = await self.bucket() else { return }
        for key in 0..<keys {
            let register = RegisterKey.object(bucket, self.cluster.name(key).key)
            for version in await self.chosenVersions(of: register) {
                guard let fault = await self.fault(of: version, in: register) else { continue }
                let now = await self.chosenVersions(of: register)
                guard lives == self.lives, now.contains(where: { $0.id == version.id }) else {
                    continue
                }
                self.report(key, version, fault)
            }
        }
    }

    private func report(_ key: Int, _ version: Version, _ fault: String) {
        let story = "k\(key), tag \(Self.tag(version)), \(fault)"
        self.history.report(Violation(.contentAtRisk, story))
    }

    /// What is wrong with the content of a version; nil if nothing is, or it is inline.
    private func fault(of version: Version, in register: RegisterKey) async -> String? {
        guard case .manifest(let manifest, _, let digest, _) = version.content else { return nil }
        let record = await self.record(of: manifest)
        guard let record, record.state == .sealed,
            record.list.digest == digest,
            record.holds.contains(where: { $0.owner == .version(register, version.id) })
        else {
            let found = record.map { "\($0.state), with \($0.holds.count) holds" } ?? "gone"
            return "names manifest \(manifest) without a hold: it is \(found)"
        }
        for source in record.borrows {
            let lent = await self.record(of: source)
            if lent?.holds.contains(where: { $0.owner == .manifest(manifest) }) ?? false {
                continue
            }
            let found = lent.map { "\($0.state), with \($0.holds.count) holds" } ?? "gone"
            return "borrows from manifest \(source) without a hold: it is \(found)"
        }
        return nil
    }

    private func chosenVersions(of register: RegisterKey) async -> [Version] {
        guard let value = await self.agreed(register), let record = try? ObjectRecord(value) else {
            return []
        }
        return record.holders
    }

    /// The value that a majority of the replicas of a register shows at one ballot; nil if none
    /// does, or it is that there is no row.
    func agreed(_ key: RegisterKey) async -> RegisterValue? {
        let layouts = self.cluster.members.lazy.compactMap { $0.node?.layouts.layout }
        guard let layout = layouts.first, !layout.isJoint else { return nil }
        let replicas = layout.replicaSet(of: key.partition)
        var rows: [(ballot: Ballot, value: RegisterValue)] = []
        for member in self.cluster.members {
            guard let node = member.node, replicas.contains(node.id),
                case .register(.row(let accepted, let value))? =
                    await self.ask(member, .register(key, .read)),
                let value
            else { continue }
            rows.append((accepted, value))
        }
        return rows.first { row in
            rows.count { $0.ballot == row.ballot } > replicas.count / 2
        }?.value
    }

    /// The manifest of an open upload lives (I6).
    func checkOpenManifests(keys: Int) async {
        for (key, register, record) in await self.objects(keys: keys, isChosen: true) {
            for upload in record.uploads {
                guard let value = await self.agreed(.manifest(upload.manifest)),
                    self.isDead(value), let now = await self.agreed(register),
                    let record = try? ObjectRecord(now), record.uploads.contains(upload)
                else { continue }
                let story = "manifest \(upload.manifest) of an open upload of k\(key) is dead"
                self.history.report(Violation(.contentAtRisk, story))
            }
        }
    }

    private func isDead(_ value: RegisterValue) -> Bool {
        guard let body = value.body else { return true }
        return (try? ManifestRecord(decoding: body))?.state == .dead
    }

    /// Who is dead stays dead (I2).
    func checkDeaths() async {
        for manifest in self.manifests() {
            guard let value = await self.agreed(.manifest(manifest)), value.changeNumber > 0 else {
                continue
            }
            let isDead = self.isDead(value)
            guard self.history.note(manifest, isDead: isDead), !isDead else { continue }
            self.history.report(Violation(.contentAtRisk, "manifest \(manifest) has come back"))
        }
    }
}
