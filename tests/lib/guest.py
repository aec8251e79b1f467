"""guest - a terminal in a random walk (walk.py), which an oracle reads too"""
import re
import signal
import termios

from oracle import COLS_MIN, Judged

SIMPLE = ("vt100", "linux", "dumb")  # TERMs of terminals that have no titles
PROBE = re.compile(rb"\x1b7\x1b\[\?u.*?\x1b\[c\x1b8\x1b\[K", re.DOTALL)  # the client's questions


class Guest:
    """A terminal on the session."""

    def __init__(self, walk, name, options, cols, rows, env, new=()):
        self.walk, self.options = walk, options
        self.observer, self.exclusive = "-r" in options, "--exclusive" in options
        self.exact, self.probes = env["COLORTERM"] == "truecolor", env["CWSANDBOX_PROBE"] == "yes"
        self.term = env["TERM"]
        self.policy = "skip" if self.observer and walk.policy == "block" else walk.policy
        for word in ("--lossless", "--policy"):
            if word in options:
                self.policy = "block" if word == "--lossless" else options[options.index(word) + 1]
        self.stopped = self.helping = False
        argv = ["new", "-s", name, *options, *new] if new else ["attach", *options, name]
        self.t = walk.case.world.terminal(*argv, cols=cols, rows=rows, env=env)
        self.t.screen = Judged(walk.oracle, cols, rows)
        self.t.screen.answer = self.answer if self.probes else None

    def __str__(self):
        return "%d (%dx%d %s)" % (self.t.screen.number, self.t.screen.cols, self.t.screen.rows, " ".join(self.options))

    def answer(self):
        """To the client's questions at its first attach."""
        replies = self.t.screen.replies()
        if replies and self.t.master >= 0:
            self.t.type(replies)
        self.t.screen.answer = None

    @property
    def active(self):
        return not self.stopped and self.t.master >= 0

    def is_raw(self):
        return not termios.tcgetattr(self.t.slave)[3] & termios.ISIG

    def let_go(self):
        self.t.reading, self.t.rate = True, None
        if self.stopped:
            self.t.kill(signal.SIGCONT)
        self.stopped = False

    def harm(self):
        raw = self.t.raw
        self.t.raw = PROBE.sub(b"", bytes(raw), 1) if self.probes else raw
        bad = self.t.harm()
        self.t.raw = raw
        if self.t.screen.cols >= COLS_MIN:
            self.walk.fresh.resize(self.t.screen.cols, self.t.screen.rows)
            left, fresh = self.t.screen.shown(), self.walk.fresh.shown()
            keys = ["alternate", "modes", "top", "bottom", "charset"] + ["title"] * (self.term not in SIMPLE)
            bad += ["%s: %s left as %s" % (k, fresh[k], left[k]) for k in keys if left[k] != fresh[k]]
        return bad
