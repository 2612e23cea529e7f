"""Cases 59 to 71: conditions on the source and on the target."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

from world import CONTENT, MD5

FAILED = "At least one of the pre-conditions you specified did not hold"
OTHER = '"00000000000000000000000000000000"'
UNQUOTED = MD5.strip('"')


def source_time(world, **distance):
    """t0, the time of S/o, and some distance."""
    modified = parsedate_to_datetime(world.head(world.S, "o")["last-modified"])
    return format_datetime(modified + timedelta(**distance), usegmt=True)


def conditions(**headers):
    """match="x" for x-amz-copy-source-if-match: x."""
    return {f"x_amz_copy_source_if_{name}": value for name, value in headers.items()}


def refuses(world, condition, key="c", **headers):
    """A copy with these conditions is 412 and names the one that failed."""
    world.copy(key, **conditions(**headers)).fails(
        412, "PreconditionFailed", FAILED, Condition=f"x-amz-copy-source-{condition}"
    )


def copies(world, **headers):
    world.copy(**conditions(**headers)).copied()


def test_059_source_if_match(world):
    """If-Match of the source: its ETag, with or without quotes, or `*`"""
    for etag in (MD5, UNQUOTED, "*"):
        copies(world, match=etag)
    refuses(world, "If-Match", "d", match=OTHER)
    world.is_untouched("d")


def test_060_source_if_none_match(world):
    """If-None-Match of the source: 412, never 304"""
    for etag in (MD5, UNQUOTED):
        refuses(world, "If-None-Match", none_match=etag)
    world.is_untouched()
    copies(world, none_match=OTHER)


def test_061_source_if_unmodified_since(world):
    """If-Unmodified-Since of the source: its own time holds"""
    refuses(world, "If-Unmodified-Since", unmodified_since=source_time(world, days=-1))
    copies(world, unmodified_since=source_time(world))


def test_062_source_if_modified_since(world):
    """If-Modified-Since of the source: strictly newer; the future does not count"""
    refuses(world, "If-Modified-Since", modified_since=source_time(world))
    copies(world, modified_since=source_time(world, minutes=-1))
    copies(world, modified_since=source_time(world, days=1))


def test_063_match_beats_unmodified_since(world):
    """If-Match that holds beats If-Unmodified-Since that does not"""
    copies(world, match=MD5, unmodified_since=source_time(world, days=-1))


def test_064_none_match_does_not_beat_unmodified_since(world):
    """If-None-Match that holds does not beat If-Unmodified-Since that does not"""
    refuses(
        world, "If-Unmodified-Since", none_match=OTHER,
        unmodified_since=source_time(world, days=-1),
    )


def test_065_first_condition_that_fails_is_named(world):
    """If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since: the first that fails"""
    all_false = {
        "match": OTHER, "unmodified_since": source_time(world, days=-1), "none_match": MD5,
        "modified_since": source_time(world),
    }
    for name, condition in (
        ("match", "If-Match"), ("unmodified_since", "If-Unmodified-Since"),
        ("none_match", "If-None-Match"), ("modified_since", "If-Modified-Since"),
    ):
        refuses(world, condition, **all_false)
        del all_false[name]
    copies(world, **all_false)


def test_066_source_overwritten_between_head_and_copy(world):
    """A source that was overwritten after the client's HEAD is not copied under its old ETag"""
    world.writer.put(world.D, "c", b"old target").succeeds()
    seen = world.head(world.S, "o")["etag"]
    world.writer.put(world.S, "o", b"new").succeeds()
    refuses(world, "If-Match", match=seen)
    assert world.bytes_of(world.D, "c") == b"old target"


def test_067_target_if_none_match(world):
    """If-None-Match `*` creates, once"""
    world.copy(If_None_Match="*").copied()
    world.copy(If_None_Match="*").fails(412, "PreconditionFailed", FAILED, Condition="If-None-Match")
    # A copy onto itself that is legal, too.
    world.copy_onto_itself(If_None_Match="*", x_amz_storage_class="STANDARD").fails(
        412, "PreconditionFailed", FAILED, Condition="If-None-Match"
    )


def test_068_target_if_match(world):
    """If-Match replaces what has that ETag; nothing that is not there"""
    world.copy(If_Match=MD5).fails(404, "NoSuchKey", Key="c")
    world.is_untouched()
    world.copy().copied()
    world.copy(If_Match=OTHER).fails(412, "PreconditionFailed", FAILED, Condition="If-Match")
    world.copy(If_Match=MD5).copied()
    world.copy_onto_itself(If_Match=MD5, x_amz_storage_class="STANDARD").copied()


def test_069_conditions_that_s3_does_not_take(world):
    """Other conditions on the target are 501, as in S3"""
    message = "A header you provided implies functionality that is not implemented"
    for header, headers in (
        ("If-None-Match", {"If_None_Match": MD5}),
        ("If-Match", {"If_Match": "*"}),
        ("If-Match,If-None-Match", {"If_Match": MD5, "If_None_Match": "*"}),
    ):
        world.copy(**headers).fails(501, "NotImplemented", message, Header=header)
    world.is_untouched()


def test_070_one_of_many_creates(world):
    """Of 32 copies with If-None-Match `*` to one key through all nodes exactly one succeeds"""
    copiers = [world.alice(1 + number % 3) for number in range(32)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(
            lambda copier: copier.copy(world.o, world.D, "c", If_None_Match="*"), copiers
        ))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200 and set(statuses[1:]) <= {409, 412}, statuses
    assert world.bytes_of(world.D, "c") == CONTENT


def test_071_target_is_a_delete_marker(world):
    """A delete marker is no object: If-None-Match `*` holds, If-Match is 404"""
    world.keep_versions(world.D)
    world.copy().copied()
    world.writer.delete(world.D, "c").succeeds(204)
    world.copy(If_Match=MD5).fails(404, "NoSuchKey", Key="c")
    world.copy(If_None_Match="*").copied()
    assert world.bytes_of(world.D, "c") == CONTENT
