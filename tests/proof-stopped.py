#!/usr/bin/env python3
"""A terminal whose client is stopped for a minute of a flood: `make proof-stopped`. Not part of `make check`.

CWSANDBOX_PROOF_SECONDS (default 60) is how long it is stopped.
"""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import procs
import suite
from sessions import PROMPT, SessionCase, at_prompt, shown
from terminal import until
from world import program

SECONDS = float(os.environ.get("CWSANDBOX_PROOF_SECONDS", "60"))
WARM = 3  # seconds until the log is full and history has its size
FLAT = 2 << 20  # bytes the daemon may grow by from then on
FLOOD_MIN = 100 << 20  # bytes: less in the whole time is no flood
HAS_SYNC = "\x1b[?2026;2$y\x1b[?62;22c"  # answers of a terminal that draws a paint in one go ...
PAINT = b"\x1b[?2026h"  # ... and so is told where each begins
PICTURE = ["red and bold", "wide \u6f22\u5b57 and caf\u00e9", "the right screen 42", PROMPT]
DRAW = ("clear; printf '\\033[1;31mred and bold\\033[m\\nwide \\346\\274\\242\\345\\255\\227 and caf\\303\\251\\n'; "
        "echo the right screen $((40+2))\r")


class Stopped(SessionCase):
    def synced(self, name):
        t = self.world.terminal("attach", name, env=dict(self.world.env, CWSANDBOX_PROBE="yes"))
        t.session = name
        until(lambda: b"\x1b[c" in t.raw, "the questions")
        return at_prompt(t.type(HAS_SYNC))

    def styled(self, t):
        """What the terminal shows, with its styles, by the project's own model."""
        return subprocess.run([program("tests/term-tools/term-show"), "-f", "runs", "/dev/stdin"], input=bytes(t.raw),
                              stdout=subprocess.PIPE, check=True).stdout

    def seen(self, t):
        return next(c for c in self.clients(t.session) if c["pid"] == t.pid)

    def test_a_client_continued_after_a_minute_of_a_flood_shows_the_right_screen_with_one_repaint(self):
        fast = self.shell()
        stopped = self.synced(fast.session)
        stopped.kill(signal.SIGSTOP)
        self.addCleanup(stopped.kill, signal.SIGCONT)
        fast.type("yes $(printf %070d 7)\r").see("0000007")
        began, sizes = time.monotonic(), []
        while time.monotonic() < began + SECONDS:
            last = time.monotonic() + 0.5
            until(lambda: time.monotonic() >= last, "half a second")
            if time.monotonic() > began + WARM:
                sizes.append(procs.rss_bytes(self.daemon.pid))
        fast.type("\x03")
        at_prompt(fast).type(DRAW)
        until(lambda: shown(fast) == PICTURE, "the last screen")
        at_prompt(fast)
        flood = self.described(fast.session)["output_offset"]
        self.assertGreater(flood, FLOOD_MIN)
        before, began = len(stopped.raw), time.monotonic()
        stopped.kill(signal.SIGCONT)
        until(lambda: shown(stopped) == PICTURE, "the present on the one that was stopped")
        took = time.monotonic() - began
        at_prompt(stopped).type("echo raw $((40+3))\r").see_line("raw 43")
        self.assertEqual(stopped.raw.count(PAINT, before), 1)
        fresh = self.synced(fast.session).see_line("raw 43")
        until(lambda: self.styled(stopped) == self.styled(fresh), "the styles of a terminal that attaches now")
        self.assertIn(b"red and bold", self.styled(stopped))
        self.assertEqual((stopped.screen.x, stopped.screen.y), (fresh.screen.x, fresh.screen.y))
        print("stopped for %.0f s, %.1f GB of output; %d bytes skipped, %d sent to it; right after %.0f ms; "
              "daemon %.1f to %.1f MiB" % (SECONDS, flood / 1e9, self.seen(stopped)["skipped_bytes"],
                                           len(stopped.raw) - before, took * 1e3, min(sizes) / 1048576,
                                           max(sizes) / 1048576))
        if not procs.sanitized(program("cwsandboxd")):  # freed memory is kept for a while there
            self.assertLess(max(sizes) - min(sizes), FLAT)


if __name__ == "__main__":
    suite.main()
