#!/usr/bin/env python3
"""bench: cwsandbox-local beside a grpcio server with the same methods, asked by the same grpcio client in one run

Latency of a command, throughput of a shell, memory and CPU of idle streams; both by TLS, both without walls, in
turns, so that a busy moment of the machine hits both. The grpcio server is the tests' independent service: Python,
a thread for each call. Prints times and ratios; asserts nothing. Needs the official client that
'./quickstart check' installed, and its Python.

Usage: services.py [COMMANDS [STREAMS]]      (200 and 400)
"""
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("interop", "lib"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))
import procs  # noqa: E402
import world  # noqa: E402

PYTHON = os.path.join(world.SOURCE, ".quickstart", "venv", "bin", "python")
TURN = 20
SHELL_BYTES, SHELL_TURNS = 30 * 1000 * 1000, 7
IDLE_SECONDS = 3

try:
    import grpc
    import grpc_service
    from cwsandbox._proto import sandbox_pb2 as pb
    from stub import Stub
except ImportError:
    grpc = Stub = None


class Asked(Stub or object):
    """One service, its process and its numbers."""

    def __init__(self, name, service, pid):
        self.name, self.service, self.pid = name, service, pid
        Stub.connect.__func__(self)
        spec = pb.SandboxSpec(containers=[pb.Container(name="main", image="i", command="sleep", args=["infinity"])])
        self.box = self.ask("CreateSandbox", pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=spec))).sandbox_id
        self.reaches(self.box, pb.STATE_RUNNING)
        self.walls = {"Exec": [], "StreamExec": [], "shell": []}
        self.cpu = dict.fromkeys(self.walls, 0.0)

    def stream(self, *command, **fields):
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=self.box, command=command, **fields))
        return self.ask("StreamExec", iter([init]))

    def timed(self, kind, call):
        began = time.perf_counter()
        call()
        self.walls[kind].append(time.perf_counter() - began)

    def turn(self, n):
        for kind, call in (("Exec", lambda: self.ask("Exec", pb.ExecRequest(sandbox_id=self.box, command=["true"]))),
                           ("StreamExec", lambda: list(self.stream("true")))):
            cpu = procs.cpu_seconds(self.pid)
            for _ in range(n):
                self.timed(kind, call)
            self.cpu[kind] += procs.cpu_seconds(self.pid) - cpu

    def shell(self):
        """A terminal's output, as it comes from a program that does nothing else."""
        cpu = procs.cpu_seconds(self.pid)
        self.timed("shell", lambda: sum(len(a.output.data) for a in self.stream(
            "sh", "-c", "stty raw -echo; head -c %d /dev/zero" % SHELL_BYTES, tty=True)))
        self.cpu["shell"] += procs.cpu_seconds(self.pid) - cpu

    def idle(self, n):
        """Bytes of memory for each stream that follows a log in which nothing happens, and the CPU of all."""
        before = procs.rss_bytes(self.pid)
        streams = [self.stub.StreamLogs(pb.StreamLogsRequest(sandbox_id=self.box, follow=True), metadata=self.key)
                   for _ in range(n)]
        self.ask("ListSandboxes", pb.ListSandboxesRequest())
        time.sleep(1)
        cpu = procs.cpu_seconds(self.pid)
        time.sleep(IDLE_SECONDS)
        self.idle_cpu = (procs.cpu_seconds(self.pid) - cpu) / IDLE_SECONDS
        self.idle_bytes = (procs.rss_bytes(self.pid) - before) / n
        for stream in streams:
            stream.cancel()


def serve(folder, threads):
    """The grpcio server, in a process of its own until its input ends."""
    service = grpc_service.GrpcService(folder, threads=threads)
    print(service.url, service.key, service.ca_file, flush=True)
    sys.stdin.read()
    service.stop()


def start_grpcio(place, threads):
    process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "serve", place.dir, str(threads)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=place.env)
    url, key, ca_file = process.stdout.readline().decode().split()
    return process, world.Service(url, key, ca_file)


def row(what, ours, theirs, unit, better=min):
    ratio = theirs / ours if better is min else ours / theirs
    print("%-46s %12.2f %12.2f  %-8s %8.1f x" % (what, ours, theirs, unit, ratio))


def report(n, streams, ours, theirs):
    print("%-46s %12s %12s" % ("", "local", "grpcio"))
    for kind in ("Exec", "StreamExec"):
        walls = [sorted(s.walls[kind]) for s in (ours, theirs)]
        row("%s of `true`, median of %d" % (kind, n), *(statistics.median(w) * 1e3 for w in walls), "ms")
        row("%s of `true`, 99th of 100" % kind, *(w[int(len(w) * 0.99)] * 1e3 for w in walls), "ms")
        row("CPU of the service for each", *(s.cpu[kind] * 1e3 / n for s in (ours, theirs)), "ms")
    for what, of in (("median", statistics.median), ("best", min)):
        row("output of a shell, %s of %d" % (what, SHELL_TURNS),
            *(SHELL_BYTES / 1e6 / of(s.walls["shell"]) for s in (ours, theirs)), "MB/s", max)
    row("CPU of the service for it", *(s.cpu["shell"] * 1e9 / SHELL_BYTES / SHELL_TURNS for s in (ours, theirs)), "s/GB")
    row("memory of an idle stream (%d of them)" % streams, ours.idle_bytes / 1024, theirs.idle_bytes / 1024, "KiB")
    print("%-46s %12.1f %12.1f  %%" % ("CPU while they are idle", ours.idle_cpu * 100, theirs.idle_cpu * 100))


def main(n, streams):
    place = world.World()
    process, grpcio = start_grpcio(place, streams + 32)
    try:
        local = place.local("--isolation", "none")
        both = [Asked("local", local, local.process.pid), Asked("grpcio", grpcio, process.pid)]
        done = 0
        while done < n:
            for service in both:
                service.turn(min(TURN, n - done))
            done += TURN
        for _ in range(SHELL_TURNS):
            for service in both:
                service.shell()
        for service in both:
            service.idle(streams)
        report(n, streams, *both)
        for service in both:
            service.channel.close()
    finally:
        process.stdin.close()
        process.wait(60)
        problems = place.close()
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    if grpc is None and sys.executable != PYTHON and os.path.exists(PYTHON):
        os.execv(PYTHON, [PYTHON] + sys.argv)
    if grpc is None:
        print("the official client is not installed: run './quickstart check' first; nothing was compared")
    elif sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        main(*(int(a) for a in (sys.argv[1:] + ["200", "400"][len(sys.argv) - 1:])))
