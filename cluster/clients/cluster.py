"""A real cluster of node processes, as `triolet cluster` runs it, for the tests of this directory."""

import hashlib
import json
import os
import random
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("TEST_BINARY", str(REPOSITORY / ".build/release/triolet"))
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

# What is deleted is gone soon, so that tests can look whether it is.
QUICK = {
    "TRIOLET_TUNING_RELEASE_GRACE": "1s",
    "TRIOLET_TUNING_SWEEP_INTERVAL": "1s",
    "TRIOLET_TUNING_AUDIT_INTERVAL": "1s",
    "TRIOLET_TUNING_AUDIT_AGE": "10s",
}
# Nodes do nothing by themselves that would be counted with what is asked of them.
QUIET = {
    "TRIOLET_TUNING_SWEEP_INTERVAL": "1h",
    "TRIOLET_TUNING_AUDIT_INTERVAL": "24h",
    "TRIOLET_TUNING_HEAL_INTERVAL": "168h",
}


def free_base_port(nodes):
    """A port such that it and those that `triolet cluster` derives from it are free."""
    for _ in range(100):
        base = random.randrange(20_000, 55_000)
        taken = []
        try:
            for node in range(nodes):
                for offset in range(3):
                    listener = socket.socket()
                    listener.bind(("127.0.0.1", base + 10 * node + offset))
                    taken.append(listener)
            return base
        except OSError:
            continue
        finally:
            for listener in taken:
                listener.close()
    raise RuntimeError("no free ports")


class Cluster:
    """Nodes are numbered from 1, as on the command line."""

    def __init__(self, directory, nodes=3, environment=None):
        self.directory = Path(directory)
        self.nodes = nodes
        self.base_port = free_base_port(nodes)
        self.environment = environment or {}
        # Nodes that were started by `serve`, and not by `triolet cluster`.
        self.served = {}

    # Processes

    def variables(self):
        own = {name: value for name, value in os.environ.items() if "TRIOLET_" not in name}
        return own | self.environment

    def run(self, *arguments, check=True):
        result = subprocess.run(
            [BINARY, *arguments],
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=150,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"triolet {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result

    def cluster(self, verb, *arguments, check=True):
        return self.run(
            "cluster", verb, *arguments, "--directory", str(self.directory), check=check
        )

    def up(self):
        self.cluster("up", "--nodes", str(self.nodes), "--base-port", str(self.base_port))

    def down(self):
        for node in list(self.served):
            self.kill(node)
        self.cluster("down")

    def kill(self, node):
        process = self.served.pop(node, None)
        if process is None:
            self.cluster("kill", str(node))
        else:
            process.kill()
            process.wait()

    def restart(self, node):
        self.cluster("restart", str(node))

    def serve(self, node):
        """Starts a node that does not run, and does not wait for it."""
        settings = self.directory / f"n{node}" / "triolet.yaml"
        with open(self.directory / f"n{node}" / "log", "ab") as log:
            self.served[node] = subprocess.Popen(
                [BINARY, "serve", "--config", str(settings)],
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.served[node]

    def data(self, node):
        return self.directory / f"n{node}" / "data"

    def pid(self, node):
        if node in self.served:
            return self.served[node].pid
        return int((self.directory / f"n{node}" / "pid").read_text().split()[0])

    def process(self, node):
        """What the kernel tells of a node's process."""
        return Path(f"/proc/{self.pid(node)}")

    def memory(self, node, field="VmHWM"):
        """Bytes of memory; VmHWM is the most that the process ever had."""
        for line in (self.process(node) / "status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field}")

    def log(self, node):
        """The node's log lines as dictionaries."""
        lines = (self.directory / f"n{node}" / "log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    # Ports

    def host(self, node):
        return f"127.0.0.1:{self.base_port + 10 * (node - 1)}"

    def endpoint(self, node):
        return f"http://{self.host(node)}"

    def admin(self, node, path):
        address = f"http://127.0.0.1:{self.base_port + 10 * (node - 1) + 1}{path}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()

    def readiness(self, node):
        """"ready", why a node is not, or None if it does not answer."""
        try:
            self.admin(node, "/health/ready")
            return "ready"
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            return None

    def peer_port(self, node):
        return self.base_port + 10 * (node - 1) + 2

    # Metrics

    def metrics(self, nodes=None):
        """A list of (name, labels, value) of all nodes, or of some."""
        samples = []
        for node in nodes or range(1, self.nodes + 1):
            for line in self.admin(node, "/metrics").splitlines():
                match = SAMPLE.match(line)
                if match:
                    labels = dict(LABEL.findall(match[2] or ""))
                    samples.append((match[1], labels, float(match[3])))
        return samples

    def total(self, name, nodes=None, **labels):
        """The sum over all nodes, or some, of all series with these labels."""
        return sum(
            value
            for found, those, value in self.metrics(nodes)
            if found == name and labels.items() <= those.items()
        )

    def node_total(self, node, name, **labels):
        return self.total(name, [node], **labels)

    # Clients

    def keys(self):
        text = self.cluster_env("aws", 1)
        return dict(re.findall(r"export (\w+)=(\S+)", text))

    def cluster_env(self, client, node):
        return self.run(
            "env", "--for", client, "--node", str(node), "--directory", str(self.directory)
        ).stdout

    def s3(
        self, node, attempts=2, access_key=None, secret_key=None, authority=None, **config
    ):
        """A boto3 client that talks to one node; `attempts` counts the first one.

        With the file of an `authority` over TLS, to a node whose certificate it has signed."""
        keys = self.keys()
        return boto3.client(
            "s3",
            endpoint_url=f"https://{self.host(node)}" if authority else self.endpoint(node),
            verify=str(authority) if authority else None,
            aws_access_key_id=access_key or keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret_key or keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_DEFAULT_REGION"],
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": attempts, "mode": "standard"},
                max_pool_connections=32,
                **({"connect_timeout": 5, "read_timeout": 60} | config),
            ),
        )


def started(directory, **options):
    """Yields a cluster that runs, and ends it afterwards: for fixtures."""
    cluster = Cluster(directory, **options)
    try:
        cluster.up()
        yield cluster
    finally:
        if (cluster.directory / "cluster.json").exists():
            cluster.down()


def wait_until(condition, what, within=60):
    """The first result of `condition` that is true."""
    deadline = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return result


def content(seed, size):
    """Bytes that follow from the seed; half of them compressible."""
    noise = random.Random(seed).randbytes(size // 2)
    text = f"object {seed} of {size} bytes. ".encode()
    rest = size - len(noise)
    return noise + (text * (rest // len(text) + 1))[:rest]


def digest(data):
    return hashlib.sha256(data).hexdigest()
