"""walk - a random walk over one session: terminals of any size come, stall, change and go while its programs draw

A seed says what happens. After every few steps all is let go, and once it is quiet each terminal must show the session's screen, by
an oracle that is not ours (oracle.py), be listed as what it is, and have the modes that one has which attaches now. Who leaves, leaves its
terminal as it was.
"""
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time

import mpack
from guest import SIMPLE, Guest
from oracle import COLS_MIN, Judged, Picture, mode_difference, view_difference
from scenes import DRAWN, FLOODS, STREAMS, TYPED
from sessions import DETACH, LEAD, OUT_OF_TURN, UNREACHED
from terminal import AGAIN, LIMIT, pump, until
from world import program

SIZES = ((80, 24), (80, 24), (80, 24), (1, 1), (2, 2), (20, 8), (40, 12), (60, 30), (81, 24), (80, 23), (132, 43), (250, 70))
TERMS = ("xterm-256color", "xterm-256color", "xterm-256color", "xterm", "screen-256color", "vt100", "linux", "dumb")
GUESTS_MAX = 6
FLOWS = 10000  # bytes in AGAIN seconds: a program is still at it
CRASHED = 128 + signal.SIGSEGV  # Debian 12's dash, at times, when Ctrl-C comes
WAIT = float(os.environ.get("CWSANDBOX_WALK_LIMIT", LIMIT))  # seconds until a picture must be right


def read(path):
    with open(path, "rb") as f:
        return f.read()


def serve(seconds):
    """A look at all takes long: the terminals go on in between."""
    due = time.monotonic() + seconds
    while time.monotonic() < due:
        pump(0.01)


class Walk:
    def __init__(self, case, oracle, seed):
        self.case, self.oracle, self.seed = case, oracle, seed
        self.random = random.Random(seed)
        self.log, self.guests = [], []
        self.fresh = Judged(oracle, 80, 24)
        self.count = 0
        self.name = "w%d" % seed
        self.checks = self.pictures = 0
        self.policy = "skip"  # of who names none
        self.saves_titles = False  # which no paint restores (doc/terminal.md)

    # ---- what is done ----

    def say(self, text):
        self.log.append(text)
        if "CWSANDBOX_WALK_LOUD" in os.environ:
            print("    %3d %s" % (len(self.log), text), flush=True)

    def cli(self, *args, codes=(0,), input=b""):
        """A command beside the terminals, which go on being served; its standard output."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as into:
            into.write(input)
            into.seek(0)
            process = subprocess.Popen([program("cwsandbox"), *args], env=self.case.world.env, cwd=self.case.world.dir,
                                       stdin=into, stdout=out, stderr=subprocess.STDOUT)
            until(lambda: process.poll() is not None, "the end of cwsandbox " + " ".join(args))
            out.seek(0)
            said = out.read().decode("utf-8", "replace")
        assert process.returncode in codes, "cwsandbox %s: exit code %d: %s" % (" ".join(args), process.returncode, said)
        return said

    def active(self, typists=False):
        return [g for g in self.guests if g.active and not (typists and (g.observer or g.helping))]

    @property
    def lease(self):
        return next((g for g in self.guests if g.exclusive), None)

    def listed(self):
        return self.api.call("session.get", {"name": self.name})

    def shell_crashed(self):
        """It is no program of ours."""
        try:
            return self.listed()["exit_code"] == CRASHED
        except (mpack.RpcError, OSError, EOFError):
            return False

    def settle(self):
        """All who came are attached."""
        def there():
            pids = {c["pid"] for c in self.listed()["clients"]}
            return all(g.t.poll() is not None or (g.t.pid in pids and g.is_raw()) for g in self.guests if not g.stopped)
        until(there, "the terminals in the list")

    def gone(self, guest, *codes, harm=True):
        """It leaves, with one of these codes, and its terminal as it was."""
        if guest in self.guests:
            self.guests.remove(guest)
        code = guest.t.exit_code() if guest.t.master >= 0 else guest.t.process.wait(LIMIT)
        assert not codes or code in codes, "%s: exit code %d, not %s\n%s" % (guest, code, codes, guest.t.screen.text())
        bad = guest.harm() if harm else []
        assert not bad, "%s left with %d: %s" % (guest, code, "; ".join(bad))
        guest.t.screen.free()
        guest.t.close()
        until(lambda: guest.t.pid not in {c["pid"] for c in self.listed()["clients"]}, "%s no longer in the list" % guest)

    # ---- steps ----

    def attach(self):
        r = self.random
        cols, rows = r.choice(SIZES)
        options = r.choice(([], [], [], [], [], [], ["-r"], ["-r"], ["-x"], ["--exclusive"], ["--lossless"], ["--policy", "drop"],
                            ["--lossless", "--block-timeout", "2s"], ["--window", "4K"], ["--drain", "0"], ["--history", "0"]))
        env = {"TERM": r.choice(TERMS), "COLORTERM": r.choice(("truecolor", "truecolor", "")),
               "CWSANDBOX_PROBE": r.choice(("no", "yes"))}
        at_once = r.random() < 0.5
        if len(self.guests) >= GUESTS_MAX:
            return self.leave()
        if options in (["-x"], ["--exclusive"]):
            for g in self.guests:
                g.let_go()
            self.settle()
        self.reap()
        lease = self.lease
        g = Guest(self, self.name, options, cols, rows, env)
        self.say("attach %s TERM=%s COLORTERM=%s probe=%s" % (g, env["TERM"], env["COLORTERM"], env["CWSANDBOX_PROBE"]))
        if options == ["-x"]:
            for other in list(self.guests):
                self.gone(other, OUT_OF_TURN)
        if g.exclusive and lease:
            return self.gone(g, UNREACHED)
        self.guests.append(g)
        if g.exclusive or options == ["-x"] or not at_once:
            self.settle()
        return None

    def reap(self):
        """Those whose policy ended them meanwhile."""
        for g in list(self.guests):
            if g.t.poll() is not None:
                assert g.policy in ("block", "drop"), "%s: exit code %d\n%s" % (g, g.t.returncode, g.t.screen.text())
                self.say("%s was ended by its policy" % g)
                self.gone(g, OUT_OF_TURN)

    def leave(self):
        how = self.random.choice(("prefix", "prefix", "prefix", "TERM", "TERM", "KILL", "KILL", "window", "window", "command"))
        if not self.guests:
            return
        g = self.random.choice(self.guests)
        g.let_go()
        self.settle()
        self.reap()
        if g not in self.guests:
            return
        self.say("%s leaves by %s" % (g, how))
        if how == "prefix":
            if g.helping:
                g.t.type(" ")
            g.t.type(DETACH)
            self.gone(g, 0)
        elif how == "window":
            g.t.hang_up()
            self.gone(g, harm=False)
        elif how == "command":
            for other in self.guests:
                other.let_go()
            self.cli("detach", self.name)
            for other in list(self.guests):
                self.gone(other, OUT_OF_TURN)
        else:
            number = getattr(signal, "SIG" + how)
            g.t.kill(number)
            self.gone(g, -number, harm=how == "TERM")

    def stop(self):
        number = self.random.choice((signal.SIGSTOP, signal.SIGSTOP, signal.SIGTSTP))
        if self.active():
            g = self.random.choice(self.active())
            self.say("%s is stopped by %s" % (g, number.name))
            if number == signal.SIGTSTP:
                self.settle()  # before that it is an end like any other
            g.t.kill(number)
            g.stopped = True
            g.helping &= number == signal.SIGSTOP
            until(lambda: os.waitid(os.P_PID, g.t.pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT), "a client that stands still")

    def go_on(self):
        stopped = [g for g in self.guests if g.stopped]
        if stopped:
            g = self.random.choice(stopped)
            self.say("%s goes on" % g)
            g.t.kill(signal.SIGCONT)
            g.stopped = False

    def resize(self):
        n = self.random.choice((1, 1, 2, 5))
        sizes = [self.random.choice(SIZES) for _ in range(n)]
        back, between = self.random.random() < 0.4, self.random.choice((None, None, 0, 0.02))
        if not self.guests:
            return
        g = self.random.choice(self.guests)
        if back:
            sizes.append((g.t.screen.cols, g.t.screen.rows))
        self.say("%s becomes %s, pause %s" % (g, " ".join("%dx%d" % s for s in sizes), between))
        for cols, rows in sizes:
            g.t.resize(cols, rows)
            if between is not None:
                pump(between)

    def read(self):
        how = self.random.choice((None, None, 2000, 20000, 1000000, "not"))
        if self.guests:
            g = self.random.choice(self.guests)
            self.say("%s reads %s" % (g, how or "all"))
            g.t.reading, g.t.rate = how != "not", None if how == "not" else how

    def typed(self, text):
        """By a terminal, or beside them all; where one alone may type, by that."""
        typists = [g for g in self.active(typists=True) if not self.lease or g is self.lease]
        g = self.random.choice(typists + [None]) if typists else None
        if g:
            if re.search("[\x03\x1a\x1c]", text):
                self.settle()  # before that it is for the client itself
            self.say("%s types %r" % (g, text[:100]))
            g.t.type(text)
        elif not self.lease:
            self.say("typed beside: %r" % text[:100])
            self.api.call("session.send", {"name": self.name, "data": text.encode()})

    def type(self):
        self.typed(self.random.choice(TYPED))

    def draw(self):
        lines = self.random.sample(DRAWN, self.random.choice((1, 2, 4)))
        self.typed("printf '%s'\r" % "".join(lines))

    def flood(self):
        self.typed(self.random.choice(FLOODS) + "\r")

    def stream(self):
        path = self.random.choice(STREAMS)
        name = os.path.basename(path)
        if name not in self.case.streams:
            self.case.streams.add(name)
            self.cli("exec", "-i", self.case.sandbox, "sh", "-c", "cat >" + name, input=read(path))
        self.saves_titles |= b"\x1b[22;" in read(path) or b"\x1b[23;" in read(path)
        size = re.search(r"-(\d+x\d+)\.vt$", name).group(1)
        self.size(size)
        self.typed("\x03printf '\\033[r\\033[m'; cat %s\r" % name)

    def interrupt(self):
        self.typed(self.random.choice(("\x03", "\x03", "\x1a", "\x1c\x1c")))

    def lead(self):
        typists = self.active(typists=True)
        if typists:
            g = self.random.choice(typists)
            self.settle()
            self.say("%s takes the lead" % g)
            g.t.type(LEAD)

    def help(self):
        typists = [g for g in self.active() if not g.helping]
        if typists:
            g = self.random.choice(typists)
            self.say("%s looks at the help" % g)
            self.settle()
            g.t.type("\x1c?")
            g.helping = True

    def rename(self):
        self.count += 1
        name = "w%d.%d" % (self.seed, self.count)
        self.say("renamed " + name)
        self.settle()
        self.cli("rename", self.name, name)
        self.name = name

    def size(self, size=None):
        size = size or self.random.choice(("lead", "lead", "latest", "smallest", "largest", "80x24", "20x8", "132x43", "3x2"))
        self.say("size " + size)
        self.cli("resize", self.name, size)

    def set(self):
        how = self.random.choice((["--policy", "skip"], ["--policy", "skip"], ["--policy", "drop"], ["--lossless"],
                                  ["--window", "4K"], ["--window", "64K"], ["--drain", "0"], ["--drain", "10"],
                                  ["--block-timeout", "3s"]))
        self.say("set " + " ".join(how))
        self.settle()
        self.cli("set", *how, self.name)
        self.policy = {"--lossless": "block", "--policy": how[-1]}.get(how[0], self.policy)

    def look(self):
        how = self.random.choice(("capture", "ansi", "sessions", "exec"))
        self.say("looked at by " + how)
        if how == "sessions":
            assert self.name in {s["name"] for s in json.loads(self.cli("sessions", "--json"))}
        elif how == "exec":
            assert self.cli("exec", self.case.sandbox, "echo", "beside") == "beside\n"
        else:
            self.cli("capture", *["--ansi"] * (how == "ansi"), "--history", "50", self.name)

    STEPS = ((attach, 20), (leave, 6), (stop, 5), (go_on, 3), (resize, 10), (read, 8), (type, 8), (draw, 20), (flood, 8),
             (stream, 6), (interrupt, 5), (lead, 4), (help, 2), (rename, 1), (size, 4), (set, 3), (look, 3))

    # ---- what must be true ----

    def let_go(self):
        for g in self.guests:
            g.let_go()
        self.settle()
        self.reap()
        for g in self.guests:
            if g.helping:
                g.t.type(" ")
                g.helping = False
        self.end_program()

    def end_program(self):
        """What runs in the foreground. The command may have been typed on a slower way: again while it goes on."""
        if self.lease:
            self.lease.t.type("\x03")
        else:
            self.api.call("session.send", {"name": self.name, "data": b"\x03"})

    def presence(self, told):
        """What is wrong in the list, in words."""
        clients = {c["pid"]: c for c in told["clients"]}
        bad = []
        if set(clients) != {g.t.pid for g in self.guests}:
            return ["listed: %s" % sorted(clients)]
        for g in self.guests:
            c, s = clients[g.t.pid], g.t.screen
            want = {"cols": s.cols, "rows": s.rows, "term": g.term, "exclusive": g.exclusive, "policy": g.policy, "lag_bytes": 0}
            if g.observer or c["role"] == "observer":
                want["role"] = "observer" if g.observer else "lead or peer"
            bad += ["%s: %s is %s" % (g, k, c[k]) for k in want if c[k] != want[k]]
        eligible = [clients[g.t.pid] for g in self.guests if not g.observer]
        leads = [c for c in clients.values() if c["role"] == "lead"]
        if len(leads) != (1 if eligible else 0):
            bad.append("%d leads" % len(leads))
        size, now = told["size"], (told["cols"], told["rows"])
        of = {"lead": leads, "latest": eligible}.get(size)
        if of and now not in {(c["cols"], c["rows"]) for c in of}:
            bad.append("size %s is %dx%d" % (size, *now))
        if eligible and size in ("smallest", "largest"):
            pick = min if size == "smallest" else max
            if now != tuple(pick(c[k] for c in eligible) for k in ("cols", "rows")):
                bad.append("size %s is %dx%d" % (size, *now))
        if size[0].isdigit() and size != "%dx%d" % now:
            bad.append("size %s is %dx%d" % (size, *now))
        return bad

    def capture(self):
        lines, page = [], {"more": True}
        while page["more"]:
            page = self.api.call("session.capture", {"name": self.name, "format": "json",
                                                     **({"from": lines_end} if lines else {})})
            lines += page["lines"]
            lines_end = page["from"] + len(page["lines"])
        return Picture(dict(page, lines=lines))

    def wrong(self, probe):
        """The first thing that is not as it must be; empty: nothing."""
        told = self.listed()
        others = [c for c in told["clients"] if c["pid"] != probe.t.pid]
        if len(others) == len(told["clients"]):
            return "the fresh terminal is not there"
        bad = self.presence(dict(told, clients=others))
        if bad:
            return "; ".join(bad)
        picture = self.capture()
        if (picture.cols, picture.rows) != (told["cols"], told["rows"]):
            return "a resize under way"
        size = (max(told["cols"], COLS_MIN), told["rows"])
        if (probe.t.screen.cols, probe.t.screen.rows) != size:
            probe.t.resize(*size)
            return "a fresh terminal of another size"
        fresh = probe.t.screen.shown()
        for g in self.guests + [probe]:
            bad = self.not_shown(g, picture, fresh)
            if bad:
                return "%s: %s" % ("a fresh terminal" if g is probe else g, bad)
            self.pictures += 1
        return ""

    def not_shown(self, g, picture, fresh):
        s = g.t.screen
        if s.cols < COLS_MIN:
            return ""
        shown = s.shown()
        if self.saves_titles:
            shown["title"] = fresh["title"]
        if g.term in SIMPLE:  # it gets none of it, unless it said that it can
            shown["modes"]["sync"] = fresh["modes"]["sync"]
        if s.cols == picture.cols and shown["alternate"] != picture.alternate:
            if s.rows == picture.rows:
                return "on the %s screen" % ("alternate" if shown["alternate"] else "primary")
        raw = (s.cols, s.rows) == (picture.cols, picture.rows)
        bad = view_difference(picture, shown, s.cols, s.rows, g.exact, raw and g in self.guests)  # the fresh one was painted
        if not bad and picture.cols >= COLS_MIN:
            bad = mode_difference(shown, fresh, not raw)
        return bad

    def check(self):
        """All is let go, and in the end every picture is right."""
        self.say("check")
        self.checks += 1
        self.let_go()
        told = self.listed()
        probe = Guest(self, self.name, ["-r", "--policy", "skip"], max(told["cols"], COLS_MIN), told["rows"],
                      {"TERM": "xterm-256color", "COLORTERM": "truecolor", "CWSANDBOX_PROBE": "no"})
        why, again, offset = [""], time.monotonic() + AGAIN, told["output_offset"]

        def right():
            nonlocal again, offset
            serve(0.05)
            self.reap()
            if time.monotonic() > again:
                now = self.listed()["output_offset"]
                if now > offset + FLOWS:
                    self.end_program()
                again, offset = again + AGAIN, now
            why[0] = self.wrong(probe)
            return not why[0]
        try:
            until(right, "quiet", WAIT)
        except AssertionError as err:
            raise AssertionError("%s\n%s\n%s" % (why[0], self.listed(), err)) from None
        probe.t.type(DETACH)
        self.gone(probe, 0)

    # ---- all of it ----

    def begin(self):
        self.api = self.case.peer()
        env = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "CWSANDBOX_PROBE": "no"}
        g = Guest(self, self.name, ["--env", "PS1=go> "], 80, 24, env, new=(self.case.sandbox, "--", "/bin/sh"))
        self.guests.append(g)
        until(lambda: (self.case.world.session(self.name) or {}).get("state") == "running", "the session")
        self.settle()

    def end(self):
        """By the program's own end with all attached, or by a kill with nobody there."""
        self.let_go()
        ends = self.random.random() < 0.5 and not self.lease
        self.say("the shell ends" if ends else "all leave, and the session is killed")
        if ends:
            until(self.ended_by_exit, "the end of the shell")
            for g in list(self.guests):
                self.gone(g, 7)
        else:
            for g in list(self.guests):
                g.t.type(DETACH)
                self.gone(g, 0)
            self.cli("kill", self.name)
            until(lambda: self.listed()["state"] in ("exited", "failed"), "the end of the session")
        self.cli("kill", self.name)
        self.api.close()

    def ended_by_exit(self):
        """What was typed before may stand in the way: again and again."""
        if self.listed()["state"] == "exited":
            return True
        try:
            self.api.call("session.send", {"name": self.name, "data": b"\x03\rexit 7\r"})
        except mpack.RpcError as err:
            assert err.code in ("ended", "not_running"), err
        pump(0.2)
        return False

    def run(self, steps, every=6):
        self.begin()
        names, weights = zip(*self.STEPS)
        for i in range(steps):
            self.random.choices(names, weights)[0](self)
            pump(self.random.choice((0, 0, 0.01, 0.05)))
            if i % every == every - 1:
                self.check()
        self.check()
        self.end()
