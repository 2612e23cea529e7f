"""Cases 51 to 58: copies of an object onto itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

from cluster import content, wait_until
from world import CONTENT, MD5

ILLEGAL = (
    "This copy request is illegal because it is trying to copy an object to itself without "
    "changing the object's metadata, storage class, website redirect location or encryption "
    "attributes."
)
COPIES = 1000


def test_051_copy_onto_itself_that_changes_nothing(world):
    """A copy onto itself that changes nothing is InvalidRequest"""
    world.copy_onto_itself().fails(400, "InvalidRequest", ILLEGAL)
    world.keep_versions(world.S)
    world.copy_onto_itself().fails(400, "InvalidRequest", ILLEGAL)
    assert world.head(world.S, "o")["etag"] == MD5


def test_052_what_does_not_make_it_legal(world):
    """Neither metadata without REPLACE, nor an access list, tags or a checksum make it legal"""
    for headers in (
        {"x_amz_meta_k1": "changed"},
        {"x_amz_metadata_directive": "COPY", "Content_Type": "x/y"},
        {"x_amz_acl": "public-read"},
        {"x_amz_tagging_directive": "REPLACE", "x_amz_tagging": "k=v"},
    ):
        world.copy_onto_itself(**headers).fails(400, "InvalidRequest", ILLEGAL)
    assert world.head(world.S, "o")["x-amz-meta-k1"] == "v1"
    assert world.tags(world.S, "o") == {"key1": "value1"}
    world.nobody.get(world.S, "o").fails(403, "AccessDenied")


def seconds_pass(world):
    """Waits until objects that are written now get a later Last-Modified."""
    before = world.head(world.S, "o")["last-modified"]

    def ticks():
        world.writer.put(world.D, "clock").succeeds()
        return world.head(world.D, "clock")["last-modified"] != before

    wait_until(ticks, "the clock goes on")
    return before


def test_053_replace_onto_itself(world):
    """With REPLACE the bytes and the ETag stay, the time goes on"""
    before = seconds_pass(world)
    world.copy_onto_itself(x_amz_metadata_directive="REPLACE", x_amz_meta_k2="v2").copied()
    found = world.reader.get(world.S, "o").succeeds()
    assert (found.body, found.etag) == (CONTENT, MD5)
    assert found.headers["last-modified"] != before
    assert found.headers["x-amz-meta-k2"] == "v2" and "x-amz-meta-k1" not in found.headers


def test_054_storage_class_onto_itself(world):
    """A storage class makes it legal, also the one that it has; the metadata stays"""
    world.copy_onto_itself(x_amz_storage_class="STANDARD").copied()
    head = world.head(world.S, "o")
    assert (head["x-amz-meta-k1"], head["content-type"]) == ("v1", "text/plain")
    assert world.bytes_of(world.S, "o") == CONTENT


def test_055_website_redirect_onto_itself(world):
    """A website redirect makes it legal, also the one that it has"""
    for _ in range(2):
        world.copy_onto_itself(x_amz_website_redirect_location="/x").copied()
        assert world.head(world.S, "o")["x-amz-website-redirect-location"] == "/x"
    assert world.bytes_of(world.S, "o") == CONTENT


def test_056_touch_of_rclone(world):
    """What `rclone touch` sends sets a time and keeps the content"""
    world.copy_onto_itself(
        x_amz_metadata_directive="REPLACE", Content_Type="text/plain",
        x_amz_meta_mtime="1700000000.5", x_amz_acl="private",
    ).copied()
    found = world.reader.get(world.S, "o").succeeds()
    assert (found.body, found.headers["x-amz-meta-mtime"]) == (CONTENT, "1700000000.5")


def test_057_readers_during_copies_onto_itself(world):
    """Among 1,000 copies onto itself every GET has the whole content"""

    def retried(send):
        """Like every client of S3, tries again after a 500, also one that came late."""
        for _ in range(5):
            answer = send()
            if answer.root.tag != "Error":
                break
            assert answer.text("Code") in ("InternalError", "SlowDown", "ServiceUnavailable")
            unknown.append(answer)
        return answer

    data = content(57, 300_000)
    world.writer.put(world.S, "busy", data).succeeds()
    is_over = threading.Event()
    reads, unknown = [], []

    def read(node):
        client = world.alice(node)
        while not is_over.is_set():
            found = client.get(world.S, "busy").succeeds()
            assert found.body == data
            reads.append(node)

    def copy(worker):
        client = world.alice(1 + worker % 3)
        for number in range(COPIES // 2):
            answer = retried(lambda: client.copy(
                f"{world.S}/busy", world.S, "busy", x_amz_metadata_directive="REPLACE",
                x_amz_meta_number=f"{worker}-{number}",
            ))
            answer.copied()

    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read, node) for node in (1, 2, 3)]
        try:
            list(pool.map(copy, range(2)))
        finally:
            is_over.set()
        for reader in readers:
            reader.result()
    print(f"{len(reads)} reads; copies of unknown outcome: {len(unknown)}")
    assert len(reads) > 100 and len(unknown) < COPIES // 10
    assert world.bytes_of(world.S, "busy") == data


def test_058_space_of_what_was_copied_onto_itself(world):
    """Copied onto itself it stays readable after the sweep; deleted it gives back the space"""
    before = world.settled()
    data = content(58, 60_000)
    world.writer.put(world.S, "a", data).succeeds()
    stored = world.settled()
    for number in range(5):
        world.copy_onto_itself("a", x_amz_metadata_directive="REPLACE").copied()
    assert world.settled() == stored
    assert world.bytes_of(world.S, "a") == data
    world.writer.delete(world.S, "a").succeeds(204)
    world.gives_back(before)
