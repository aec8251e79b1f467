#!/usr/bin/env python3
"""A paste of ten megabytes into cat, interrupted: the prompt comes back, and every byte that was taken is accounted for"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import PROMPT, SessionCase

LINE = 100
PASTE = b"".join(b": %07d %s\n" % (i, b"x" * (LINE - 11)) for i in range(10 * 1000 * 1000 // LINE))
CHUNK = 160 * LINE  # of whole lines, so that what was sent ends with one
INTERRUPT_AT = 3 * 1000 * 1000  # bytes taken
ACK_EVERY = 16 * 1024


class Paster:
    """A lossless attachment that types and reads at once."""

    def __init__(self, peer, name):
        self.peer = peer
        a = peer.call("session.attach", {"name": name, "policy": "block", "paint": False})
        self.id, self.window = a["attachment"], a["input_window"]
        self.sent = self.taken = self.acked = 0
        self.output = bytearray()

    def room(self):
        return self.window - (self.sent - self.taken)

    def type(self, data):
        self.peer.call("session.input", {"attachment": self.id, "data": data})
        self.sent += len(data)

    def take(self):
        """What has come, at least one notification."""
        while not self.peer.notes:
            self.peer.read_frame()
        while self.peer.notes:
            method, params = self.peer.notes.popleft()
            if method == "output":
                self.output += params["data"]
            elif method == "input_credit":
                self.taken = params["bytes"]
        if len(self.output) - self.acked >= ACK_EVERY:
            self.ack()

    def ack(self):
        self.acked = len(self.output)
        self.peer.notify("session.ack", {"attachment": self.id, "bytes": self.acked})

    def until(self, text, start=0):
        while text not in self.output[start:]:
            self.ack()
            self.take()


class Paste(SessionCase):
    def start_cat(self):
        peer = self.peer()
        self.addCleanup(peer.close)
        name = self.name()
        peer.call("session.create", {"name": name, "sandbox_id": self.sandbox, "argv": ["/bin/sh"], "cols": 80,
                                     "rows": 24, "env": {"PS1": PROMPT + " "}})
        p = Paster(peer, name)
        # no echo: each line is then seen once, from cat, or from the shell that says what it reads; noflsh, for a
        # terminal drops what was typed ahead of its interrupt key
        p.type(b"stty -echo noflsh; set -v; echo $((40+2)); cat\n")
        p.until(b"42")
        return peer, name, p

    def test_ten_megabytes_into_cat_interrupted_lose_double_and_swap_no_line(self):
        peer, name, p = self.start_cat()
        before, pasted, interrupted = p.sent, 0, False
        while pasted < len(PASTE):
            while p.room() >= CHUNK and pasted < len(PASTE):
                p.type(PASTE[pasted:pasted + CHUNK])
                pasted += CHUNK
            p.take()
            if not interrupted and p.taken - before >= INTERRUPT_AT:
                peer.call("session.signal", {"name": name, "signal": "INT"})
                interrupted = len(p.output)
            if interrupted and PROMPT.encode() in p.output[interrupted:]:
                break
        self.assertLess(pasted, len(PASTE))  # the prompt is back and there is more to paste
        p.type(b"echo $((50+5))\n")
        p.until(b"\n55", interrupted)
        while p.taken < p.sent:
            p.take()
        self.assertEqual(p.taken, before + pasted + len("echo $((50+5))\n"))  # the sender knows what was taken
        lines = [int(n) for n in re.findall(rb": (\d{7}) x", bytes(p.output))]
        gaps = [(a, b) for a, b in zip(lines, lines[1:]) if b != a + 1]
        # cat may have died with one line read and not yet written
        self.assertTrue(not gaps or (len(gaps) == 1 and gaps[0][1] == gaps[0][0] + 2), gaps)
        self.assertEqual((lines[0], lines[-1]), (0, pasted // LINE - 1))
        self.assertEqual(p.output.count(b"x" * (LINE - 11)), len(lines))  # and each is whole


if __name__ == "__main__":
    suite.main()
