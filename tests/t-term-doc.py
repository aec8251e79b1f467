#!/usr/bin/env python3
"""doc/terminal.md lists every sequence that the terminal model heeds, answers or lets a terminal see, and no other

Every sequence there could be is given to a model that was used (`effect` of term-model): what it does decides, not
how the code is written. The page's tables are read as they stand: what is in backticks there is a sequence.
"""
import itertools
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "term-tools"))
import cases
import suite
from world import BUILD, SOURCE

MODES_MAX = 3000  # beyond every mode and status that any terminal has
COMMANDS_MAX = 1400
PARAMS = ["", "0", "1", "2", "3", "4", "5", "6", "20", "22;0", "23;0", "2;3", "?"]
INTERMEDIATES = [chr(c) for c in range(0x20, 0x30)]
FINALS = [chr(c) for c in range(0x40, 0x7f)]
C0 = {"BS": 8, "HT": 9, "LF": 10, "VT": 11, "FF": 12, "CR": 13, "SO": 14, "SI": 15}
OSC_CONTENT = ["", ";?", ";x", ";1;?", ";2;#abcdef", ";#abcdef", ";c;?", ";file://h/d", ";;http://x/", ";1", ";notify;a;b", ";c;eA=="]


class Model:
    """What each of many sequences does, asked for at once: a set of the letters m, a, t."""

    def __init__(self):
        self.child = subprocess.Popen([os.path.join(BUILD, "tests/term-tools/term-model")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.child.stdin.write(b"new 10 5 0\n")
        self.child.stdin.flush()
        self.answer()

    def answer(self):
        return self.child.stdout.read(int(self.child.stdout.readline()))

    def effects(self, sequences):
        sequences = list(sequences)
        for i in range(0, len(sequences), 200):  # so few answers fit into the pipe
            piece = sequences[i:i + 200]
            self.child.stdin.write(b"".join(b"effect %d\n%s" % (len(s), s) for s in piece))
            self.child.stdin.flush()
            for s in piece:
                yield s, set(self.answer().decode())

    def do(self, pairs):
        """Of (key, sequence) the keys of those that change the model, are answered, are seen by a terminal."""
        found, pairs = {letter: set() for letter in "mat"}, list(pairs)
        for (key, _), (_, does) in zip(pairs, self.effects(s for _, s in pairs)):
            for letter in does:
                found[letter].add(key)
        return found["m"], found["a"], found["t"]

    def end(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


def part(text, begin, end):
    return text[text.index(begin):text.index(end)]


def cells(text):
    """The first cell of each row of the tables."""
    return [m.group(1) for m in re.finditer(r"^\| (.*?) \|", text, re.M) if not m.group(1).startswith("---")]


def codes(cell):
    """What is in backticks; `A`-`H` is a range."""
    spans = re.sub(r"`(.)`-`(.)`", lambda m: " ".join("`%c`" % c for c in range(ord(m.group(1)), ord(m.group(2)) + 1)), cell)
    return [a or b for a, b in re.findall(r"`` (.) ``|`([^`]+)`", spans)]


def csi_keys(code):
    """(private marker, intermediate, final) of each sequence in it."""
    private = inter = ""
    for token in code.removeprefix("CSI ").split():
        if token == "Ps" or token.isdigit():
            continue
        if token in "<=>?":
            private = token
        elif token == "SP" or token in INTERMEDIATES:
            inter = " " if token == "SP" else token
        else:
            yield private, inter, token
            private = inter = ""


def numbers(text):
    found = set()
    for first, last in re.findall(r"\b(\d+)(?:-(\d+))?\b", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(SOURCE, "doc", "terminal.md"), encoding="utf-8") as f:
            text = f.read()
        cls.controls = cells(part(text, "### Controls and escape", "### CSI"))
        cls.csi = cells(part(text, "### CSI", "### OSC"))
        cls.osc = cells(part(text, "### OSC", "## 3."))
        cls.modes = numbers(re.search(r"Private modes: ([\d ]+)\.", text).group(1))
        cls.queries = part(text, "## 3.", "## 4.")
        cls.asked = cells(cls.queries)
        cls.filtered = cells(part(text, "## 5.", "### What the terminal can do"))
        cls.model = Model()

    @classmethod
    def tearDownClass(cls):
        cls.model.end()

    def row(self, name):
        return next(c for c in self.asked if c.startswith(name))

    def test_controls_that_do_something_are_those_it_lists(self):
        changes, answered, _ = self.model.do((c, bytes([c])) for c in range(0x20))
        self.assertEqual(changes | answered, {C0[name] for name in self.controls[1].split()})
        self.assertEqual(self.controls[1].split(), list(C0))

    def test_escape_sequences_that_do_something_are_those_it_lists(self):
        listed = {tuple(code.split()[1:]) for cell in self.controls + self.asked for code in codes(cell) if code.startswith("ESC ")}
        pairs = [((chr(c),), b"\x1b%c" % c) for c in range(0x30, 0x7f) if chr(c) not in "[]PX^_"]
        pairs += [((i, "F" if i in "()*+" else chr(c)), b"\x1b%s%c" % (i.encode(), c)) for i in INTERMEDIATES for c in range(0x30, 0x7f)]
        changes, answered, seen = self.model.do(pairs)
        self.assertEqual(changes | answered, listed)
        self.assertEqual(seen, listed - {("Z",)} | {("\\",), ("%", "G")})

    def csi_pairs(self):
        markers = [(p, "") for p in ("", "<", "=", ">", "?")] + [(p, i) for p in ("", "?") for i in INTERMEDIATES]
        for (private, inter), final, param in itertools.product(markers, FINALS, PARAMS):
            given = param.replace("?", "1049" if final in "hl" else "996")
            yield (private, inter, final), ("\x1b[" + private + given + inter + final).encode()

    def test_control_sequences_that_do_something_or_are_answered_are_those_it_lists(self):
        shown = {key for cell in self.csi for code in codes(cell) for key in csi_keys(code)}
        asked = {key for cell in self.asked for code in codes(cell) if code.startswith("CSI ") for key in csi_keys(code)}
        changes, answered, seen = self.model.do(self.csi_pairs())
        self.assertEqual(changes, shown)
        self.assertEqual(answered, asked)
        self.assertEqual(seen, shown)

    def test_modes_are_those_it_lists_and_a_terminal_gets_no_others(self):
        changes, _, seen = self.model.do((n, b"\x1b[?%d%c" % (n, c)) for n in range(MODES_MAX) for c in b"hl")
        self.assertEqual(changes, self.modes)
        self.assertEqual(seen, self.modes)
        _, answered, _ = self.model.do((n, b"\x1b[?%d$p" % n) for n in range(MODES_MAX))
        self.assertEqual(len(answered), MODES_MAX)
        listed = numbers(next(c for c in self.csi if c.startswith("SM RM")))
        changes, _, seen = self.model.do((n, b"\x1b[%d%c" % (n, c)) for n in range(MODES_MAX) for c in b"hl")
        self.assertEqual(changes, listed)
        self.assertEqual(seen, listed)

    def test_status_reports_and_window_operations_are_those_it_lists(self):
        for final, rows in (("n", ("DSR `CSI n`",)), ("t", ("XTWINOPS `CSI t` 11", "XTWINOPS `CSI t` 20"))):
            listed = set().union(*(numbers(self.row(r).split(";")[0]) for r in rows))
            self.assertEqual(self.answered("\x1b[%d" + final), listed)
        self.assertEqual(self.answered("\x1b[?%dn"), numbers(self.row("DSR `CSI ? n`")) | {6})

    def answered(self, question):
        return self.model.do((n, (question % n).encode()) for n in range(MODES_MAX))[1]

    def test_settings_and_capabilities_that_are_answered_are_those_it_lists(self):
        listed = {"".join(" " if t == "SP" else t for t in code.split()) for code in codes(self.row("DECRQSS")) if not code.startswith("DCS")}
        printable = [chr(c) for c in range(0x20, 0x7f)]
        asked = printable + ["".join(p) for p in itertools.product(printable, printable)]
        self.assertEqual(self.known("$q%s", "1$r", ((a, a) for a in asked)), listed)
        answer = re.search(r"^\| XTGETTCAP `DCS \+ q` \| ([A-Za-z ]+);", self.queries, re.M)
        names = answer.group(1).split()
        letters = [c for c in printable if c.isalnum()]
        tried = names + letters + ["".join(p) for p in itertools.product(letters, letters)]
        self.assertEqual(self.known("+q%s", "1+r", ((n, n.encode().hex()) for n in tried)), set(names))

    def known(self, question, answer, names):
        """Of (name, as asked) the names that get this answer, and not that there is none."""
        found = set()
        for name, asked in names:
            given = ("\x1bP" + question % asked + "\x1b\\").encode()
            self.model.child.stdin.write(b"feed %d\n%sreplies\n" % (len(given), given))
            self.model.child.stdin.flush()
            self.model.answer()
            if self.model.answer().startswith(b"\x1bP" + answer.encode()):
                found.add(name)
        return found

    def test_commands_are_those_it_lists(self):
        changes, answered, seen = self.model.do(
            (n, b"\x1b]%d%s\x1b\\" % (n, c.encode())) for n in range(COMMANDS_MAX) for c in OSC_CONTENT)
        listed = set().union(*(numbers(cell) for cell in self.osc))
        self.assertEqual(changes | answered, listed - {1})  # which it lists as doing nothing
        shown = set().union(*(numbers(cell) for cell in self.filtered if cell.startswith("OSC ")))
        self.assertEqual(seen, shown - {52})  # where that is not switched on

    def test_each_sequence_it_lists_has_a_case_in_the_table(self):
        given = b"\x18".join(data for name, _, data, _ in cases.read() if not name.startswith("!"))
        tried = {tuple(part.decode() for part in key) for key in re.findall(rb"\x1b\[([<=>?]?)[\d;:]*([ -/]?)([@-~])", given)}
        listed = {key for cell in self.csi for code in codes(cell) for key in csi_keys(code)}
        listed |= {key for cell in self.asked for code in codes(cell) if code.startswith("CSI ") for key in csi_keys(code)}
        self.assertEqual(listed - tried, set())
        for code in [code for cell in self.controls for code in codes(cell) if code.startswith("ESC ")]:
            pattern = b"".join(b"[0-~]" if part == "F" else re.escape(part.encode()) for part in code.split()[1:])
            self.assertRegex(given, b"\x1b" + pattern)
        tried = {int(n) for n in re.findall(rb"\x1b\](\d+)", given)}
        self.assertEqual(set().union(*(numbers(cell) for cell in self.osc)) - tried, set())
        tried = {int(n) for modes in re.findall(rb"\x1b\[\?([\d;]+)[hl]", given) for n in modes.split(b";")}
        self.assertEqual(self.modes - tried, set())


if __name__ == "__main__":
    suite.main()
