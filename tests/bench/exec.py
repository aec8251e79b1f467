#!/usr/bin/env python3
"""bench: one command after another, through the daemon and by the official command line

Both run `true` in the same sandbox of the same cwsandbox-local, N times each (default 200), in turns of ten so
that a busy moment of the machine hits both. Prints wall and CPU time and their ratios; asserts nothing.
The official client is the one that './quickstart check' installed; without it only our column is printed.

Usage: exec.py [N]
"""
import os
import resource
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import procs
import world

OFFICIAL = os.environ.get("CWSANDBOX_OFFICIAL") or os.path.join(world.SOURCE, ".quickstart", "venv", "bin", "cwsandbox")
TURN = 10


class Column:
    """One client: its runs' wall times, and the CPU time of its processes and its helpers."""

    def __init__(self, name, argv, env, helpers):
        self.name, self.argv, self.env, self.helpers = name, argv, env, helpers
        self.walls, self.own, self.helped = [], 0.0, 0.0

    def turn(self, n):
        helped = sum(procs.cpu_seconds(p) for p in self.helpers)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        for _ in range(n):
            began = time.perf_counter()
            subprocess.run(self.argv, env=self.env, stdin=subprocess.DEVNULL, check=True)
            self.walls.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.own += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.helped += sum(procs.cpu_seconds(p) for p in self.helpers) - helped

    def row(self):
        walls = sorted(self.walls)
        return (self.name, sum(walls), statistics.median(walls) * 1000, walls[int(len(walls) * 0.99)] * 1000,
                self.own, self.helped)


def real_client():
    """The program itself, not the script libtool puts in front of it in a build folder."""
    real = os.path.join(world.BUILD, ".libs", "cwsandbox")
    return real if os.path.exists(real) else world.program("cwsandbox")


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    place = world.World()
    try:
        service = place.use(place.local())
        daemon = place.daemon()
        box = place.ok("create")
        env = dict(place.env, LD_LIBRARY_PATH=os.path.join(world.BUILD, ".libs"))
        columns = [Column("cwsandbox", [real_client(), "exec", box, "true"], env, [daemon.pid])]
        if os.path.exists(OFFICIAL):
            columns.append(Column("official", [OFFICIAL, "exec", box, "true"], place.env, []))
        for column in columns:
            subprocess.run(column.argv, env=column.env, check=True)  # warm
        done = 0
        while done < n:
            for column in columns:
                column.turn(min(TURN, n - done))
            done += TURN
        report(n, [c.row() for c in columns], service)
    finally:
        problems = place.close()
    if problems:
        sys.exit("\n".join(problems))


def report(n, rows, service):
    print("exec of `true`, %d times in a row, %s" % (n, service.url.split(":")[0]))
    print("%-10s %10s %12s %10s %12s %14s" % ("client", "wall s", "median ms", "p99 ms", "client CPU s", "daemon CPU s"))
    for row in rows:
        print("%-10s %10.2f %12.2f %10.2f %12.2f %14.2f" % row)
    if len(rows) < 2:
        print("no official client at %s: run './quickstart check' first to compare" % OFFICIAL)
        return
    ours, theirs = rows
    print("ratio      %9.1fx %11.1fx %9.1fx %11.1fx  (CPU: daemon counted as ours)" % (
        theirs[1] / ours[1], theirs[2] / ours[2], theirs[3] / ours[3],
        (theirs[4] + theirs[5]) / max(0.01, ours[4] + ours[5])))


if __name__ == "__main__":
    main()
