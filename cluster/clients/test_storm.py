"""A storm of copies, overwrites and deletes while nodes die: afterwards every object is what it was
made of, through every pair of nodes, and when all is deleted nothing is left of it on the disks.

STORM_SECONDS sets its length: short with every change, 300 by hand (docs/testing.md).
"""

import collections
import hashlib
import os
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cluster import Cluster, content, digest, wait_until

SECONDS = int(os.environ.get("STORM_SECONDS", "24"))
KILL_EVERY, DOWN_FOR = 10, 3
WORKERS, SLOTS = 4, 6
BUCKET = "storm"
MIB = 1 << 20
# A node makes so much room before it is needed (docs/decisions/0004-volumes.md).
ROOM_AHEAD = 64 * MIB
# In the version itself; in one chunk; in several.
SIZES = [200, 20_000, 700_000, 9 * MIB]
WEIGHTS = [4, 4, 3, 1]
# Uncertain for a client, and certain to be tried again by it.
ATTEMPTS = 6
QUICK = {
    "TRIOLET_TUNING_RELEASE_GRACE": "1s",
    "TRIOLET_TUNING_SWEEP_INTERVAL": "1s",
    "TRIOLET_TUNING_AUDIT_INTERVAL": "1s",
    "TRIOLET_TUNING_AUDIT_AGE": "10s",
    "TRIOLET_TUNING_HEAL_INTERVAL": "10s",
}


class Unknown(Exception):
    """Nobody knows whether the operation was carried out."""


class Bodies:
    """What may be stored, by digest: contents are made again when they are needed."""

    def __init__(self):
        self.made = {}
        # What has an ETag; noted before anybody can see it.
        self.by_etag = {}

    def new(self, seed, size):
        data = content(seed, size)
        self.note(data, lambda: content(seed, size), hashlib.md5(data).hexdigest())
        return data

    def note(self, data, make, etag=None):
        self.made[digest(data)] = make
        if etag:
            self.by_etag[etag] = digest(data)

    def of(self, hash):
        return self.made[hash]()


class Worker(threading.Thread):
    """Writes its own keys, copies from everybody's.

    A write that was tried more than once may be carried out again later: its key is not written
    any more, and another one takes its place. Where nobody knows what a key holds, it has to be one
    of the contents that it may hold.
    """

    def __init__(self, cluster, bodies, number, stop, others):
        super().__init__(name=f"worker {number}")
        self.clients = [cluster.s3(node, attempts=2) for node in range(1, cluster.nodes + 1)]
        self.bodies, self.number, self.stop = bodies, number, stop
        self.others = others
        self.random = random.Random(number)
        self.names = {slot: 0 for slot in range(SLOTS)}
        # Digest of what a key of this worker holds, None if nothing.
        self.holds = {}
        # For those of which that is not known: all that it may be.
        self.may_hold = {}
        self.counts = collections.Counter()
        self.failure = None

    def key(self, slot):
        return f"w{self.number}/{slot}-{self.names[slot]}"

    def run(self):
        turn = 0
        try:
            while not self.stop.is_set():
                turn += 1
                self.turn(turn)
        except Exception as failure:  # Told by the test; a thread has nobody to tell.
            self.failure = failure

    def turn(self, turn):
        slot = self.random.randrange(SLOTS)
        key = self.key(slot)
        full = [other for other, hash in self.holds.items() if hash]
        kind = self.random.choice(
            ["put", "copy", "copy", "foreign", "foreign", "self", "parts", "delete", "get"]
        )
        if kind in ("self", "get") and not self.holds.get(key) or not full:
            kind = "put"
        before, self.tries = self.holds.get(key), 0
        try:
            self.holds[key] = getattr(self, f"do_{kind}")(turn, key, full)
            self.counts[kind] += 1
        except Unknown as unknown:
            self.counts["unknown"] += 1
            results = unknown.args[0]
            self.may_hold[key] = None if results is None else {before, *results}
            self.holds.pop(key, None)
        if self.tries > 1:
            self.names[slot] += 1

    def live(self):
        return {self.key(slot) for slot in range(SLOTS)}

    def attempt(self, operation, results=frozenset()):
        """Carries it out through one node, and through another if that fails."""
        first = self.random.randrange(len(self.clients))
        self.tries = max(self.tries, 1)
        for attempt in range(ATTEMPTS):
            try:
                return operation(self.clients[(first + attempt) % len(self.clients)])
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status < 500:
                    raise
            except BotoCoreError:
                pass
            self.tries += 1
            self.counts["retried"] += 1
            time.sleep(0.1 * attempt)
        raise Unknown(results)

    def do_put(self, turn, key, _):
        size = self.random.choices(SIZES, WEIGHTS)[0] + turn % 50
        data = self.bodies.new(turn * WORKERS + self.number, size)
        self.attempt(lambda s3: s3.put_object(Bucket=BUCKET, Key=key, Body=data), {digest(data)})
        return digest(data)

    def do_copy(self, _, key, full):
        source = self.random.choice([other for other in full if other != key] or full)
        if source == key:
            return self.holds[key]
        mode = self.random.choice(["reference", "reference", "independent"])
        return self.copy(source, key, mode)

    def do_self(self, turn, key, _):
        return self.copy(key, key, "reference", MetadataDirective="REPLACE",
                         Metadata={"turn": str(turn)})

    def do_foreign(self, _, key, __):
        """The source is written meanwhile: the answer says which of its versions was copied."""
        keys = sorted(self.random.choice(self.others).live() - {key})
        source = self.random.choice(keys)
        before = self.holds.get(key)
        try:
            answer = self.attempt(lambda s3: self.send_copy(s3, source, key), None)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey", f"{source} to {key}: {error}"
            if self.tries > 1:
                raise Unknown(None) from error
            return before
        if self.tries > 1:
            raise Unknown(None)  # Another version may have been copied by the first try.
        return self.bodies.by_etag[answer["CopyObjectResult"]["ETag"].strip('"')]

    def copy(self, source, key, mode, **options):
        hash = self.holds[source]
        self.attempt(lambda s3: self.send_copy(s3, source, key, mode, **options), {hash})
        self.counts[mode] += 1
        return hash

    @staticmethod
    def send_copy(s3, source, key, mode="reference", **options):
        def ask(request, **_):
            request.headers["x-triolet-copy-mode"] = mode

        s3.meta.events.register_first("before-sign.s3.CopyObject", ask)
        try:
            source = {"Bucket": BUCKET, "Key": source}
            return s3.copy_object(Bucket=BUCKET, Key=key, CopySource=source, **options)
        finally:
            s3.meta.events.unregister("before-sign.s3.CopyObject", ask)

    def do_parts(self, turn, key, full):
        """An object of a part that is put and of ranges of others, copied."""
        own = self.bodies.new(turn * WORKERS + self.number, 5 * MIB + turn)
        large = [source for source in full if len(self.bodies.of(self.holds[source])) > 6 * MIB]
        ranges, pieces = [], [own]
        for source in large[:1]:
            whole = self.bodies.of(self.holds[source])
            first = self.random.randrange(MIB)
            ranges.append((source, first, first + 5 * MIB - 1))
            pieces.append(whole[first : first + 5 * MIB])
        source = self.random.choice(full)
        whole = self.bodies.of(self.holds[source])
        last = self.random.randrange(len(whole))
        ranges.append((source, 0, last))
        pieces.append(whole[: last + 1])
        data = b"".join(pieces)
        hash = digest(data)
        seed, hashes = turn * WORKERS + self.number, [self.holds[source] for source, _, _ in ranges]
        bounds = [(first, last) for _, first, last in ranges]

        def make():
            parts = [content(seed, 5 * MIB + turn)]
            for hash, (first, last) in zip(hashes, bounds):
                parts.append(self.bodies.of(hash)[first : last + 1])
            return b"".join(parts)

        created = self.attempt(lambda s3: s3.create_multipart_upload(Bucket=BUCKET, Key=key))
        name = {"Bucket": BUCKET, "Key": key, "UploadId": created["UploadId"]}
        etags = [
            self.attempt(lambda s3: s3.upload_part(**name, PartNumber=1, Body=own))["ETag"]
        ]
        for number, (source, first, last) in enumerate(ranges, 2):
            answer = self.attempt(
                lambda s3: s3.upload_part_copy(
                    **name, PartNumber=number, CopySourceRange=f"bytes={first}-{last}",
                    CopySource={"Bucket": BUCKET, "Key": source},
                )
            )
            etags.append(answer["CopyPartResult"]["ETag"])
        # What is not read has no MD5: that of a part may be another digest.
        sums = b"".join(bytes.fromhex(etag.strip('"')) for etag in etags)
        self.bodies.note(data, make, f"{hashlib.md5(sums).hexdigest()}-{len(etags)}")
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self.attempt(
            lambda s3: s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts}),
            {hash},
        )
        return hash

    def do_delete(self, _, key, __):
        self.attempt(lambda s3: s3.delete_object(Bucket=BUCKET, Key=key), {None})

    def do_get(self, _, key, __):
        answer = self.attempt(
            lambda s3: digest(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        )
        assert answer == self.holds[key], f"{key}: wrong content"
        return answer


def found(s3, key):
    """The digest of what a key holds, None if nothing."""
    try:
        return digest(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchKey", f"{key}: {error}"
        return None


def check(cluster, bodies, workers, nodes):
    clients = [cluster.s3(node, attempts=2) for node in nodes]
    for worker in workers:
        certain = {key: {hash} for key, hash in worker.holds.items()}
        for number, (key, hashes) in enumerate(sorted((worker.may_hold | certain).items())):
            if hashes is None:
                hashes = {None, *bodies.made}
            hash = found(clients[number % len(nodes)], key)
            assert hash in hashes, f"{key} through n{nodes[number % len(nodes)]}"


def kill_in_turn(cluster, stop):
    """One node after the other is down for a while; the next one only when all are well."""
    kills = 0
    while not stop.wait(KILL_EVERY - DOWN_FOR):
        node = 1 + kills % cluster.nodes
        cluster.kill(node)
        kills += 1
        stop.wait(DOWN_FOR)
        cluster.restart(node)
        wait_until(
            lambda: all(cluster.readiness(node) == "ready" for node in range(1, cluster.nodes + 1)),
            "a node that was killed does not come back",
        )
    return kills


def empty(cluster):
    """Deletes and aborts everything, and waits until the disks show it."""
    s3 = cluster.s3(1, attempts=5)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=BUCKET):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=entry["Key"])


def volume_bytes(cluster):
    """Bytes that volumes take on the disks of all nodes."""
    return sum(
        path.stat().st_blocks * 512
        for node in range(1, cluster.nodes + 1)
        for path in cluster.data(node).rglob("volume-*")
    )


@pytest.fixture
def storm_cluster(tmp_path):
    cluster = Cluster(tmp_path / "storm", environment=QUICK)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def test_a_storm_of_copies_and_kills(storm_cluster):
    cluster, bodies = storm_cluster, Bodies()
    cluster.s3(1).create_bucket(Bucket=BUCKET)
    stop = threading.Event()
    workers = []
    for number in range(WORKERS):
        workers.append(Worker(cluster, bodies, number, stop, workers))
    for worker in workers:
        worker.start()
    timer = threading.Timer(SECONDS, stop.set)
    timer.start()
    try:
        kills = kill_in_turn(cluster, stop)
    finally:
        stop.set()
        timer.cancel()
        for worker in workers:
            worker.join(timeout=300)
    counts = sum((worker.counts for worker in workers), collections.Counter())
    print(f"{SECONDS} s, {kills} kills: {dict(sorted(counts.items()))};"
          f" {volume_bytes(cluster) >> 20} MiB of volumes")
    assert [worker.failure for worker in workers if worker.failure] == []
    assert kills > 0 and counts["copy"] > 0 and counts["parts"] > 0

    # Every pair of nodes has everything.
    for away in range(1, cluster.nodes + 1):
        nodes = [node for node in range(1, cluster.nodes + 1) if node != away]
        cluster.kill(away)
        check(cluster, bodies, workers, nodes)
        cluster.restart(away)
        wait_until(lambda: cluster.readiness(away) == "ready", f"n{away} does not come back")

    empty(cluster)
    wait_until(
        lambda: cluster.total("triolet_chunks_stored") == 0, "chunks without an object", within=180
    )
    wait_until(
        lambda: volume_bytes(cluster) <= cluster.nodes * ROOM_AHEAD, "the disk space is not back"
    )
    print(f"all deleted: no chunk, {volume_bytes(cluster) >> 20} MiB of volumes")
    cluster.s3(2).delete_bucket(Bucket=BUCKET)
