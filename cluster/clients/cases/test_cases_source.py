"""Cases 16 to 33: how x-amz-copy-source is read."""

import pytest
from world import CONTENT, MD5

INVALID_KEY = "Invalid copy source object key"
INVALID_ENCODING = "Invalid copy source encoding"
INVALID_BUCKET = "Invalid copy source bucket name"


def copies(world, key, *written):
    """Puts `key` with content of its own, and copies it by each of these ways to write it."""
    data = f"content of {key}".encode()
    world.writer.put(world.S, key, data).succeeds()
    for source in written:
        for prefix in ("", "/"):
            world.copier.copy(f"{prefix}{world.S}/{source}", world.D, "c").copied()
            assert world.bytes_of(world.D, "c") == data, source
    return data


def test_016_space_as_percent_20_or_plus(world):
    """A space in a key is written `%20` or `+`"""
    copies(world, "a b", "a%20b", "a+b")


def test_017_plus_in_source_is_itself_or_a_space(world):
    """A plus in a key is written `%2B`; a raw one is a space"""
    copies(world, "a+b", "a%2Bb", "a%2bb")
    world.copy("d", f"{world.S}/a+b").fails(404, "NoSuchKey", Key="a b")


def test_018_source_is_decoded_once(world):
    """`%252B` is the key `%2B`, not `+`"""
    world.writer.put(world.S, "a+b", b"plus").succeeds()
    copies(world, "a%2Bb", "a%252Bb")


def test_019_utf_8_in_source(world):
    """Umlauts and emoji in keys are copied"""
    copies(world, "ü/é", "%C3%BC/%C3%A9")
    copies(world, "a👍🏽b", "a%F0%9F%91%8D%F0%9F%8F%BDb")


def test_020_question_mark_in_source(world):
    """A question mark in a key is written `%3F`"""
    copies(world, "a?b", "a%3Fb", "a?b")


def test_021_key_that_looks_like_a_version(world):
    """A key that ends in `?versionId=x`, as boto3 and as rclone write it"""
    copies(world, "a?versionId=x", "a%3FversionId%3Dx", "a%3FversionId=x")


def test_022_key_that_is_a_question_mark_and_version_id(world):
    """The key `?versionId`, `%3FversionId`"""
    copies(world, "?versionId", "%3FversionId")


def test_023_raw_punctuation(world):
    """`& = ;` and other signs may be written as they are, as rclone does"""
    copies(world, "a&b=c;d", "a&b=c;d", "a%26b%3Dc%3Bd")
    copies(world, "a:b@c$d,e", "a:b@c$d,e")


def test_024_slashes_are_not_normalised(world):
    """Keys with double and trailing slashes are what they are"""
    world.writer.put(world.S, "x/y", b"another").succeeds()
    world.writer.put(world.S, "tail", b"another").succeeds()
    for key in ("x//y", "tail/", "tail//", "./x", "x/../y"):
        data = copies(world, key, key)
        world.copier.copy(f"{world.S}/{key}", world.D, key).copied()
        assert world.bytes_of(world.D, key) == data
    listed = world.reader.get(world.D).texts("Key")
    assert sorted(listed) == sorted(["c", "x//y", "tail/", "tail//", "./x", "x/../y"])


def test_025_leading_slash_belongs_to_the_key(world):
    """`S//lead` is the key `/lead`, not `lead`"""
    world.writer.put(world.S, "lead", b"another").succeeds()
    copies(world, "/lead", "/lead")


def test_026_encoded_separator(world):
    """The slash behind the bucket, and the one before it, may be written `%2F`"""
    for source in (f"{world.S}%2Fo", f"%2F{world.S}%2Fo", f"{world.S}%2fo", f"/{world.S}%2Fo"):
        assert world.copy(source=source).copied().text("ETag") == MD5


def test_027_percent_2f_in_a_key(world):
    """The key `file%2Fname` is written `file%252Fname`"""
    world.writer.put(world.S, "file/name", b"another").succeeds()
    copies(world, "file%2Fname", "file%252Fname")


def test_028_source_without_a_key(world):
    """A source without a key is InvalidArgument"""
    for source in ("wrongformat", f"{world.S}/", f"/{world.S}/", f"/{world.S}"):
        world.copy(source=source).fails(
            400, "InvalidArgument", INVALID_KEY, ArgumentName="x-amz-copy-source",
            ArgumentValue="x-amz-copy-source",
        )
    world.is_untouched()


def test_029_source_that_is_badly_escaped(world):
    """A source with a bad escape is InvalidArgument"""
    for source in (f"{world.S}/%ZZ", f"{world.S}/%A/x", f"{world.S}/%", "%", f"{world.S}/%FF"):
        world.copy(source=source).fails(400, "InvalidArgument", INVALID_ENCODING)
    world.is_untouched()


def test_030_source_bucket_that_is_no_name(world):
    """A source bucket that is no name of a bucket is InvalidArgument"""
    for source in ("192.168.1.1/foo", "UPPER/foo", "a_b!/foo"):
        world.copy(source=source).fails(400, "InvalidArgument", INVALID_BUCKET)
    world.is_untouched()


def test_031_source_of_what_is_no_copy(world):
    """A request that is no PUT may not name a copy source"""
    message = "You can only specify a copy source header for copy requests."
    for method in ("GET", "DELETE"):
        world.copier.request(
            method, f"/{world.S}/o", {"x-amz-copy-source": world.o}
        ).fails(400, "InvalidArgument", message)
    answer = world.copier.request("HEAD", f"/{world.S}/o", {"x-amz-copy-source": world.o})
    assert (answer.status, answer.body) == (400, b"")
    assert world.bytes_of(world.S, "o") == CONTENT


def test_032_what_is_missing_is_named(world):
    """A missing source bucket, source key or target bucket is 404 and named"""
    missing = f"{world.S}-missing"
    world.copy(source=f"/{missing}/o").fails(404, "NoSuchBucket", BucketName=missing)
    world.copy(source=f"/{world.S}/nobody").fails(
        404, "NoSuchKey", "The specified key does not exist.", Key="nobody"
    )
    world.copier.copy(world.o, missing, "c").fails(
        404, "NoSuchBucket", "The specified bucket does not exist", BucketName=missing
    )
    world.is_untouched()


@pytest.mark.parametrize("letter", ["k", "ü"])
def test_033_target_key_of_1024_bytes_at_most(world, letter):
    """A target key has at most 1,024 bytes"""
    longest = letter * (1024 // len(letter.encode()))
    world.copy(longest).copied()
    assert world.bytes_of(world.D, longest) == CONTENT
    world.copy(longest + "x").fails(
        400, "KeyTooLongError", "Your key is too long", Size="1025", MaxSizeAllowed="1024"
    )
