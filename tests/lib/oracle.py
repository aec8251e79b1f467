"""oracle - @xterm/headless as the terminals of a test, and what a session's screen must look like on one

The judge of a picture is a terminal that is not ours: node runs it (tests/term-tools/terminals.mjs), every byte that a
client writes goes to it too, and what it shows is compared with what `session.capture` says.
"""
import json
import os
import re
import shutil
import subprocess
import unicodedata
import unittest

from screen import Screen
from world import SOURCE

COLS_MIN = 2  # of the oracle's terminals; narrower ones are read by screen.py alone
UNDERLINES = {"single": ";4", "double": ";21", "curly": ";4:3", "dotted": ";4:4", "dashed": ";4:5"}
FLAGS = (("bold", 1), ("dim", 2), ("italic", 3), ("blink", 5), ("reverse", 7), ("hidden", 8), ("strike", 9), ("overline", 53))
EVERYWHERE = ("app_cursor", "keypad", "paste", "focus", "visible", "shape", "blink")  # modes that a view has too
NOTICE = re.compile(r"\(pid \d+\) (leads, |alone may type)")  # our own titles
ASKED = b"\x1b[c\x1b8"  # the last of the client's questions
LEFT_OUT = ("saved0", "saved1", "screen")  # no part of what is seen, or compared by itself


def modules():
    """The folder with the oracle's node_modules."""
    places = (os.environ.get("CWSANDBOX_ORACLE"), os.path.join(SOURCE, ".quickstart", "oracle"))
    for place in places:
        if place and os.path.isdir(os.path.join(place, "node_modules", "@xterm", "headless")):
            return place
    raise unittest.SkipTest("no @xterm/headless here: ./quickstart check installs it, with node and npm")


def node():
    found = shutil.which("node")
    if not found:
        raise unittest.SkipTest("no node here")
    return found


class Oracle:
    """Terminals by number."""

    def __init__(self):
        program = os.path.join(SOURCE, "tests", "term-tools", "terminals.mjs")
        self.process = subprocess.Popen([node(), program, modules()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self.count = 0

    def say(self, *words, data=b""):
        self.process.stdin.write((" ".join(str(w) for w in words) + "\n").encode() + data)

    def ask(self, *words):
        self.say(*words)
        self.process.stdin.flush()
        n = self.process.stdout.readline()
        assert n, "the oracle is gone"
        return self.process.stdout.read(int(n))

    def new(self, cols, rows):
        self.count += 1
        self.say("new", self.count, cols, rows)
        return self.count

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Judged(Screen):
    """A screen that the oracle reads too."""

    def __init__(self, oracle, cols, rows):
        super().__init__(cols, rows)
        self.oracle = oracle
        self.number = oracle.new(max(cols, COLS_MIN), rows)
        self.answer = None  # is called when the client has asked the terminal what it is

    def feed(self, data):
        super().feed(data)
        self.oracle.say("feed", self.number, len(data), data=bytes(data))
        if self.answer and ASKED in data:
            self.answer()

    def resize(self, cols, rows):
        super().resize(cols, rows)
        self.oracle.say("resize", self.number, max(cols, COLS_MIN), rows)

    def replies(self):
        return self.oracle.ask("replies", self.number)

    def shown(self):
        return json.loads(self.oracle.ask("dump", self.number))

    def free(self):
        self.oracle.say("free", self.number)


# ---- what the session shows ----

def color(c, base):
    if c is None:
        return ""
    if isinstance(c, str):
        rgb = [int(c[i:i + 2], 16) for i in (1, 3, 5)]
        return (";58:2::%d:%d:%d" if base == 50 else ";%d;2;%%d;%%d;%%d" % (base + 8)) % tuple(rgb)
    if base == 50:
        return ";58:5:%d" % c
    return ";%d" % (base + c) if c < 8 else ";%d" % (base + 60 + c - 8) if c < 16 else ";%d;5;%d" % (base + 8, c)


def style(run):
    """A style as xterm.mjs writes it; the colour of a line that is not there is left out."""
    s = "0" + "".join(";%d" % n for name, n in FLAGS if run.get(name))
    s += UNDERLINES.get(run.get("underline"), "")
    s += color(run.get("fg"), 30) + color(run.get("bg"), 40)
    return s + (color(run.get("underline_color"), 50) if "underline" in run else "")


def width(ch):
    if ch != "\xad" and unicodedata.category(ch) in ("Mn", "Me", "Cf") or 0x1160 <= ord(ch) <= 0x11ff:
        return 0
    return 2 if unicodedata.east_asian_width(ch) in "WF" else 1


def cells_of(line, cols):
    """[(character, style)] of a line of `session.capture`, the second column of a wide one an empty one."""
    cells = []
    for run in json.loads(line)["runs"]:
        st, first = style(run), len(cells)
        for ch in run["text"]:
            if not width(ch) and len(cells) > first:
                at = len(cells) - (2 if cells[-1][0] == "" else 1)
                cells[at] = (cells[at][0] + ch, st)
            else:
                cells += [(ch, st), ("", st)][:max(1, width(ch))]
        assert len(cells) == run["x"] + run["cols"], "widths of %r" % run
    return cells + [(" ", "0")] * (cols - len(cells))


class Picture:
    """What a session shows: `session.capture` as JSON, and how that looks on a terminal of another size."""

    def __init__(self, page):
        self.cols, self.rows, self.alternate = page["cols"], page["rows"], page["alternate"]
        self.x, self.y, self.visible = page["cursor_x"], page["cursor_y"], page["cursor_visible"]
        self.title = page["title"]
        self.lines = [cells_of(line, self.cols) for line in page["lines"]]

    def crop(self, left, top, cols, rows):
        """The rows of a view that begins there: characters cut by its edges are blanks, so is what is beyond the screen."""
        for y in range(top, top + rows):
            line = self.lines[y][left:left + cols] if y < self.rows else []
            if line and line[0][0] == "":
                line = [(" ", line[0][1])] + line[1:]
            if line and left + cols < self.cols and self.lines[y][left + cols][0] == "":
                line = line[:-1] + [(" ", line[-1][1])]
            yield line + [(" ", "0")] * (cols - len(line))

    def places(self, x, y, cols, rows):
        """Where a view can begin whose cursor is at x, y."""
        parked = self.alternate and not self.visible
        return [(left, top) for left in self._axis(self.x, x, cols, self.cols, parked)
                for top in self._axis(self.y, y, rows, self.rows, parked)]

    @staticmethod
    def _axis(at, seen, size, total, parked):
        if total <= size:
            return [0] if parked or at == seen else []
        if parked:
            return range(total - size + 1)
        first = 0 if at < size - size // 4 else at - seen
        return [first] if 0 <= first <= total - size and at - first == seen else []


def same_style(want, got, exact):
    """Not exact: the terminal has no true colours, and shows one of 256 for each."""
    if want == got or exact:
        return want == got
    a, b = [s.replace(":", ";").split(";") for s in (want, got)]
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] != b[j]:
            return False
        if a[i] in ("38", "48", "58") and a[i + 1:i + 2] == ["2"] and b[j + 1:j + 2] == ["5"]:
            i, j = i + (6 if a[i] == "58" else 5), j + 3
        else:
            i, j = i + 1, j + 1
    return (i, j) == (len(a), len(b))


def row_difference(want, got, exact, raw):
    """Where two rows differ first, in words.

    Where the oracle is at fault (doc/terminal.md): the column that a wide character leaves when it wraps it makes blank, on a
    terminal with raw output; to what that leaves blank at the edge, and to the other half of one that is written over or erased,
    it gives the colours of the moment: those of what is beside it, and right, or where that was written over since, on a terminal
    with raw output, those of no neighbour.
    """
    chars, runs = got
    styles = [st for n, st in zip(runs[::2], runs[1::2]) for _ in range(n)]
    for x, (ch, st) in enumerate(want):
        c, s = (chars[x], styles[x]) if x < len(chars) else (" ", "0")
        fault = c == " " and (x == len(want) - 1 if raw else x >= len(want) - 2 and ch == " ")
        same = [i for i in (x - 1, x + 1) if 0 <= i < min(len(chars), len(want)) and styles[i] == s]
        fault |= c == ch == " " and any(chars[i] == want[i][0] and same_style(want[i][1], s, exact) for i in same)
        fault |= c == ch == " " and raw and not same
        if not fault and (c != ch or not same_style(st, s, exact)):
            return "column %d: the session has %r [%s], the terminal %r [%s]" % (x, ch, st, c, s)
    return "" if len(chars) <= len(want) else "more than %d columns" % len(want)


def view_difference(picture, shown, cols, rows, exact, raw):
    """What of a picture a terminal of any size does not show; empty: nothing."""
    cursor = shown["cursor"]
    places = picture.places(cursor["x"], cursor["y"], cols, rows)
    first = ""
    for left, top in places:
        for y, line in enumerate(picture.crop(left, top, cols, rows)):
            d = row_difference(line, shown["screen"][y], exact, raw)
            if d:
                break
        else:
            return ""
        first = first or "row %d of a view from %d,%d: %s" % (y, left, top, d)
    return first or "the cursor at %d,%d; the session's is at %d,%d of %dx%d" % (
        cursor["x"], cursor["y"], picture.x, picture.y, picture.cols, picture.rows)


def mode_difference(one, other, view):
    """In which modes two terminals differ, in words; of a view only those are there that it has too."""
    if view:
        a, b = one["modes"], other["modes"]  # without a value: as it was at first
        found = [(k, a.get(k), b.get(k)) for k in EVERYWHERE if a.get(k) != b.get(k)]
    else:
        found = [(k, one[k], other[k]) for k in one if k not in LEFT_OUT and one[k] != other[k]]
        found = [f for f in found if f[0] != "title" or not NOTICE.search(f[1] + f[2])]
    return "; ".join("%s: %s, and %s where it is fresh" % f for f in found)
