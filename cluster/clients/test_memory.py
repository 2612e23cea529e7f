"""Uploads push back instead of piling up."""

import threading

from cluster import content, digest

CLIENTS = 16
SIZE = 64 << 20
LIMIT = 300 << 20


def test_many_large_uploads_at_once(fresh_cluster):
    cluster = fresh_cluster
    cluster.s3(1).create_bucket(Bucket="memory")
    data = content(1, SIZE)
    errors = []

    def put(number):
        try:
            cluster.s3(1 + number % cluster.nodes).put_object(
                Bucket="memory", Key=f"object-{number}", Body=data
            )
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=put, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    peaks = {f"n{node}": cluster.memory(node) for node in (1, 2, 3)}
    print("peak memory: " + ", ".join(f"{n} {b >> 20} MiB" for n, b in peaks.items()))
    assert max(peaks.values()) < LIMIT, peaks
    answer = cluster.s3(2).get_object(Bucket="memory", Key=f"object-{CLIENTS - 1}")
    assert digest(answer["Body"].read()) == digest(data)
