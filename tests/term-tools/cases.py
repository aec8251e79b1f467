#!/usr/bin/env python3
"""cases - the table of sequences, tests/corpus/cases.txt, against the model and against xterm.js

usage: cases.py BUILD [--oracle MODULES]

Prints a table of how many cases pass, then each that fails. Exit code 1 if one fails here that should
not, or passes that should not. With --oracle also in @xterm/headless, whose answers about itself are its own.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "..", "corpus", "cases.txt")
COLS, ROWS = 10, 5
ESCAPES = {b"\\e": b"\x1b", b"\\r": b"\r", b"\\n": b"\n", b"\\t": b"\t", b"\\a": b"\a", b"\\b": b"\b", b"\\v": b"\v", b"\\f": b"\f", b"\\\\": b"\\"}


def raw(text):
    """The bytes that a field means."""
    return re.sub(rb"\\x([0-9a-f]{2})|\\.", lambda m: bytes([int(m.group(1), 16)]) if m.group(1) else ESCAPES[m.group(0)], text.encode())


def read():
    with open(CASES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                sequence, what, given, result = line.rstrip("\n").split("\t")
                yield sequence, what, raw(given), result


class Model:
    def __init__(self, build):
        self.child = subprocess.Popen([os.path.join(build, "tests/term-tools/term-model")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line, data=b""):
        self.child.stdin.write(line.encode() + b"\n" + data)
        self.child.stdin.flush()
        return self.child.stdout.read(int(self.child.stdout.readline()))

    def run(self, given):
        """(screen and cursor, answers) after the input."""
        self.ask("new %d %d 100" % (COLS, ROWS))
        self.ask("feed %d" % len(given), given)
        dump = json.loads(self.ask("dump"))
        rows = dump["screens"][1 if dump["alternate"] else 0]
        return picture([cells(row[1:]) for row in rows], dump["cursor"]), self.ask("replies")

    def end(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


def cells(runs):
    text, column = "", 0
    for x, n, piece, *_ in runs:
        text += " " * (x - column) + piece
        column = x + n
    return text.rstrip(" ")


def picture(rows, cursor):
    return "%s @%d,%d" % ("|".join(rows).rstrip("|"), cursor["x"] + 1, cursor["y"] + 1)


def passes(result, screen, answers):
    if result.startswith(">"):
        want, got = raw(result[1:]), answers
        return fnmatch.fnmatchcase(got.decode("latin1"), re.sub(r"([\[\]?])", r"[\1]", want.decode("latin1")))
    return screen == raw(result).decode()


def oracle(modules):
    """The same of xterm.js, for all cases at once."""
    inputs = json.dumps([given.hex() for _, _, given, _ in read()])
    run = subprocess.run(["node", os.path.join(HERE, "oracle.mjs"), ".", modules, "cases", str(COLS), str(ROWS)], input=inputs, text=True,
                         stdout=subprocess.PIPE, check=True)
    for got in json.loads(run.stdout):
        rows = [cells(json.loads(row)[1:]) for row in got["rows"]]
        yield picture(rows, got["cursor"]), got["replies"].encode("utf-8")


def table(build, modules=None):
    """(rows of the table, what is wrong here, what fails there)."""
    model, counts, wrong, there = Model(build), {}, [], []
    others = list(oracle(modules)) if modules else None
    for i, (sequence, what, given, result) in enumerate(read()):
        count = counts.setdefault(sequence, [0, 0, 0])
        screen, answers = model.run(given)
        good = passes(result, screen, answers)
        count[0] += 1
        count[1] += good
        if good == sequence.startswith("!"):
            wrong.append("%s: %s: %r, not %s" % (sequence, what, answers if result[0] == ">" else screen, result))
        if others and passes(result, *others[i]):
            count[2] += 1
        elif others:
            there.append("%s: %s: %r, not %s" % (sequence, what, others[i][1] if result[0] == ">" else others[i][0], result))
    model.end()
    return counts, wrong, there


def rows(counts, other):
    """The table: three sequences a line, the sum last."""
    places = [(name.lstrip("!"), c) for name, c in counts.items()]
    places.append(("**all**", [sum(c[i] for c in counts.values()) for i in range(3)]))
    yield "| sequence | cases | here |%s" % (" xterm.js |" if other else "") + ("| sequence | cases | here |%s" % (" xterm.js |" if other else ""))[1:] * 2
    yield "|" + "---|" * (12 if other else 9)
    third = (len(places) + 2) // 3
    for i in range(third):
        cells = []
        for name, count in places[i::third]:
            cells += [name] + [str(n) for n in count[:3 if other else 2]]
        yield "| " + " | ".join(cells) + " |"


def main():
    modules = sys.argv[3] if len(sys.argv) == 4 and sys.argv[2] == "--oracle" else None
    if len(sys.argv) != 2 and not modules:
        sys.exit(__doc__)
    counts, wrong, there = table(os.path.abspath(sys.argv[1]), modules)
    print("\n".join(rows(counts, bool(modules))))
    for line in wrong:
        print("WRONG " + line)
    for line in there:
        print("xterm.js " + line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
