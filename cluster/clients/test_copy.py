"""What a copy costs, by the nodes' own metrics."""

import statistics
import time

import pytest

from cluster import QUIET, content, digest, started

MEBIBYTE = 1 << 20


@pytest.fixture
def quiet_cluster(tmp_path):
    yield from started(tmp_path / "quiet", environment=QUIET)


class Body:
    """A body of many repetitions of one part, that is never in memory as a whole."""

    def __init__(self, part, repetitions):
        self.part = part
        self.size = len(part) * repetitions
        self.position = 0

    def __len__(self):
        return self.size

    def read(self, count=-1):
        if count < 0:
            count = MEBIBYTE
        start = self.position % len(self.part)
        count = min(count, len(self.part) - start, self.size - self.position)
        self.position += count
        return self.part[start : start + count]

    def seek(self, offset, whence=0):
        base = {0: 0, 1: self.position, 2: self.size}[whence]
        self.position = base + offset
        return self.position

    def tell(self):
        return self.position


class Spent:
    """Differences of metrics over all nodes between entering and leaving."""

    def __init__(self, cluster):
        self.cluster = cluster

    def __enter__(self):
        # The third replica of a chunk may still be on its way after the answer to a put.
        name = "triolet_peer_body_bytes_total"
        known = None
        while (now := self.cluster.total(name)) != known:
            known = now
            time.sleep(0.05)
        self.before = self.cluster.metrics()
        self.started = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.started
        self.after = self.cluster.metrics()

    def __call__(self, name, **labels):
        def total(samples):
            return sum(
                value
                for found, those, value in samples
                if found == name and labels.items() <= those.items()
            )

        return total(self.after) - total(self.before)


def moved(spent):
    """Bytes of chunks that moved anywhere: through coordinators, between nodes, onto disks."""
    return {
        "through coordinators": spent("triolet_coordinator_chunk_bytes_total"),
        "on the peer network": spent("triolet_peer_body_bytes_total"),
        "pulled": spent("triolet_node_chunk_bytes_pulled_total"),
        "written": spent("triolet_node_chunk_bytes_written_total"),
    }


def test_by_reference_moves_nothing_at_any_size(quiet_cluster):
    cluster = quiet_cluster
    s3 = cluster.s3(1)
    s3.create_bucket(Bucket="copy-reference")
    body = Body(content(1, 64 * MEBIBYTE), 16)
    s3.put_object(Bucket="copy-reference", Key="gibibyte", Body=body, ContentLength=len(body))
    source = {"Bucket": "copy-reference", "Key": "gibibyte"}

    times, messages = [], []
    s3 = cluster.s3(2)
    for number in range(9):
        with Spent(cluster) as spent:
            s3.copy_object(Bucket="copy-reference", Key=f"copy-{number}", CopySource=source)
        times.append(spent.seconds)
        assert set(moved(spent).values()) == {0}, moved(spent)
        messages.append(spent("triolet_node_messages_total"))
    # A node that is slow to answer on a busy machine is asked again, and that is counted too; what
    # a copy costs on its own is counted exactly in CoordinatorTests.
    assert statistics.median(messages) <= 20, f"{messages} messages for a copy each"
    print(f"copy of 1 GiB by reference: median {statistics.median(times) * 1000:.1f} ms")
    # Copied onto itself it stays what it is (Ceph 70746).
    for number in range(3):
        with Spent(cluster) as spent:
            s3.copy_object(
                Bucket="copy-reference",
                Key="copy-8",
                CopySource={"Bucket": "copy-reference", "Key": "copy-8"},
                MetadataDirective="REPLACE",
                Metadata={"number": str(number)},
            )
        assert set(moved(spent).values()) == {0}, moved(spent)
    head = cluster.s3(3).head_object(Bucket="copy-reference", Key="copy-8")
    assert head["ContentLength"] == 1 << 30
    tail = cluster.s3(3).get_object(
        Bucket="copy-reference", Key="copy-8", Range=f"bytes=-{MEBIBYTE}"
    )
    assert tail["Body"].read() == body.part[-MEBIBYTE:]
    for key in ["gibibyte"] + [f"copy-{number}" for number in range(9)]:
        s3.delete_object(Bucket="copy-reference", Key=key)


def test_independent_copy_goes_from_node_to_node_once(fresh_cluster):
    cluster = fresh_cluster
    cluster.s3(1).create_bucket(Bucket="copy-independent")
    # One node misses the source, so as a target it has to fetch what it gets from the others.
    cluster.kill(3)
    data = content(2, 64 * MEBIBYTE)
    before = cluster.node_total(1, "triolet_node_chunk_bytes_written_total")
    cluster.s3(1).put_object(Bucket="copy-independent", Key="source", Body=data)
    stored = cluster.node_total(1, "triolet_node_chunk_bytes_written_total") - before
    assert 0 < stored < len(data), "half of the bytes can be compressed"
    cluster.restart(3)

    with Spent(cluster) as spent:
        answer = cluster.s3(2).copy_object(
            Bucket="copy-independent",
            Key="target",
            CopySource={"Bucket": "copy-independent", "Key": "source"},
            StorageClass="REDUCED_REDUNDANCY",
        )
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-triolet-copy-mode"] == "independent"
    found = moved(spent)
    assert found["through coordinators"] == 0, found
    # It has started again, so that it counts from zero. It may have been given the source before
    # the copy came, for which it then had to fetch nothing.
    pulled = cluster.node_total(3, "triolet_node_chunk_bytes_pulled_total")
    assert 0 < pulled <= 2 * stored, (found, pulled, stored)
    sent = spent("triolet_peer_body_bytes_total", direction="sent")
    assert sent <= 2 * stored, (found, stored)
    assert sent > 0 or found["pulled"] == 0, (found, stored)
    print(f"independent copy of 64 MiB: {sent / MEBIBYTE:.1f} MiB between nodes,"
          f" {spent.seconds:.3f} s")
    for node in (1, 2, 3):
        answer = cluster.s3(node).get_object(Bucket="copy-independent", Key="target")
        assert digest(answer["Body"].read()) == digest(data)
    cluster.s3(1).delete_object(Bucket="copy-independent", Key="source")
    answer = cluster.s3(3).get_object(Bucket="copy-independent", Key="target")
    assert digest(answer["Body"].read()) == digest(data), "it stands on its own"
