#!/usr/bin/env python3
"""bench: many sessions on one connection to the service, and many attachments on one session

N sessions (default 1000), each a program of its own on a terminal of its own, with one attachment each from a client
of its own; max-streams is N + 100, so that one connection carries them all. Then one session with 64 terminals, and
one with 1, 8 and 64 attachments that take a flood losslessly. Prints what it took: time, CPU and memory of the daemon
and of the service, the echo of a key; asserts nothing.

Usage: crowd.py [N]
"""
import os
import resource
import select
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import mpack
import procs
import world

IN_ONE = 200  # sessions in one sandbox: it may have 1,024 processes
AT_ONCE = 1000  # requests without an answer: the daemon reads nobody who takes no answers
FLOOD = 64 << 20
KEYS = 200
SPARE = 100  # streams, clients and descriptors beside those of the sessions


class Meter:
    """CPU and memory of the daemon and the service since the last look."""

    def __init__(self, daemon, service):
        self.pids = (daemon.pid, service.process.pid)
        self.look()

    def look(self):
        now = [procs.cpu_seconds(p) for p in self.pids], time.perf_counter()
        before = getattr(self, "last", now)
        self.last = now
        return [b - a for a, b in zip(before[0], now[0])], now[1] - before[1]

    def row(self, what, n=0):
        cpu, wall = self.look()
        rss = [procs.rss_bytes(p) / 1048576 for p in self.pids]
        print("%-34s %8.2f s  %8.3f s %7.1f MiB  %8.3f s %7.1f MiB%s" % (
            what, wall, cpu[0], rss[0], cpu[1], rss[1], "   %.2f ms each" % (wall * 1000 / n) if n else ""), flush=True)
        self.look()


def hello(place):
    env = place.env
    return {"endpoint": {"url": env["CWSANDBOX_BASE_URL"], "ca_file": env["CWSANDBOX_CA_FILE"]},
            "key": env["CWSANDBOX_API_KEY"], "key_with_url": True}


def wait_for(peer, text):
    """Reads and acknowledges until `text` was among the bytes."""
    seen = b""
    while text not in seen:
        frame = peer.note("output", "resync")[1]
        peer.taken = getattr(peer, "taken", 0) + len(frame["data"])
        peer.notify("session.ack", {"attachment": peer.attachment, "bytes": peer.taken})
        seen = (seen + frame["data"])[-4096:]


def attach(place, name, **how):
    peer = mpack.Peer(place.socket_path, hello(place))
    how.update({"name": name, "cols": 80, "rows": 24})
    peer.attachment = peer.call("session.attach", how)["attachment"]
    return peer


def key(peer, text):
    began = time.perf_counter()
    peer.call("session.input", {"attachment": peer.attachment, "data": text})
    wait_for(peer, text)
    return time.perf_counter() - began


def ask_all(control, method, asked):
    for i in range(0, len(asked), AT_ONCE):
        for number in [control.ask(method, params) for params in asked[i:i + AT_ONCE]]:
            control.answer(number)


def sessions(place, meter, n):
    boxes = [place.ok("create") for _ in range((n + IN_ONE - 1) // IN_ONE)]
    control = mpack.Peer(place.socket_path, hello(place))
    meter.row("before: %d sandboxes" % len(boxes))
    ask_all(control, "session.create", [{"sandbox_id": boxes[i // IN_ONE], "name": "n%d" % i, "cols": 80, "rows": 24,
                                         "argv": ["sh", "-c", "stty -icanon; echo up; exec cat >/dev/null"]}
                                        for i in range(n)])
    meter.row("%d sessions started" % n, n)
    peers = [attach(place, "n%d" % i) for i in range(n)]
    for peer in peers:
        wait_for(peer, b"up")
    meter.row("%d clients attached and painted" % n, n)
    took = sorted(key(peer, b"k") for peer in peers)
    meter.row("a key typed to each in turn", n)
    print("  echo of a key among %d sessions: median %.0f us, 99th percentile %.0f us" % (
        n, statistics.median(took) * 1e6, took[int(n * 0.99)] * 1e6))
    for peer in peers:
        peer.notify("session.input", {"attachment": peer.attachment, "data": b"q"})
    for peer in peers:
        wait_for(peer, b"q")
    meter.row("a key typed to all at once", n)
    time.sleep(5)
    meter.row("idle for 5 s")
    listed, after = 0, None
    while True:
        page = control.call("session.list", {"after": after} if after else {})
        listed += len(page["sessions"])
        if not page["more"]:
            break
        after = page["sessions"][-1]["name"]
    meter.row("a list of all %d" % listed)
    print("  connections to the service: %d" % len(control.call("daemon.status")["connections"]))
    for peer in peers:
        peer.close()
    ask_all(control, "session.kill", [{"name": "n%d" % i} for i in range(n)])
    meter.row("all killed")
    return boxes[0]


def together(place, meter, box, n):
    """One session, n terminals: a key of the first is shown by all of them."""
    control = mpack.Peer(place.socket_path, hello(place))
    control.call("session.create", {"sandbox_id": box, "name": "t", "cols": 80, "rows": 24, "argv": [
        "sh", "-c", "stty -icanon; echo up; exec cat >/dev/null"]})
    meter.look()
    peers = [attach(place, "t") for _ in range(n)]
    for peer in peers:
        wait_for(peer, b"up")
    meter.row("%d clients attached to one session" % n, n)
    first, last = [], []
    for i in range(KEYS):
        text = b"%c" % (97 + i % 26)
        began = time.perf_counter()
        peers[0].call("session.input", {"attachment": peers[0].attachment, "data": text})
        for peer in peers:
            wait_for(peer, text)
            if peer is peers[0]:
                first.append(time.perf_counter() - began)
        last.append(time.perf_counter() - began)
    meter.row("%d keys, each shown by %d" % (KEYS, n), KEYS)
    for what, took in (("the one who typed", sorted(first)), ("all %d, read one by one" % n, sorted(last))):
        print("  echo of a key at %s: median %.0f us, 99th percentile %.0f us" % (
            what, statistics.median(took) * 1e6, took[int(KEYS * 0.99)] * 1e6))
    time.sleep(5)
    meter.row("idle for 5 s")
    for peer in peers:
        peer.close()
    control.call("session.kill", {"name": "t"})
    control.close()


def flood(place, meter, box, n):
    """One session, n clients that want every byte; each is read in turn, by this one process."""
    control = mpack.Peer(place.socket_path, hello(place))
    control.call("session.create", {"sandbox_id": box, "name": "f%d" % n, "cols": 80, "rows": 24, "argv": [
        "sh", "-c", "stty -echo; read x; yes $(printf %%070d 7) | head -c %d; echo; echo o''ver; read x" % FLOOD]})
    peers = [attach(place, "f%d" % n, policy="block") for _ in range(n)]
    meter.look()
    peers[0].call("session.input", {"attachment": peers[0].attachment, "data": b"\r"})
    left = {p.sock.fileno(): p for p in peers}
    poll = select.poll()
    for fd in left:
        poll.register(fd, select.POLLIN)
    seen = dict.fromkeys(left, b"")
    while left:
        for fd, _ in poll.poll():
            peer = left[fd]
            peer.read_ready()
            while peer.notes:
                method, frame = peer.notes.popleft()
                if method not in ("output", "resync"):
                    continue
                peer.taken = getattr(peer, "taken", 0) + len(frame["data"])
                peer.notify("session.ack", {"attachment": peer.attachment, "bytes": peer.taken})
                seen[fd] = (seen[fd] + frame["data"])[-64:]
            if b"over" in seen[fd]:
                poll.unregister(fd)
                del left[fd]
    cpu, wall = meter.look()
    print("%-34s %8.2f s  daemon %.2f CPU ms a MB in, %.2f a MB out, %.1f MiB" % (
        "a flood of %d MiB to %d" % (FLOOD >> 20, n), wall, cpu[0] * 1000 / (FLOOD / 1e6),
        cpu[0] * 1000 / (FLOOD / 1e6) / n, procs.rss_bytes(meter.pids[0]) / 1048576), flush=True)
    for peer in peers:
        peer.close()
    control.call("session.kill", {"name": "f%d" % n})
    control.close()


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < n + SPARE:
        sys.exit("%d descriptors are not enough for %d clients" % (hard, n))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
    place = world.World()
    try:
        os.mkdir(os.path.join(place.env["XDG_CONFIG_HOME"], "cwsandboxd"))
        config = place.write("config/cwsandboxd/cwsandboxd.conf", "".join(
            "%s = %d\n" % (what, n + SPARE) for what in ("max-streams", "max-clients", "max-attachments")))
        os.chmod(config, 0o600)
        service = place.use(place.local())
        meter = Meter(place.daemon(), service)
        print("%-34s %10s  %22s  %22s" % ("", "wall", "daemon's CPU, memory", "service's CPU, memory"))
        box = sessions(place, meter, n)
        together(place, meter, box, 64)
        for clients in (1, 8, 64):
            flood(place, meter, box, clients)
    finally:
        problems = place.close()
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
