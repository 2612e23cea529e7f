"""What goes wrong in clusters, brought about by signals."""

import os
import signal
import threading
import time


class StandStill(threading.Thread):
    """Stops nodes 2 and 3 once node 1 stores chunks of a copy.

    For good (until the end of the block), or again and again for some seconds, with moments between in which they get
    on a little, so that nobody takes them for dead.
    """

    def __init__(self, cluster, seconds=None):
        super().__init__()
        self.cluster = cluster
        self.seconds = seconds
        self.over = threading.Event()
        self.stopped = False

    def pulls(self):
        """Requests to store a chunk of a copy that node 1 was given."""
        return self.cluster.total("triolet_node_messages_total", [1], kind="pullChunk")

    def __enter__(self):
        self.before = self.pulls()
        self.start()
        return self

    def run(self):
        while not self.over.is_set() and self.pulls() == self.before:
            time.sleep(0.01)
        if self.over.is_set():
            return
        self.stopped = True
        pids = [self.cluster.pid(node) for node in (2, 3)]
        deadline = time.monotonic() + (self.seconds or 0)
        while True:
            try:
                for pid in pids:
                    os.kill(pid, signal.SIGSTOP)
                self.over.wait(2.2 if self.seconds else None)
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            if self.over.wait(0.05) or time.monotonic() > deadline:
                return

    def __exit__(self, *_):
        self.over.set()
        self.join()
        assert self.stopped, "the copy was over before anything stood still"
