"""Cases 1 to 15: what a copy is."""

import hashlib
import random
import re
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from cluster import content
from world import CONTENT, MD5
from raw import NAMESPACE

EMPTY_MD5 = '"d41d8cd98f00b204e9800998ecf8427e"'
# Stored in chunks, not in the version itself.
CHUNKED = content(1, 60_000)


def test_001_copy_answers_etag_and_time_and_has_the_bytes(world):
    """A copy answers with the ETag and a time that ends in Z, and has the bytes of its source"""
    answer = world.copy().copied()
    assert answer.text("ETag") == MD5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", answer.text("LastModified"))
    assert world.bytes_of(world.D, "c") == CONTENT


def test_002_source_without_leading_slash(world):
    """The source may be written without the leading slash"""
    assert world.copy(source=f"{world.S}/o").copied().text("ETag") == MD5
    assert world.bytes_of(world.D, "c") == CONTENT


def test_003_head_of_copy_shows_metadata_of_source(world):
    """HEAD of the copy shows the metadata of the source and the time of the copy's answer"""
    copied = world.copy().copied()
    head = world.head(world.D, "c")
    assert head["content-type"] == "text/plain"
    assert head["cache-control"] == "max-age=60"
    assert head["content-language"] == "en-US"
    assert head["x-amz-meta-k1"] == "v1"
    assert head["content-length"] == "11"
    assert head["etag"] == MD5
    modified = parsedate_to_datetime(head["last-modified"])
    assert copied.text("LastModified") == modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_004_copy_has_tags_of_source(world):
    """The copy has the tags of its source"""
    world.copy().copied()
    assert world.tags(world.D, "c") == {"key1": "value1"}


def test_005_answer_is_xml_from_its_first_byte(world):
    """The answer is XML from its first byte, in S3's namespace"""
    answer = world.copy().copied()
    assert answer.headers["content-type"] == "application/xml"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert answer.root.find(f"{NAMESPACE}ETag").text == MD5
    # To those who do not know of namespaces as well.
    assert re.search(rb"<ETag>([^<]*)</ETag>", answer.body)[1].replace(b"&quot;", b'"') == MD5.encode()
    assert "etag" not in answer.headers


def test_006_empty_source(world):
    """An empty source makes an empty copy"""
    world.writer.put(world.S, "empty").succeeds()
    assert world.copy(source=f"/{world.S}/empty").copied().text("ETag") == EMPTY_MD5
    head = world.head(world.D, "c")
    assert (head["content-length"], head["etag"]) == ("0", EMPTY_MD5)
    assert world.bytes_of(world.D, "c") == b""


def test_007_source_of_many_chunks(world):
    """A source of 16 MiB, put at once, keeps its ETag and its bytes"""
    data = content(7, 16 << 20)
    put = world.writer.put(world.S, "large", data).succeeds()
    assert put.etag == f'"{hashlib.md5(data).hexdigest()}"'
    assert world.copy(source=f"/{world.S}/large").copied().text("ETag") == put.etag
    assert world.bytes_of(world.D, "c") == data


def test_008_within_a_bucket_and_across(world):
    """Copies are made within a bucket and from one to another"""
    world.copier.copy(world.o, world.S, "within").copied()
    world.copy("across").copied()
    assert world.bytes_of(world.S, "within") == world.bytes_of(world.D, "across") == CONTENT


def test_009_smaller_copy_leaves_nothing_of_a_larger_target(world):
    """A copy over a larger object leaves no byte of it"""
    for size in (50_000, 9 << 20):
        world.writer.put(world.D, "c", content(9, size)).succeeds()
        world.copy().copied()
        assert world.head(world.D, "c")["content-length"] == "11"
        assert world.bytes_of(world.D, "c") == CONTENT


def test_010_source_deleted_after_the_copy(world):
    """The copy stays when its source is deleted and the space is swept"""
    world.writer.put(world.S, "chunked", CHUNKED).succeeds()
    world.copy("chunked", f"/{world.S}/chunked").copied()
    world.copy().copied()
    for key in ("o", "chunked"):
        world.writer.delete(world.S, key).succeeds(204)
    assert world.bytes_of(world.D, "c") == CONTENT
    world.settled()
    assert world.bytes_of(world.D, "c") == CONTENT
    assert world.bytes_of(world.D, "chunked") == CHUNKED


def test_011_source_overwritten_after_the_copy(world):
    """The copy stays as it is when its source is overwritten"""
    world.writer.put(world.S, "chunked", CHUNKED).succeeds()
    world.copy("chunked", f"/{world.S}/chunked").copied()
    world.copy().copied()
    for key in ("o", "chunked"):
        world.writer.put(world.S, key, b"something else").succeeds()
    world.settled()
    assert world.bytes_of(world.D, "c") == CONTENT
    assert world.bytes_of(world.D, "chunked") == CHUNKED


def test_012_copy_of_a_copy_back_onto_its_ancestor(world):
    """A copy of a copy onto its ancestor: all stay readable, also without the one between"""
    world.writer.put(world.S, "a", CHUNKED).succeeds()
    world.copy("c1", f"/{world.S}/a").copied()
    world.copy("c2", f"/{world.D}/c1").copied()
    world.copier.copy(f"/{world.D}/c2", world.S, "a").copied()
    places = [(world.S, "a"), (world.D, "c1"), (world.D, "c2")]
    assert [world.bytes_of(*place) for place in places] == 3 * [CHUNKED]
    world.writer.delete(world.D, "c1").succeeds(204)
    world.settled()
    assert world.bytes_of(world.D, "c2") == world.bytes_of(world.S, "a") == CHUNKED


def test_013_last_of_fifty_copies_keeps_the_content_and_gives_it_back(world):
    """Of 50 copies the last keeps the content; when it is deleted the space is given back"""
    before = world.settled()
    world.writer.put(world.S, "a", CHUNKED).succeeds()
    keys = [f"copy-{number}" for number in range(50)]
    for key in keys:
        world.copy(key, f"/{world.S}/a").copied()
    stored = world.settled()
    assert before < stored <= before + 3 * (len(CHUNKED) + 4096), "copies cost no space"
    world.writer.delete(world.S, "a").succeeds(204)
    random.Random(13).shuffle(keys)
    for key in keys[:-1]:
        world.writer.delete(world.D, key).succeeds(204)
    assert world.settled() == stored
    assert world.bytes_of(world.D, keys[-1]) == CHUNKED
    world.writer.delete(world.D, keys[-1]).succeeds(204)
    world.gives_back(before)


def test_014_copy_sent_twice_counts_once(world):
    """A copy that is sent twice makes one object, and its deletion frees the space"""
    before = world.settled()
    world.writer.put(world.S, "a", CHUNKED).succeeds()
    for _ in range(2):
        world.copy(source=f"/{world.S}/a").copied()
    assert world.reader.get(world.D).texts("Key") == ["c"]
    world.writer.delete(world.S, "a").succeeds(204)
    world.settled()
    assert world.bytes_of(world.D, "c") == CHUNKED
    world.writer.delete(world.D, "c").succeeds(204)
    world.gives_back(before)


def test_015_concurrent_copies_to_one_key_leave_one_of_them(world):
    """Of 20 copies at once to one key exactly one is there, with its own ETag"""
    sources = {}
    for number in range(20):
        data = content(number, 40_000 if number % 2 else 900)
        etag = world.writer.put(world.S, f"s{number}", data).succeeds().etag
        sources[etag] = data
    copiers = [world.alice(1 + number % 3) for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(
            lambda number: copiers[number].copy(f"{world.S}/s{number}", world.D, "c"), range(20)
        ))
    for answer in answers:
        answer.copied()
    for node in (1, 2, 3):
        found = world.alice(node).get(world.D, "c").succeeds()
        assert sources[found.etag] == found.body
