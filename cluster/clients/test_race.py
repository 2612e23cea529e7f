"""Many clients race to create one key through all nodes; each time one of them wins, and only one.

RACE_ROUNDS sets the number of rounds: a few with every change, 1,000 by hand (docs/testing.md).
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from cluster import content

ROUNDS = int(os.environ.get("RACE_ROUNDS", "30"))
CLIENTS = 64
BUCKET = "race"
# Attempts of one client in one round: 503 says that nothing was written, and to come back.
ATTEMPTS = 20

WON, LOST, UNKNOWN = "won", "lost", "unknown"


def body(number):
    """Every client's content is its own; half of it is stored in chunks, half in the version."""
    return content(number, 20_000 if number % 4 < 2 else 500)


class Racer:
    """One client: odd ones copy, even ones put."""

    def __init__(self, cluster, number):
        self.number = number
        self.clients = [cluster.s3(node, attempts=1) for node in range(1, cluster.nodes + 1)]
        self.body = body(number)

    def prepare(self):
        self.clients[0].put_object(Bucket=BUCKET, Key=f"source{self.number}", Body=self.body)

    def attempt(self, s3, key):
        if self.number % 2 == 0:
            s3.put_object(Bucket=BUCKET, Key=key, Body=self.body, IfNoneMatch="*")
        else:
            source = {"Bucket": BUCKET, "Key": f"source{self.number}"}
            s3.copy_object(Bucket=BUCKET, Key=key, CopySource=source, IfNoneMatch="*")

    def race(self, key, start):
        start.wait(timeout=60)
        was_unknown = False
        for attempt in range(ATTEMPTS):
            s3 = self.clients[(self.number + attempt) % len(self.clients)]
            try:
                self.attempt(s3, key)
                return WON
            except EndpointConnectionError:
                continue  # Nothing was sent.
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in ("PreconditionFailed", "ConditionalRequestConflict"):
                    # After an unknown outcome the key may be there by this client's own doing.
                    return UNKNOWN if was_unknown else LOST
                if code != "SlowDown" and code != "ServiceUnavailable":
                    was_unknown = True
            except BotoCoreError:
                was_unknown = True
        return UNKNOWN


def test_exactly_one_client_creates_a_key(fresh_cluster):
    cluster = fresh_cluster
    cluster.s3(1).create_bucket(Bucket=BUCKET)
    racers = [Racer(cluster, number) for number in range(CLIENTS)]
    outcomes = {WON: 0, LOST: 0, UNKNOWN: 0}
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Racer.prepare, racers))
        for number in range(ROUNDS):
            # One node is away for the middle third.
            if number == ROUNDS // 3:
                cluster.kill(3)
            if number == 2 * ROUNDS // 3:
                cluster.restart(3)
            key, start = f"round{number}", threading.Barrier(CLIENTS)
            results = list(pool.map(lambda racer: racer.race(key, start), racers))
            for result in results:
                outcomes[result] += 1
            winners = [racer for racer, result in zip(racers, results) if result == WON]
            assert len(winners) <= 1, f"{key}: {len(winners)} winners"
            possible = winners or [
                racer for racer, result in zip(racers, results) if result == UNKNOWN
            ]
            for node in (1, 2):
                found = cluster.s3(node).get_object(Bucket=BUCKET, Key=key)["Body"].read()
                assert found in [racer.body for racer in possible], f"{key} through n{node}"
    print(f"{ROUNDS} rounds of {CLIENTS} clients: {outcomes}")
    assert outcomes[WON] + outcomes[UNKNOWN] >= ROUNDS
    assert outcomes[WON] > ROUNDS * 9 // 10
