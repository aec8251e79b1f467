#!/usr/bin/env python3
"""bench: one terminal, through the daemon and through what people use instead

In turns, so that a busy moment of the machine hits all: a shell on a 120x40 terminal (ttyrun), through
`cwsandbox new` (policy skip, and --lossless), ssh with a shared connection, tmux, dtach and shpool, each as it comes.
First what the kernel allows: `one pty` is the shell with nothing in between, and so the bound of what needs not show
all; `two ptys` is a copy from one pty to the next (between.c), the bound of what does. `two processes` and `three` do nothing
but copy: as many as ssh and we have in the path, joined as they are, and so the bounds of the echo.
  plain    a file of lines is shown by cat: megabytes of the program's output a second until its last line is seen
  build    the same with the coloured log of a build
  echo     a key typed until it is shown, 300 times: median and 99th percentile
  ctrl-c   the terminal takes 1 MB/s, a program floods it: from Ctrl-C typed to the prompt seen
  cpu, rss of what stays between terminal and shell: daemon and service, ssh client and server, tmux server, ...
Prints the best round of each and ratios to ours; asserts nothing. What is not installed is named and left out.

Usage: shells.py [ROUNDS [MEGABYTES]]   (default 3 rounds of 32 MB)
"""
import getpass
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
import procs
import world
from terminal import until

TTYRUN = os.path.join(world.BUILD, "tests", "bench", "ttyrun")
BETWEEN = os.path.join(world.BUILD, "tests", "bench", "between")
PROMPT = "#=%=# "
SHOWN, TYPED = "=@=%=", "=@\"\"=%="  # the last line, and how it is typed so that its echo is not it
SLOW = 1000000  # bytes a second
ECHOES = 300


class Way:
    """One way to a shell: the command a terminal runs, and the processes in between."""

    def __init__(self, name, argv, env, helpers, file):
        self.name, self.argv, self.env, self.helpers, self.file = name, argv, env, helpers, file
        self.plain, self.build, self.echo, self.tail, self.interrupt, self.cpu, self.rss = [], [], [], [], [], [], 0

    def script(self, *steps):
        """Runs the steps on a fresh terminal; the figures it printed, as lists of words."""
        lines = ["see " + PROMPT[:-1]] + list(steps)
        done = subprocess.run([TTYRUN, "-c", "120", "-l", "40"] + self.argv, env=self.env, text=True,
                              input="".join(line + "\n" for line in lines), stdout=subprocess.PIPE, check=True)
        return [line.split() for line in done.stdout.splitlines()][1:]

    def flood(self, file, megabytes):
        took = self.script("send cat %s; echo %s\\r" % (file, TYPED), "see " + SHOWN, "send exit\\r", "read 100")
        return megabytes / float(took[0][1])

    def round(self, megabytes):
        def spent():
            return sum(procs.cpu_seconds(p) for p in self.helpers())
        before = spent()
        self.plain.append(self.flood(self.file, megabytes))
        self.cpu.append((spent() - before) * 1000 / megabytes)
        self.build.append(self.flood(self.file + ".log", megabytes))
        echo = self.script("send cat >/dev/null\\r", "read 100", "echo abcdefghijklmnopqrstuvwxyz\\r %d" % ECHOES,
                           "send \\x03", "see " + PROMPT[:-1], "send exit\\r", "read 100")
        self.echo.append(float(echo[0][1]) * 1e6)
        self.tail.append(float(echo[0][2]) * 1e6)
        stopped = self.script("rate %d" % SLOW, "send while :; do cat %s; done\\r" % self.file, "read 2000",
                              "send \\x03", "see " + PROMPT[:-1], "rate 0", "send exit\\r", "read 100")
        self.interrupt.append(float(stopped[0][1]) * 1000)
        self.rss = max([self.rss] + [procs.rss_bytes(p) / 1048576 for p in self.helpers()])

    def row(self):
        return (max(self.plain), max(self.build), min(self.echo), min(self.tail), min(self.interrupt), min(self.cpu), self.rss)


# ---- the ways ----


def ours(place, megabytes):
    service = place.use(place.local())
    daemon = place.daemon()
    box = place.ok("create")
    place.ok("exec", box, "sh", "-c", lines_of(megabytes, "/tmp/lines"), limit=120)
    env = dict(place.env, LD_LIBRARY_PATH=os.path.join(world.BUILD, ".libs"))
    client = os.path.join(world.BUILD, ".libs", "cwsandbox")
    client = client if os.path.exists(client) else world.program("cwsandbox")
    for name, flags in (("skip", []), ("lossless", ["--lossless"])):
        argv = [client, "new", "--env", "PS1=" + PROMPT] + flags + [box, "--", "/bin/sh"]
        yield Way("cwsandbox, " + name, argv, env, lambda: [daemon.pid] + [
            p for p in procs.descendants() if "cwsandbox-local" in procs.command(p).split(" ")[0]], "/tmp/lines")
    del service


def one_pty(place, file):
    return Way("one pty", ["env", "PS1=" + PROMPT, "/bin/sh"], place.env, list, file)


def copies(name, processes):
    return lambda place, file: Way(name, [BETWEEN, str(processes), "env", "PS1=" + PROMPT, "/bin/sh"], place.env, list, file)


def ssh(place, file):
    """sshd of this user on a port of loopback, and one shared connection to it."""
    server = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
    if not server or not shutil.which("ssh"):
        return missing("ssh", "openssh-server")
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    for key in ("host", "id"):
        place.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place.path(key)]).check_returncode()
    shutil.copy(place.path("id.pub"), place.path("authorized"))
    port = free_port()
    config = place.write("sshd.conf", "ListenAddress 127.0.0.1\nPort %d\nHostKey %s\nAuthorizedKeysFile %s\n"
                         "StrictModes no\nUsePAM no\nPidFile none\n" % (port, place.path("host"),
                                                                       place.path("authorized")))
    sshd = place.start([server, "-D", "-f", config])
    argv = ["ssh", "-F", "none", "-p", str(port), "-i", place.path("id"), "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-S", place.path("ctl"), "-o",
            "ControlMaster=auto", "-o", "ControlPersist=yes", getpass.getuser() + "@127.0.0.1"]
    until(lambda: place.run(argv + ["true"]).returncode == 0, "an answer of sshd")

    def helpers():
        return [sshd.pid] + [p for p in procs.descendants() if "ssh" in procs.command(p).split(" ")[0]]
    return Way("ssh, shared", argv + ["-t", "PS1='%s' exec /bin/sh" % PROMPT], place.env, helpers, file)


def tmux(place, file):
    if not shutil.which("tmux"):
        return missing("tmux", "tmux")
    argv = ["tmux", "-S", place.path("tmux"), "-f", "/dev/null", "new-session", "env", "PS1=" + PROMPT, "/bin/sh"]

    def helpers():
        return [p for p in procs.descendants() if "tmux" in procs.command(p).split(" ")[0]]
    # one that stays keeps the server, and its CPU time, over the rounds
    place.run(argv[:6] + ["-d", "sleep", "3600"]).check_returncode()
    return Way("tmux", argv, place.env, helpers, file)


def dtach(place, file):
    if not shutil.which("dtach"):
        return missing("dtach", "dtach")
    return Way("dtach", ["dtach", "-c", place.path("dtach"), "env", "PS1=" + PROMPT, "/bin/sh"], place.env,
               lambda: [p for p in procs.descendants() if "dtach" in procs.command(p).split(" ")[0]], file)


def shpool(place, file):
    program = shutil.which("shpool")
    if not program:
        return missing("shpool", "the crate of its name: cargo install shpool")
    config = place.write("shpool.toml", 'prompt_prefix = ""\nnorc = true\n[env]\nPS1 = "%s"\n' % PROMPT)
    argv = [program, "--socket", place.path("shpool"), "--config-file", config]
    daemon = place.start(argv + ["daemon"])
    until(lambda: os.path.exists(place.path("shpool")), "shpool's socket")
    return Way("shpool", argv + ["attach", "--cmd", "env 'PS1=%s' /bin/sh" % PROMPT, "-f", "bench"], place.env,
               lambda: [daemon.pid], file)


def missing(name, package):
    print("SKIP %s: not installed (%s)" % (name, package))


def lines_of(megabytes, path):
    """A shell command that makes both files: plain lines in `path`, a build's log in `path`.log."""
    return ("head -c %d000000 /dev/zero | tr '\\0' x | fold -w 79 >%s; i=0; while [ $i -lt 1000 ]; do i=$((i+1)); "
            "printf '\\033[32m[%%3d%%%%]\\033[0m Building \\033[1mobj/%%d.o\\033[0m\\n\\033[35mwarning:\\033[0m src/%%d.c: "
            "unused \\033[01m%%d\\033[m in a line of some length\\n' $((i/10)) $i $i $i; done >%s.part; "
            "while cat %s.part; do :; done | head -c %d000000 >%s.log; printf '\\033[m\\n' >>%s.log" % (
                megabytes, path, path, path, megabytes, path, path))


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- running and telling ----


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 32
    place = world.World()
    try:
        file = place.path("lines")
        place.run(["sh", "-c", lines_of(megabytes, file)]).check_returncode()
        ways = list(ours(place, megabytes))
        ways += [way for way in (peer(place, file) for peer in (
            one_pty, copies("two ptys", 1), copies("two processes", 2), copies("three processes", 3), ssh, tmux, dtach, shpool))
             if way]
        for _ in range(rounds):
            for way in ways:
                way.round(megabytes)
        report(ways)
    finally:
        for p in procs.descendants():
            if re.match(r"(\S*/)?(ssh|tmux|dtach)", procs.command(p)):
                os.kill(p, 15)
        problems = place.close()
    if problems:
        sys.exit("\n".join(problems))


def report(ways):
    print("%-20s %10s %8s %10s %8s %12s %11s %10s %10s %8s" % (
        "way to a shell", "plain MB/s", "to ours", "build MB/s", "to ours", "echo med. us", "echo p99 us", "ctrl-c ms",
        "cpu ms/MB", "rss MiB"))
    first = ways[0].row()
    for way in ways:
        row = way.row()
        print("%-20s %10.1f %8.2f %10.1f %8.2f %12.0f %11.0f %10.1f %10.2f %8.1f" % (
            (way.name, row[0], row[0] / first[0], row[1], row[1] / first[1]) + row[2:]))


if __name__ == "__main__":
    main()
