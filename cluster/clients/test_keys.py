"""Users and keys are made while the cluster runs: by one node, for all, for as long as they are wanted."""

import json

import pytest
from botocore.exceptions import ClientError
from cluster import wait_until

SHARED = "keys-shared"
OWN = "keys-own"


class Commands:
    """`triolet key` and `triolet bucket`, asking one node."""

    def __init__(self, cluster, node=1):
        self.cluster = cluster
        self.address = f"127.0.0.1:{cluster.base_port + 10 * (node - 1) + 1}"

    def run(self, *arguments, code=0):
        result = self.cluster.run(*arguments, "--admin", self.address, "--json", check=False)
        assert result.returncode == code, f"{arguments}: {result.stdout}{result.stderr}"
        return [json.loads(line) for line in result.stdout.splitlines()] if code == 0 else result

    def one(self, *arguments):
        (answer,) = self.run(*arguments)
        return answer


def client(cluster, node, key, secret):
    return cluster.s3(node, attempts=1, access_key=key, secret_key=secret)


def code(operation, **parameters):
    with pytest.raises(ClientError) as failure:
        operation(**parameters)
    response = failure.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def allowed(operation, **parameters):
    try:
        operation(**parameters)
        return True
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        return False


def test_keys_are_made_granted_revoked_and_deleted(fresh_cluster):
    cluster = fresh_cluster
    commands = Commands(cluster)
    root = cluster.s3(1)
    root.create_bucket(Bucket=SHARED)
    root.put_object(Bucket=SHARED, Key="a", Body=b"of root")

    new = commands.one("key", "create", "--user", "alice", "--name", "laptop")
    key, secret = new["key"]["id"], new["secret_key"]
    second, third = (client(cluster, node, key, secret) for node in (2, 3))

    # At once, through nodes that have not been told: buckets of her own, others' are closed.
    second.create_bucket(Bucket=OWN)
    third.put_object(Bucket=OWN, Key="b", Body=b"of alice")
    assert second.get_object(Bucket=OWN, Key="b")["Body"].read() == b"of alice"
    listed = third.list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == [OWN]
    assert listed["Owner"] == {"ID": new["key"]["user"]["id"], "DisplayName": "alice"}
    assert code(second.get_object, Bucket=SHARED, Key="a") == ("AccessDenied", 403)

    # A grant counts at every node, and does what it says.
    grant = commands.one("key", "grant", key[:8], SHARED, "--read")
    assert (grant["read"], grant["write"], grant["owner"]) == (True, False, False)
    for s3 in (second, third):
        assert s3.get_object(Bucket=SHARED, Key="a")["Body"].read() == b"of root"
        assert s3.list_objects_v2(Bucket=SHARED)["KeyCount"] == 1
        assert not allowed(s3.put_object, Bucket=SHARED, Key="c", Body=b"")
        assert not allowed(s3.get_bucket_policy, Bucket=SHARED)
    commands.one("key", "grant", key, SHARED, "--write")
    third.put_object(Bucket=SHARED, Key="c", Body=b"of alice, too")
    assert [info["read"] and info["write"] for info in commands.one("key", "info", key)["grants"]] == [True]
    statements = json.loads(root.get_bucket_policy(Bucket=SHARED)["Policy"])["Statement"]
    assert sorted(statement["Sid"] for statement in statements) == ["TrioletRead", "TrioletWrite"]
    commands.one("key", "revoke", key, SHARED, "--read")
    assert code(second.get_object, Bucket=SHARED, Key="a") == ("AccessDenied", 403)
    second.put_object(Bucket=SHARED, Key="c", Body=b"still")
    commands.one("key", "revoke", key, SHARED, "--write")
    assert not allowed(third.put_object, Bucket=SHARED, Key="c", Body=b"")
    assert code(root.get_bucket_policy, Bucket=SHARED) == ("NoSuchBucketPolicy", 404)

    # A second key is the same user; keys outlive the nodes' processes.
    other = commands.one("key", "create", "--user", "alice")
    for node in (1, 2, 3):
        cluster.kill(node)
    for node in (1, 2, 3):
        cluster.serve(node)
    wait_until(lambda: all(cluster.readiness(node) == "ready" for node in (1, 2, 3)), "not ready")
    listed = {key["id"]: key for key in Commands(cluster, 3).run("key", "list")}
    assert listed[key]["name"] == "laptop" and listed[other["key"]["id"]]["user"]["name"] == "alice"
    assert secret not in json.dumps(listed) and "secret" not in json.dumps(listed)
    fresh = client(cluster, 2, other["key"]["id"], other["secret_key"])
    for s3 in (second, third, fresh):
        assert s3.get_object(Bucket=OWN, Key="b")["Body"].read() == b"of alice"

    # Deleted: refused everywhere soon; her other key goes on.
    commands.run("key", "delete", key, code=2)
    commands.one("key", "delete", key, "--yes")
    for s3 in (second, third):
        wait_until(lambda: not allowed(s3.head_bucket, Bucket=OWN), "a deleted key works", within=30)
        assert code(s3.get_object, Bucket=OWN, Key="b") == ("InvalidAccessKeyId", 403)
    assert fresh.get_object(Bucket=OWN, Key="b")["Body"].read() == b"of alice"

    # No secret is in any log.
    for node in (1, 2, 3):
        text = (cluster.directory / f"n{node}" / "log").read_text()
        assert (node == 1 or key in text) and secret not in text and other["secret_key"] not in text


def test_commands_say_what_is_wrong(cluster):
    commands = Commands(cluster, 2)
    assert "no key NONE" in commands.run("key", "info", "NONE", code=4).stderr
    assert "no key NONE" in commands.run("key", "grant", "NONE", "photos", "--read", code=4).stderr
    root = cluster.keys()["AWS_ACCESS_KEY_ID"]
    assert "root key" in commands.run("key", "delete", root, "--yes", code=1).stderr
    assert "everything" in commands.run("key", "grant", root, "photos", "--read", code=2).stderr
    assert "setting" in commands.run("key", "create", "--user", "root", code=2).stderr
    new = commands.one("key", "create", "--name", "buckets")
    key = new["key"]["id"]
    again = commands.run("key", "create", "--name", "buckets", code=1)
    assert "there is a user buckets" in again.stderr

    assert commands.one("bucket", "create", "keys-made", "--owner", key)["owner"]["name"] == "buckets"
    assert "there is a bucket" in commands.run("bucket", "create", "keys-made", code=1).stderr
    assert "no name" in commands.run("bucket", "create", "No", code=2).stderr
    s3 = client(cluster, 1, key, new["secret_key"])
    s3.put_object(Bucket="keys-made", Key="x", Body=b"x")
    assert "not empty" in commands.run("bucket", "delete", "keys-made", "--yes", code=1).stderr
    s3.delete_object(Bucket="keys-made", Key="x")
    assert "keys-made" in [bucket["name"] for bucket in commands.run("bucket", "list")]
    assert commands.one("bucket", "info", "keys-made")["grants"] == []
    commands.run("bucket", "delete", "keys-made", code=2)
    commands.one("bucket", "delete", "keys-made", "--yes")
    commands.run("bucket", "info", "keys-made", code=4)
    commands.run("key", "grant", key, "keys-made", "--read", code=4)
    commands.one("key", "delete", key, "--yes")
