"""A node dies without warning while clients write and copy."""

import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from cluster import content, digest

WORKERS = 4
KEYS = 6
BUCKET = "kill"


class Worker(threading.Thread):
    """Puts and copies over its own keys; knows what each of them must hold."""

    def __init__(self, cluster, number, stop):
        super().__init__()
        self.clients = [cluster.s3(node, attempts=1) for node in range(1, cluster.nodes + 1)]
        self.number = number
        self.stop = stop
        self.acknowledged = {}
        self.operations = 0
        self.retries = 0
        self.errors = []

    def run(self):
        turn = self.number
        while not self.stop.is_set():
            turn += 1
            key = f"w{self.number}/k{turn % KEYS}"
            data = content(turn * WORKERS + self.number, 300_000 + 1_000 * (turn % 7))
            self.act(
                turn,
                key,
                digest(data),
                lambda s3, key=key, data=data: s3.put_object(Bucket=BUCKET, Key=key, Body=data),
            )
            source = {"Bucket": BUCKET, "Key": key}
            target = f"{key}-copy"
            if self.acknowledged.get(key) is None:
                continue
            self.act(
                turn + 1,
                target,
                self.acknowledged[key],
                lambda s3, source=source, target=target: s3.copy_object(
                    Bucket=BUCKET, Key=target, CopySource=source
                ),
            )

    def act(self, turn, key, hash, operation):
        """Once, and once more through another node if that failed."""
        for attempt in range(2):
            client = self.clients[(turn + attempt) % len(self.clients)]
            try:
                operation(client)
                self.acknowledged[key] = hash
                self.operations += 1
                self.retries += attempt
                return
            except (BotoCoreError, ClientError) as error:
                failure = error
        # Nobody knows now what the key holds.
        self.acknowledged[key] = None
        self.errors.append(f"{key}: {failure}")


def test_no_acknowledged_object_is_lost_or_wrong(fresh_cluster):
    cluster = fresh_cluster
    cluster.s3(1).create_bucket(Bucket=BUCKET)
    stop = threading.Event()
    workers = [Worker(cluster, number, stop) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        time.sleep(3)
        before = sum(worker.operations for worker in workers)
        cluster.kill(3)
        time.sleep(5)
        during = sum(worker.operations for worker in workers) - before
        cluster.restart(3)
        time.sleep(3)
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=120)
    operations = sum(worker.operations for worker in workers)
    print(f"{operations} operations, {during} while a node was down,"
          f" {sum(worker.retries for worker in workers)} of them retried")
    assert [error for worker in workers for error in worker.errors] == []
    assert before > 0 and during > 0
    for node in (3, 1, 2):
        s3 = cluster.s3(node)
        for worker in workers:
            for key, hash in worker.acknowledged.items():
                found = digest(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
                assert found == hash, f"{key} through n{node}"
    # The node that came back takes its part again.
    cluster.kill(1)
    data = content(99, 5_000_000)
    s3 = cluster.s3(3)
    s3.put_object(Bucket=BUCKET, Key="with-it", Body=data)
    assert digest(s3.get_object(Bucket=BUCKET, Key="with-it")["Body"].read()) == digest(data)
    for worker in workers:
        for key, hash in worker.acknowledged.items():
            found = digest(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
            assert found == hash, f"{key} without n1"
