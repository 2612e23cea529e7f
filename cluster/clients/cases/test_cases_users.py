"""Cases 98 to 100: who may copy what."""

import json

from world import CONTENT


def test_098_read_on_the_source_and_write_on_the_target(world):
    """A copy needs leave to read the source and to write the target"""
    world.bob.copy(world.o, world.D, "c").fails(403, "AccessDenied")
    world.put_o(x_amz_grant_read='id="b0b"')
    assert world.bob.get(world.S, "o").succeeds().body == CONTENT
    world.bob.copy(world.o, world.D, "c").fails(403, "AccessDenied")
    world.is_untouched()
    policy = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{world.D}/*",
        }],
    }
    world.writer.put(world.D, "", json.dumps(policy).encode(), "policy").succeeds(204)
    world.bob.copy(world.o, world.D, "c").copied()
    assert world.root.get(world.D, "c").succeeds().body == CONTENT
    # Writing alone is not enough either.
    world.put_o()
    world.bob.copy(world.o, world.D, "d").fails(403, "AccessDenied")
    world.is_untouched("d")
    # The same for parts.
    upload = world.writer.create_upload(world.D, "m")
    world.bob.copy_part(world.o, world.D, "m", upload, 1).fails(403, "AccessDenied")


def test_099_the_source_is_signed(world):
    """The source has to be signed, in the header or the query; nobody may not copy"""
    answer = world.copier.request(
        "PUT", f"/{world.D}/c", unsigned={"x-amz-copy-source": world.o}
    )
    answer.fails(
        403, "AccessDenied", "There were headers present in the request which were not signed",
        HeadersNotSigned="x-amz-copy-source",
    )
    world.is_untouched()
    source = {"x-amz-copy-source": world.o}
    target = world.copier.presigned("PUT", f"/{world.D}/c", source)
    assert "x-amz-copy-source" in target
    dispatched = world.nobody.dispatch("PUT", target, source | {"Host": world.copier.host})
    answer = dispatched.getresponse()
    body = answer.read()
    assert answer.status == 200 and b"<CopyObjectResult" in body, body
    assert world.bytes_of(world.D, "c") == CONTENT
    # Another source than the one that was signed.
    dispatched = world.nobody.dispatch(
        "PUT", target, {"x-amz-copy-source": f"{world.S}/x", "Host": world.copier.host}
    )
    assert dispatched.getresponse().status == 403
    world.nobody.copy(world.o, world.D, "d").fails(403, "AccessDenied")
    world.is_untouched("d")


def test_100_expected_owners(world):
    """Another owner than the expected one of source or target is AccessDenied"""
    for name in ("x_amz_source_expected_bucket_owner", "x_amz_expected_bucket_owner"):
        world.copy(**{name: "222222222222"}).fails(403, "AccessDenied")
        world.copy(**{name: "alice"}).fails(400, "InvalidBucketOwnerAWSAccountID")
    world.is_untouched()
    world.copy(
        x_amz_source_expected_bucket_owner="111111111111",
        x_amz_expected_bucket_owner="111111111111",
    ).copied()
