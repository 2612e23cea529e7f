#!/usr/bin/env python3
"""What copies cost on a cluster of three processes: by hand, on a machine that does nothing else.

    .build-clients/venv/bin/python cluster/bench/copies.py [--directory DIR] [--copies 60]

By reference: objects of 1 MiB, 1 GiB and 5 GiB, and one of 10,000 parts (of 8 MiB, all of them
shared, so that it takes no room); latency by one client, and what the nodes count for one copy. Then 1 GiB independently, beside a put of the same data and the
disk itself. Takes about 20 GiB of disk. Results: docs/performance.md.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

from cluster import QUIET, Cluster  # noqa: E402
from fast import FastClient  # noqa: E402

MIB, GIB = 1 << 20, 1 << 30
BUCKET = "bench"
PART = 64 * MIB
# The object of 10,000 parts has more than 5 GiB, whatever they are.
ENVIRONMENT = QUIET | {"TRIOLET_S3_COPY_LIMIT": "none"}


def say(text):
    print(text, flush=True)


def put(s3, key, size, block):
    """Puts an object of nothing that can be compressed, in parts if it is large."""
    if size <= PART:
        s3.put_object(Bucket=BUCKET, Key=key, Body=block[:size])
        return
    name = {"Bucket": BUCKET, "Key": key}
    name["UploadId"] = s3.create_multipart_upload(**name)["UploadId"]

    def part(number):
        etag = s3.upload_part(**name, PartNumber=number, Body=block)["ETag"]
        return {"PartNumber": number, "ETag": etag}

    with ThreadPoolExecutor(2) as threads:
        parts = list(threads.map(part, range(1, size // PART + 1)))
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})


def put_parts(s3, key, count, block):
    """An object of many parts, each a copy of one and the same object, by reference."""
    s3.put_object(Bucket=BUCKET, Key="part", Body=block[: 8 * MIB])
    name = {"Bucket": BUCKET, "Key": key}
    name["UploadId"] = s3.create_multipart_upload(**name)["UploadId"]

    def part(number):
        answer = s3.upload_part_copy(
            **name, PartNumber=number, CopySource={"Bucket": BUCKET, "Key": "part"}
        )
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

    with ThreadPoolExecutor(8) as threads:
        parts = list(threads.map(part, range(1, count + 1)))
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})


COUNTED = {
    "rounds": ("triolet_meta_rounds_total", {}),
    "messages": ("triolet_node_messages_total", {}),
    "syncs of rows": ("triolet_node_syncs_total", {"store": "rows"}),
    "syncs of chunks": ("triolet_node_syncs_total", {"store": "chunks"}),
    "chunk bytes": ("triolet_peer_body_bytes_total", {}),
}


def counts(cluster):
    return {name: cluster.total(metric, **labels) for name, (metric, labels) in COUNTED.items()}


def by_reference(cluster, client, names, copies):
    """Sizes in turn, so that what else the machine does meets all of them alike."""
    times = {name: [] for name in names}
    for warm in range(3):
        for name in names:
            client.copy(BUCKET, name, f"warm-{warm}-{name}")
    spent = {name: dict.fromkeys(COUNTED, 0) for name in names}
    for number in range(copies):
        for name in names:
            before = counts(cluster)
            began = time.perf_counter()
            client.copy(BUCKET, name, f"copy-{number}-{name}")
            times[name].append(time.perf_counter() - began)
            time.sleep(0.02)
            after = counts(cluster)
            for counted in COUNTED:
                spent[name][counted] += after[counted] - before[counted]
    say(f"| object | p50 | p90 | max | {' | '.join(COUNTED)} |")
    say("|---" * (4 + len(COUNTED)) + "|")
    for name in names:
        found = sorted(times[name])
        numbers = [statistics.median(found), found[len(found) * 9 // 10], found[-1]]
        row = [f"{seconds * 1e3:.2f} ms" for seconds in numbers]
        row += [f"{spent[name][counted] / copies:.1f}" for counted in COUNTED]
        say(f"| {name} | {' | '.join(row)} |")


def processor_seconds(cluster, node):
    fields = (cluster.process(node) / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Time, CPU of each node, and the most memory that a node takes more meanwhile."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.nodes = range(1, cluster.nodes + 1)

    def memory(self):
        return [self.cluster.memory(node, "VmRSS") for node in self.nodes]

    def watch(self):
        while not self.over.wait(0.1):
            self.peak = [max(pair) for pair in zip(self.peak, self.memory())]

    def __enter__(self):
        self.cpu = [processor_seconds(self.cluster, node) for node in self.nodes]
        self.start = self.peak = self.memory()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.began
        self.over.set()
        self.thread.join()
        before, self.cpu = self.cpu, []
        for node in self.nodes:
            self.cpu.append(processor_seconds(self.cluster, node) - before[node - 1])

    def __str__(self):
        cpu = ", ".join(f"{seconds:.2f}" for seconds in self.cpu)
        more = ", ".join(str((peak - at) >> 20) for peak, at in zip(self.peak, self.start))
        return f"{self.seconds:.2f} s | {GIB / MIB / self.seconds:.0f} | {cpu} | {more}"


def disk(directory, block):
    """Writes 1 GiB in pieces of 4 MiB, each synced, as a node writes chunks one by one."""
    path = Path(directory) / "disk"
    began = time.perf_counter()
    with open(path, "wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, GIB)
        for piece in range(GIB // (4 * MIB)):
            at = piece * 4 * MIB % PART
            file.write(block[at : at + 4 * MIB])
            os.fdatasync(file.fileno())
    seconds = time.perf_counter() - began
    path.unlink()
    return seconds


def independent(cluster, directory, block):
    """The coordinator is n1; three runs of each, in turn."""
    s3 = cluster.s3(1, request_checksum_calculation="when_required")
    client = FastClient(cluster.host(1), cluster.keys(), timeout=120)
    say("\n| 1 GiB | time | MiB/s | CPU of n1, n2, n3 (s) | more memory at most (MiB) |")
    say("|---|---|---|---|---|")
    for run in range(3):
        seconds = disk(directory, block)
        say(f"| the disk, 4 MiB and a sync, one by one | {seconds:.2f} s"
            f" | {GIB / MIB / seconds:.0f} | | |")
        with Watch(cluster) as watch:
            put(s3, f"put-{run}", GIB, block)
        say(f"| put, 64 MiB parts, 2 at once | {watch} |")
        with Watch(cluster) as watch:
            client.copy(BUCKET, "put-0", f"independent-{run}", x_triolet_copy_mode="independent")
        say(f"| independent copy | {watch} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--directory", help="where the nodes keep their data")
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--parts", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=5, help="GiB of the largest object")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(dir=options.directory, prefix="bench-")
    cluster = Cluster(Path(directory) / "cluster", environment=ENVIRONMENT)
    block = os.urandom(PART)
    try:
        cluster.up()
        s3 = cluster.s3(1, request_checksum_calculation="when_required")
        s3.create_bucket(Bucket=BUCKET)
        large, many = f"{options.large} GiB", f"{options.parts} parts"
        put(s3, "1 MiB", MIB, block)
        put(s3, "1 GiB", GIB, block)
        put(s3, large, options.large * GIB, block)
        put_parts(s3, many, options.parts, block)
        client = FastClient(cluster.host(1), cluster.keys())
        by_reference(cluster, client, ["1 MiB", "1 GiB", large, many], options.copies)
        independent(cluster, directory, block)
    finally:
        cluster.down()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
