"""The world of the acceptance cases: a cluster, three users, two buckets and an object."""

import itertools
import time

from cluster import QUICK, started, wait_until
from raw import Raw

CONTENT = b"hello world"
MD5 = '"5eb63bbbe01eeed093cb22bb8f5acdc3"'
USERS = """\
users:
  - name: alice
    id: a11ce
    account: "111111111111"
    email: alice@example.com
    keys: [{ access_key: AKIAALICE, secret_key: alices-secret }]
  - name: bob
    id: b0b
    account: "222222222222"
    email: bob@example.com
    keys: [{ access_key: AKIABOB, secret_key: bobs-secret }]
"""


def cases_cluster(directory):
    users = directory / "users.yaml"
    users.touch(mode=0o600)
    users.write_text(USERS)
    yield from started(
        directory / "cluster", environment=QUICK | {"TRIOLET_USERS_FILE": str(users)}
    )


class World:
    """Buckets S and D of alice, `S/o` as section 7 has it, and everybody's clients."""

    numbers = itertools.count(1)

    def __init__(self, cluster):
        self.cluster = cluster
        number = next(self.numbers)
        self.S, self.D = f"source-{number}", f"target-{number}"
        keys = cluster.keys()
        self.root = self.raw(1, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        # Written through node 1, copied through node 2, read through node 3.
        self.writer, self.copier, self.reader = (self.alice(node) for node in (1, 2, 3))
        self.bob, self.nobody = self.raw(2, "AKIABOB", "bobs-secret"), self.raw(3)
        for bucket in (self.S, self.D):
            self.writer.request("PUT", f"/{bucket}").succeeds()
        self.put_o()

    def raw(self, node, *keys):
        return Raw(self.cluster.host(node), *keys)

    def alice(self, node):
        return self.raw(node, "AKIAALICE", "alices-secret")

    def put_o(self, **headers):
        described = {
            "Content-Type": "text/plain", "Cache-Control": "max-age=60", "Content-Language": "en-US",
            "x-amz-meta-k1": "v1", "x-amz-tagging": "key1=value1",
        }
        return self.writer.put(self.S, "o", CONTENT, **(described | headers)).succeeds()

    @property
    def o(self):
        """S/o as a source."""
        return f"/{self.S}/o"

    def copy(self, key="c", source=None, **headers):
        return self.copier.copy(source or self.o, self.D, key, **headers)

    def copy_onto_itself(self, key="o", **headers):
        return self.copier.copy(f"/{self.S}/{key}", self.S, key, **headers)

    def bytes_of(self, bucket, key, query=""):
        return self.reader.get(bucket, key, query).succeeds().body

    def head(self, bucket, key, query=""):
        return self.reader.head(bucket, key, query).succeeds().headers

    def is_absent(self, bucket, key):
        assert self.reader.head(bucket, key).status == 404

    def is_untouched(self, key="c"):
        """D/key was never written."""
        self.is_absent(self.D, key)

    def keep_versions(self, bucket, status="Enabled"):
        document = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
        self.writer.put(bucket, "", document.encode(), "versioning").succeeds()

    def tags(self, bucket, key):
        answer = self.reader.get(bucket, key, "tagging").succeeds()
        return dict(zip(answer.texts("Key"), answer.texts("Value")))

    def s3(self, node=2, attempts=1, **config):
        """A boto3 client of alice."""
        return self.cluster.s3(
            node, attempts, access_key="AKIAALICE", secret_key="alices-secret", **config
        )

    def stored(self):
        """Bytes of chunks on all nodes."""
        return self.cluster.total("triolet_chunks_stored_bytes")

    def settled(self):
        """What is stored once nothing is deleted or replicated any more, for longer than a sweep."""
        known, since = None, time.monotonic()

        def stands():
            nonlocal known, since
            totals = {"triolet_chunks_stored_bytes": 0, "triolet_sweep_waiting_rows": 0}
            for name, _, value in self.cluster.metrics():
                if name in totals:
                    totals[name] += value
            if totals != known or totals["triolet_sweep_waiting_rows"] > 0:
                known, since = totals, time.monotonic()
            return time.monotonic() - since > 1.3

        wait_until(stands, "the nodes come to rest")
        return known["triolet_chunks_stored_bytes"]

    def gives_back(self, stored):
        """Waits until no more is stored than `stored`: a number of `settled()`."""
        wait_until(lambda: self.stored() <= stored, "the space is given back", within=30)
