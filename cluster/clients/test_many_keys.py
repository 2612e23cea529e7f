"""Very many keys in one bucket: they are listed completely and in order, and a node that was killed
serves again at once.

MANY_KEYS sets their number: a few with every change, 1,000,000 by hand (docs/testing.md).
"""

import os
import re
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
from cluster import Cluster
from fast import FastClient, Refused

KEYS = int(os.environ.get("MANY_KEYS", "3000"))
# Where a large run keeps its data; it takes about 1.5 GB for a million keys.
DIRECTORY = os.environ.get("MANY_KEYS_DIRECTORY")
BUCKET = "many-keys"
PROCESSES, THREADS = 3, 16
MEMORY_LIMIT = 300 << 20
RESTART_LIMIT = 2
KEY = re.compile(rb"<Key>([^<]*)</Key>")
TOKEN = re.compile(rb"<NextContinuationToken>([^<]*)</NextContinuationToken>")
PREFIX = re.compile(rb"<CommonPrefixes><Prefix>([^<]*)</Prefix>")


def name(number):
    """Neighbours in time are none in order."""
    return f"{number % 1000:03}/object-{number:07}"


def body(number):
    return f"content of {number}".encode() * 4


def load(hosts, keys, numbers):
    """Puts these keys with a few threads, each through one node."""
    numbers, lock, errors = iter(numbers), threading.Lock(), []

    def work(thread):
        client = FastClient(hosts[thread % len(hosts)], keys)
        while not errors:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            for attempt in range(5):
                try:
                    client.put(BUCKET, name(number), body(number))
                    break
                except (Refused, OSError) as error:
                    if attempt == 4:
                        errors.append(f"{name(number)}: {error}")
                    time.sleep(0.1 * attempt)
        client.close()

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def listed(client, **parameters):
    """All keys and common prefixes, and the number of pages."""
    found, pages, token = [], 0, {}
    while True:
        page = client.list(BUCKET, **{"list-type": "2"}, **parameters, **token)
        pages += 1
        found += [entry.decode() for entry in KEY.findall(page) or PREFIX.findall(page)]
        more = TOKEN.search(page)
        if more is None:
            return found, pages
        token = {"continuation-token": more[1].decode()}


def memory(cluster, node):
    """What a node has in RAM, all of it and its proportional share, in MiB."""
    lines = (cluster.process(node) / "smaps_rollup").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return {"RSS": values["Rss"] >> 10, "PSS": values["Pss"] >> 10}


def say(text):
    print(f"{KEYS} keys: {text}", flush=True)


@pytest.fixture
def many(tmp_path):
    cluster = Cluster(DIRECTORY or tmp_path / "many")
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def test_a_bucket_of_many_keys(many):
    cluster = many
    cluster.s3(1).create_bucket(Bucket=BUCKET)
    hosts, keys = [cluster.host(node) for node in (1, 2, 3)], cluster.keys()

    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        parts = [range(part, KEYS, PROCESSES) for part in range(PROCESSES)]
        results = pool.map(load, [hosts] * PROCESSES, [keys] * PROCESSES, parts)
        assert sum(results, []) == []
    took = time.monotonic() - began
    syncs = cluster.total("triolet_node_syncs_total", store="rows")
    writes = cluster.total("triolet_node_synced_writes_total", store="rows")
    say(f"put in {took:.1f} s, {KEYS / took:.0f}/s; {syncs / KEYS / 3:.3f} syncs of a replica per"
        f" put, {writes / syncs:.1f} writes per sync")
    assert syncs < writes, "writers share syncs"
    say("memory after the load: " + str({node: memory(cluster, node) for node in (1, 2, 3)}))

    # A node dies and comes back: from its start to its first answer.
    cluster.kill(3)
    began = time.monotonic()
    cluster.serve(3)
    client = FastClient(cluster.host(3), keys)
    while True:
        try:
            assert client.get(BUCKET, name(KEYS - 1)) == body(KEYS - 1)
            break
        except (Refused, OSError):
            assert time.monotonic() - began < 60, "the node does not come back"
            time.sleep(0.005)
    took = time.monotonic() - began
    say(f"after kill -9, from start to the first object served: {took:.3f} s")
    if KEYS >= 1_000_000:
        assert took < RESTART_LIMIT
    say(f"memory of the node just started: {memory(cluster, 3)}")

    expected = sorted(name(number) for number in range(KEYS))
    for node in (1, 3):
        client = FastClient(cluster.host(node), keys)
        began = time.monotonic()
        found, pages = listed(client)
        took = time.monotonic() - began
        assert found == expected, "every key once, in order"
        assert pages == -(-KEYS // 1000)
        say(f"listed through n{node} in {took:.1f} s, {pages} pages, {KEYS / took:.0f} keys/s")
    began = time.monotonic()
    found, pages = listed(client, delimiter="/")
    assert found == sorted({key[:4] for key in expected})
    say(f"{len(found)} common prefixes listed in {time.monotonic() - began:.2f} s, {pages} pages")
    for number in range(0, KEYS, max(1, KEYS // 100)):
        assert client.get(BUCKET, name(number)) == body(number)
    usage = {node: memory(cluster, node) for node in (1, 2, 3)}
    say(f"memory at the end: {usage}")
    assert max(share["RSS"] for share in usage.values()) < MEMORY_LIMIT >> 20
