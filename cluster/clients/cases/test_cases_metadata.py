"""Cases 34 to 50: what a copy takes from its source, and what from the request."""

import base64
import hashlib
import zlib

from cluster import content
from world import CONTENT

REDUCED = "REDUCED_REDUNDANCY"
CRC32 = base64.b64encode(zlib.crc32(CONTENT).to_bytes(4)).decode()
SHA256 = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
CUSTOMER_KEY = base64.b64encode(b"k" * 32).decode()


def user_metadata(headers):
    return {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}


def test_034_metadata_without_directive_is_ignored(world):
    """Without a directive the metadata of the request does not count"""
    world.copy(x_amz_meta_k2="v2").copied()
    assert user_metadata(world.head(world.D, "c")) == {"x-amz-meta-k1": "v1"}


def test_035_directive_copy_ignores_headers(world):
    """Under COPY the headers of the request do not count"""
    world.copy(
        x_amz_metadata_directive="COPY", Content_Type="x/y", Cache_Control="no-store",
        Content_Disposition="attachment",
    ).copied()
    head = world.head(world.D, "c")
    assert (head["content-type"], head["cache-control"]) == ("text/plain", "max-age=60")
    assert "content-disposition" not in head


def test_036_directive_replace_replaces_all(world):
    """REPLACE takes all metadata from the request, and keeps none of the source's"""
    world.copy(
        x_amz_metadata_directive="REPLACE", x_amz_meta_k2="v2", Content_Type="image/jpg"
    ).copied()
    head = world.head(world.D, "c")
    assert user_metadata(head) == {"x-amz-meta-k2": "v2"}
    assert head["content-type"] == "image/jpg"
    assert "cache-control" not in head and "content-language" not in head


def test_037_directive_replace_without_headers(world):
    """REPLACE without headers leaves no metadata"""
    world.copy(x_amz_metadata_directive="REPLACE").copied()
    head = world.head(world.D, "c")
    assert user_metadata(head) == {}
    assert head["content-type"] == "binary/octet-stream"
    assert "cache-control" not in head and "content-language" not in head


def test_038_unknown_metadata_directive(world):
    """Another metadata directive is InvalidArgument"""
    for directive in ("invalid", "replace"):
        world.copy(x_amz_metadata_directive=directive).fails(
            400, "InvalidArgument", "Unknown metadata directive."
        )
    world.is_untouched()


def test_039_tags_without_directive_are_ignored(world):
    """Without a directive, and under COPY, the tags of the request do not count"""
    world.copy("c", x_amz_tagging="key2=value2").copied()
    world.copy("d", x_amz_tagging="key2=value2", x_amz_tagging_directive="COPY").copied()
    world.copy("e", x_amz_tagging="key2=value2", x_amz_metadata_directive="REPLACE").copied()
    for key in "cde":
        assert world.tags(world.D, key) == {"key1": "value1"}


def test_040_tags_are_replaced(world):
    """Under tagging directive REPLACE the tags are those of the request, or none"""
    world.copy("c", x_amz_tagging="key2=value2", x_amz_tagging_directive="REPLACE").copied()
    assert world.tags(world.D, "c") == {"key2": "value2"}
    world.copy("d", x_amz_tagging_directive="REPLACE").copied()
    assert world.tags(world.D, "d") == {}
    assert user_metadata(world.head(world.D, "d")) == {"x-amz-meta-k1": "v1"}


def test_041_unknown_tagging_directive_and_bad_tags(world):
    """Another tagging directive, and tags that are there twice, are InvalidArgument"""
    world.copy(x_amz_tagging_directive="x").fails(
        400, "InvalidArgument", "Unknown tagging directive."
    )
    for tags in ("k=1&k=2", "k1=v1,k2=v2", "k=%ZZ"):
        world.copy(x_amz_tagging_directive="REPLACE", x_amz_tagging=tags).fails(
            400, "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
            "parameters without tag name duplicates.",
            ArgumentName="x-amz-tagging",
        )
    world.copy(x_amz_tagging_directive="REPLACE", x_amz_tagging="k=a%21b").fails(400, "InvalidTag")
    many = "&".join(f"k{number}=v" for number in range(11))
    world.copy(x_amz_tagging_directive="REPLACE", x_amz_tagging=many).fails(
        400, "BadRequest", "Object tags cannot be greater than 10"
    )
    world.is_untouched()


def test_042_storage_class_is_not_inherited(world):
    """A copy without a storage class is STANDARD, with three replicas"""
    data = content(42, 1 << 20)
    before = world.settled()
    world.writer.put(world.S, "r", data, x_amz_storage_class=REDUCED).succeeds()
    two = world.settled() - before
    answer = world.copy(source=f"/{world.S}/r").copied()
    assert "x-amz-storage-class" not in answer.headers
    assert "x-amz-storage-class" not in world.head(world.D, "c")
    three = world.settled() - before - two
    assert two * 3 == three * 2, "two and three replicas"


def test_043_storage_class_of_the_request(world):
    """A copy has the storage class that was asked for, and that many replicas"""
    data = content(43, 1 << 20)
    before = world.settled()
    world.writer.put(world.S, "s", data).succeeds()
    three = world.settled() - before
    answer = world.copy(source=f"/{world.S}/s", x_amz_storage_class=REDUCED).copied()
    assert answer.headers["x-amz-storage-class"] == REDUCED
    assert world.head(world.D, "c")["x-amz-storage-class"] == REDUCED
    assert world.reader.get(world.D).text("StorageClass") == REDUCED
    two = world.settled() - before - three
    assert two * 3 == three * 2, "two and three replicas"
    assert "x-amz-storage-class" not in world.head(world.S, "s")
    assert world.bytes_of(world.D, "c") == data


def test_044_unknown_storage_class(world):
    """An unknown storage class is InvalidStorageClass"""
    world.copy(x_amz_storage_class="FOO").fails(
        400, "InvalidStorageClass", "The storage class you specified is not valid",
        StorageClassRequested="FOO",
    )
    world.is_untouched()


def test_045_access_list_is_not_inherited(world):
    """A copy of what everybody may read is private"""
    world.put_o(x_amz_acl="public-read")
    assert world.nobody.get(world.S, "o").succeeds().body == CONTENT
    world.copy().copied()
    world.nobody.get(world.D, "c").fails(403, "AccessDenied")


def test_046_access_list_of_the_request(world):
    """A canned list of the request counts; not together with grants"""
    world.copy("c", x_amz_acl="public-read").copied()
    assert world.nobody.get(world.D, "c").succeeds().body == CONTENT
    world.copy("d", x_amz_acl="private").copied()
    world.nobody.get(world.D, "d").fails(403, "AccessDenied")
    world.copy("e", x_amz_acl="private", x_amz_grant_read='id="b0b"').fails(
        400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"
    )
    world.copy("e", x_amz_acl="nonsense").fails(400, "InvalidArgument", ArgumentName="x-amz-acl")
    world.is_untouched("e")
    world.copy("f", x_amz_grant_read='id="b0b"').copied()
    assert world.bob.get(world.D, "f").succeeds().body == CONTENT


def test_047_website_redirect(world):
    """A website redirect is never inherited; that of the request is kept"""
    world.put_o(x_amz_website_redirect_location="/elsewhere")
    header = "x-amz-website-redirect-location"
    assert world.head(world.S, "o")[header] == "/elsewhere"
    world.copy("c").copied()
    world.copy("d", x_amz_metadata_directive="REPLACE").copied()
    assert header not in world.head(world.D, "c") and header not in world.head(world.D, "d")
    world.copy("e", x_amz_website_redirect_location="https://example.com/").copied()
    head = world.head(world.D, "e")
    assert (head[header], head["x-amz-meta-k1"]) == ("https://example.com/", "v1")
    world.copy("f", x_amz_website_redirect_location="ftp:x").fails(400, "InvalidRedirectLocation")
    world.is_untouched("f")


def test_048_metadata_of_2_kib_at_most(world):
    """User metadata of a REPLACE has at most 2 KiB"""
    name = "x_amz_meta_" + "n" * 48
    fits, too_large = ({name: "v" * (size - 48)} for size in (2048, 2049))
    world.copy("c", x_amz_metadata_directive="REPLACE", **fits).copied()
    world.copy("d", x_amz_metadata_directive="REPLACE", **too_large).fails(
        400, "MetadataTooLarge"
    )
    world.copy("d", **too_large).copied()
    assert user_metadata(world.head(world.D, "d")) == {"x-amz-meta-k1": "v1"}


def test_049_checksum_is_carried_or_made(world):
    """The checksum of the source is carried; another that is asked for takes its place"""
    world.put_o(x_amz_checksum_crc32=CRC32)
    answer = world.copy("c").copied()
    assert answer.text("ChecksumCRC32") == CRC32
    assert answer.text("ChecksumType") == "FULL_OBJECT"
    head = world.reader.head(world.D, "c", x_amz_checksum_mode="ENABLED").succeeds().headers
    assert head["x-amz-checksum-crc32"] == CRC32
    world.copy("e", x_amz_checksum_algorithm="FOO").fails(400, "InvalidRequest")
    world.is_untouched("e")
    answer = world.copy("d", x_amz_checksum_algorithm="SHA256").copied()
    assert answer.text("ChecksumSHA256") == SHA256
    assert answer.text("ChecksumType") == "FULL_OBJECT"
    assert answer.texts("ChecksumCRC32") == []
    head = world.reader.head(world.D, "d", x_amz_checksum_mode="ENABLED").succeeds().headers
    assert head["x-amz-checksum-sha256"] == SHA256 and "x-amz-checksum-crc32" not in head


def test_050_encryption_is_refused_not_ignored(world):
    """Headers that ask for encryption are refused, and nothing is written"""
    digest = base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode()
    for prefix in ("x_amz_server_side_encryption", "x_amz_copy_source_server_side_encryption"):
        world.copy(**{
            f"{prefix}_customer_algorithm": "AES256", f"{prefix}_customer_key": CUSTOMER_KEY,
            f"{prefix}_customer_key_md5": digest,
        }).fails(501, "NotImplemented")
    world.copy(x_amz_server_side_encryption="AES256").fails(501, "NotImplemented")
    world.is_untouched()
