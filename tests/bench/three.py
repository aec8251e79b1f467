#!/usr/bin/env python3
"""bench: what a stopped and a slow terminal on the same session cost a fast one

A fast terminal (ttyrun) takes a flood alone, with two more attached (one whose client is stopped, and one that takes
20 KB/s), and alone again. ROUNDS times; each flood beside others is set against the two around it, for a machine's speed
changes more from minute to minute than the others cost. Then the Ctrl-C of one that takes 1 MB/s and of the slow one until
each has its prompt, under lines, `yes` and coloured `yes`, TIMES times each. Prints rates, the daemon's memory and times;
asserts nothing.

Usage: three.py [ROUNDS [MEGABYTES [TIMES]]]   (default 41 rounds of 64 MB, 5 times)
"""
import os
import signal
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
sys.path.insert(0, HERE)
import procs
import shells
import world


FLOODS = (("lines", "while :; do cat %s; done"), ("yes", "yes"),
          ("coloured yes", "yes \"$(printf '\\\\033[32mgreen\\\\033[m and \\\\033[1;31mred\\\\033[m text')\""))
# The tty drops what it has when it is interrupted. Where that ends with ESC, the ^C it echoes begins a private message,
# which a terminal does not show, nor what follows: until CAN.
CAN = "\x18"


def interrupts(way, times):
    """For each speed and flood: how long from Ctrl-C to the prompt."""
    argv = [word.replace("PS1=", "PS1=" + CAN) for word in way.argv]
    calm = shells.Way(way.name, argv, way.env, way.helpers, way.file)
    for speed in (1000000, 20000):
        for name, flood in FLOODS:
            typed = flood % way.file if "%s" in flood else flood
            took = [float(calm.script("rate %d" % speed, "send %s\\r" % typed, "read 3000", "send \\x03",
                                      "see " + shells.PROMPT[:-1], "rate 0", "send exit\\r", "read 100")[0][1])
                    for _ in range(times)]
            print("Ctrl-C to prompt at %d KB/s, %-13s median %.1f ms, worst %.1f ms" % (
                speed / 1000, name + ":", statistics.median(took) * 1000, max(took) * 1000))


class Seat:
    """A terminal on the session that stays; steps are given as they are needed."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen([shells.TTYRUN, "-c", "120", "-l", "40"] + argv, env=env, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, *steps):
        for step in steps:
            self.process.stdin.write(step + "\n")

    def answer(self, *steps):
        """The figures of the one `see` among the steps."""
        self.do(*steps)
        return self.process.stdout.readline().split()

    def client(self):
        return next(p for p in procs.descendants(self.process.pid))

    def close(self):
        self.process.kill()
        self.process.wait()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    place = world.World()
    seats = []
    try:
        way = next(shells.ours(place, megabytes))
        client = way.argv[0]
        fast = Seat(way.argv[:2] + ["-s", "three"] + way.argv[2:], way.env)
        seats.append(fast)
        fast.answer("see " + shells.PROMPT[:-1])

        def rate():
            fast.do("send cat %s; echo %s\\r" % (way.file, shells.TYPED))
            return megabytes / float(fast.answer("see " + shells.SHOWN, "read 200")[1])
        rate()  # warm
        alone, beside, before = [rate()], [], procs.rss_bytes(way.helpers()[0])
        for _ in range(rounds):
            stopped, slow = (Seat([client, "attach", "three"], way.env) for _ in range(2))
            seats += [stopped, slow]
            for seat in (stopped, slow):
                seat.answer("see " + shells.PROMPT[:-1])
            slow.do("rate 20000", "read 3600000")
            pid = stopped.client()
            os.kill(pid, signal.SIGSTOP)
            beside.append(rate())
            os.kill(pid, signal.SIGCONT)
            for seat in (stopped, slow):
                seat.close()
            alone.append(rate())
        after = procs.rss_bytes(way.helpers()[0])
        kept = sorted(100 * 2 * b / (alone[i] + alone[i + 1]) for i, b in enumerate(beside))
        print("a fast terminal alone %.1f MB/s, beside a stopped and a slow one %.1f MB/s; daemon %.1f -> %.1f MiB"
              % (statistics.median(alone), statistics.median(beside), before / 1048576, after / 1048576))
        print("it keeps %.0f %% of its rate alone (median of %d rounds, from %.0f to %.0f)"
              % (statistics.median(kept), len(kept), kept[0], kept[-1]))
        interrupts(way, times)
    finally:
        for seat in seats:
            seat.close()
        problems = place.close()
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
