#!/usr/bin/env python3
"""bench: terminal models, one core each, on the same streams in turns

Ours and libvterm's layers are fed in memory by bench_term. tmux and shpool read the stream from a pseudo-terminal
with nobody attached, and the processor time of their server counts, the reading included. 200x50, 1000 lines of
history. Prints MB/s, the best of ROUNDS, and how many times faster ours is; asserts nothing. What is not installed is
named and left out.

Usage: models.py [ROUNDS]   (default 3)
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import procs
from terminal import Terminal, close_all, pump, until

BENCH = os.path.join(os.environ.get("CWSANDBOX_BUILD", "."), "tests", "bench", "bench_term")
COLS, ROWS = 200, 50
WAIT = 300  # seconds for one stream


class Place:
    """A folder with the streams, and the servers that read them."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": folder, "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": folder, "SHELL": "/bin/sh"}
        subprocess.run([BENCH, "-w", folder], check=True)
        self.streams = sorted(os.listdir(folder))

    def path(self, name):
        return os.path.join(self.folder, name)

    def reader(self, stream):
        """A shell command that shows a stream once it may, and says so."""
        return "stty raw -echo; until [ -e '%s' ]; do sleep .05; done; cat '%s'; : >'%s'; sleep 1000" % (
            self.path("go"), self.path(stream), self.path("done"))

    def measure(self, pid, stream):
        """MB/s of processor time of pid while it reads the stream."""
        before = procs.cpu_seconds(pid)
        open(self.path("go"), "w").close()
        until(lambda: os.path.exists(self.path("done")), "the end of " + stream, WAIT)
        last, now = -1.0, procs.cpu_seconds(pid)
        while now != last:  # what is still in the pseudo-terminal
            pump(0.2)
            last, now = now, procs.cpu_seconds(pid)
        os.remove(self.path("go"))
        os.remove(self.path("done"))
        return os.path.getsize(self.path(stream)) / 1e6 / max(now - before, 0.01)


def tmux(place, stream):
    argv = ["tmux", "-L", "models-%d" % os.getpid(), "-f", "/dev/null"]
    run = lambda *args: subprocess.run(argv + list(args), env=place.env, check=True, stdout=subprocess.PIPE).stdout
    run("set", "-g", "history-limit", "1000", ";", "new-session", "-d", "-x", str(COLS), "-y", str(ROWS),
        "exec sh -c \"%s\"" % place.reader(stream))
    try:
        return place.measure(int(run("display", "-p", "#{pid}")), stream)
    finally:
        subprocess.run(argv + ["kill-server"], env=place.env)


def shpool(place, stream):
    with open(place.path("shpool.toml"), "w") as f:
        f.write("norc = true\noutput_spool_lines = 1000\n")
    with open(place.path("reader"), "w") as f:
        f.write(place.reader(stream))
    argv = ["shpool", "--socket", place.path("socket"), "--config-file", place.path("shpool.toml")]
    daemon = subprocess.Popen(argv + ["daemon"], env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(place.path("socket")), "shpool's socket")
        t = Terminal(argv + ["attach", "--cmd", "/bin/sh %s" % place.path("reader"), "bench"], env=place.env, cols=COLS,
                     rows=ROWS)
        pump(0.5)
        t.kill()
        t.exit_code()
        return place.measure(daemon.pid, stream)
    finally:
        daemon.kill()
        daemon.wait()
        close_all()
        for name in ("socket", "reader", "shpool.toml"):
            if os.path.exists(place.path(name)):
                os.remove(place.path(name))


def in_memory(stream):
    """MB/s of our model, and of libvterm's state and screen layers where it is built in."""
    line = subprocess.run([BENCH, stream.replace("_", " ")], check=True, stdout=subprocess.PIPE, text=True).stdout
    numbers = line.splitlines()[-1][22:].split()
    return [float(numbers[0])] + [float(n) for n in numbers[3:5]]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    ways = [way for way in (tmux, shpool) if shutil.which(way.__name__)]
    for way in (tmux, shpool):
        if way not in ways:
            print("SKIP %s: not installed" % way.__name__)
    print("%-22s %8s %14s %14s" % ("stream, MB/s", "model", "libvterm state", "screen")
          + "".join("%14s" % way.__name__ for way in ways))
    with tempfile.TemporaryDirectory(prefix="cws-models-") as folder:
        place = Place(folder)
        for stream in place.streams:
            best = []
            for _ in range(rounds):
                row = (in_memory(stream) + [0.0, 0.0])[:3] + [way(place, stream) for way in ways]
                best = [max(pair) for pair in zip(best, row)] if best else row
            print("%-22s %8.1f" % (stream.replace("_", " "), best[0]) + "".join(
                "%8.1f %4.0fx" % (rate, best[0] / rate) if rate else "%14s" % "-" for rate in best[1:]))
            sys.stdout.flush()


main()
