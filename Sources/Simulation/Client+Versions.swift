import Coordinator
import SimulatedRuntime
import StoreModel

/// What is done to versions that readers of current ones see nothing of: all that a run knows of
/// keys holds as it does without.
extension Client {
    /// Has the bucket keep versions, or keep them no more.
    func setVersioning(at member: Member) async {
        let versioning = self.draw { $0.pick([Versioning.enabled, .enabled, .suspended]) }
        let what = "set versioning to \(versioning)"
        let number = self.history.begin("\(what) at \(member.name)")
        let call = Call(number, what, member, self.simulator.nanoseconds)
        let bucket = self.cluster.bucket
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.set(.versioning(versioning), of: bucket)
        }
        self.end(call, result)
    }

    /// Deletes a version of a key for good that is not its newest, and so never will be: newer ones
    /// go only if something still newer comes.
    ///
    /// Never the null version: by that name another one may be known by then.
    func deleteVersion(_ key: Int, at member: Member) async {
        let name = self.cluster.name(key)
        let what = "delete an old version of k\(key)"
        let number = self.history.begin("\(what) at \(member.name)")
        let call = Call(number, what, member, self.simulator.nanoseconds)
        let listed = await self.ask(call) { coordinator throws(ClusterError) in
            try await coordinator.listVersions(
                ListVersionsRequest(bucket: name.bucket, prefix: name.key.bytes)
            )
        }
        guard case .success(let page)? = listed else {
            self.history.end(number, \.failed)
            return
        }
        let old = page.entries.compactMap { entry -> VersionName? in
            guard case .version(let version) = entry, version.key == name.key,
                !version.isLatest, version.name != .null
            else { return nil }
            return version.name
        }
        guard !old.isEmpty else {
            self.history.end(number, \.refused)
            return
        }
        let version = self.draw { $0.pick(old) }
        let result = await self.ask(call) { coordinator throws(ClusterError) in
            _ = try await coordinator.delete(DeleteRequest(name: name, version: version))
        }
        self.end(call, result)
    }

    private func end(_ call: Call, _ result: Result<Void, ClusterError>?) {
        switch result {
        case .success?: self.history.end(call.number, \.succeeded)
        case .failure(let error)? where Self.isHarmless(error):
            self.history.end(call.number, \.failed)
        case .failure?, nil: self.history.end(call.number, \.unknown)
        }
    }
}
