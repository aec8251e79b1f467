#!/usr/bin/env python3
"""The terminal model against independent terminals: @xterm/headless, run by node, and libvterm

TERM_ORACLE_CUTS and TERM_ORACLE_ROUNDS say how much: `make proof-term` runs it long. Without node, or without the
package that `./quickstart check` installs, all is skipped.
"""
import fnmatch
import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "term-tools"))
import cases
import suite
from oracle import modules, node
from world import BUILD, SOURCE

TOOLS = os.path.join(SOURCE, "tests", "term-tools")
STREAMS = sorted(glob.glob(os.path.join(SOURCE, "tests", "corpus", "streams", "*.vt")))
SOME = STREAMS if "TERM_ORACLE_CUTS" in os.environ else STREAMS[::6 if "TEST_LIGHT" in os.environ else 2]
CUTS = int(os.environ.get("TERM_ORACLE_CUTS", "2"))
ROUNDS = int(os.environ.get("TERM_ORACLE_ROUNDS", "300"))
SEED = os.environ.get("TERM_ORACLE_SEED", "1")
EXCEPTED_PERCENT_MAX = 1


def run_oracle(what, *args):
    """Runs one check; its exit code and all it said."""
    run = subprocess.run([node(), os.path.join(TOOLS, "oracle.mjs"), BUILD, modules(), what, *args], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False, text=True)
    return run.returncode, run.stdout


def oracle(what, *args):
    """Runs one check; (compared, excepted), or fails with what differs."""
    code, said = run_oracle(what, *args)
    last = re.search(r"(\d+) compared, (\d+) equal, (\d+) excepted\s*$", said)
    if code != 0 or not last:
        raise AssertionError(said[:4000])
    print("     " + last.group(0).strip(), flush=True)
    return int(last.group(1)), int(last.group(3))


def exceptions():
    """The lines of EXCEPTIONS: check, stream, pattern, reason."""
    with open(os.path.join(SOURCE, "tests", "corpus", "streams", "EXCEPTIONS"), encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]


def excepted(check):
    """The streams that have exceptions of their own."""
    names = {row[1] for row in exceptions() if row[0] == check}
    return [s for s in STREAMS if os.path.basename(s) in names]


class Oracle(unittest.TestCase):
    def few(self, excepted, compared):
        if compared > 5000:  # of fewer, a percent says nothing
            self.assertLessEqual(excepted * 100, EXCEPTED_PERCENT_MAX * compared)

    def test_a_terminal_painted_at_a_cut_shows_what_one_shows_that_saw_it_all(self):
        compared, excepted = oracle("fidelity", str(CUTS), SEED, *SOME)
        self.assertGreaterEqual(compared, 2 * CUTS * len(SOME) - excepted)
        self.few(excepted, compared)

    def test_a_terminal_painted_by_differences_shows_what_one_shows_that_sees_the_stream(self):
        compared, excepted = oracle("view", str(CUTS), SEED, *SOME)
        self.assertEqual(compared, CUTS * len(SOME))
        self.few(excepted, compared)

    def test_the_model_shows_what_the_oracle_shows_of_every_recorded_stream(self):
        compared, excepted = oracle("grid", str(CUTS), SEED, *SOME)
        self.assertEqual(compared, CUTS * len(SOME))
        self.few(excepted, compared)

    def test_the_model_shows_what_the_oracle_shows_of_random_sequences(self):
        compared, excepted = oracle("fuzz", str(ROUNDS), SEED)
        self.assertEqual((compared, excepted), (ROUNDS, 0))

    def need_libvterm(self):
        if not os.path.exists(os.path.join(BUILD, "tests", "term-tools", "vterm-model")):
            raise unittest.SkipTest("built without libvterm")

    def test_in_libvterm_too_a_painted_terminal_shows_what_one_shows_that_saw_it_all(self):
        self.need_libvterm()
        some = STREAMS if SOME is STREAMS else SOME[::4] + excepted("vterm")
        compared, n = oracle("fidelity-vterm", str(CUTS), SEED, *some)
        self.assertEqual(compared, 2 * CUTS * len(some))
        self.few(n, compared)

    def sees_each(self, what, check):
        some, cuts = (STREAMS, 10) if SOME is STREAMS else (excepted(check), 1)
        _code, said = run_oracle(what, str(cuts), SEED, *some)
        self.assertIn("%d compared, 0 equal, 0 excepted" % (cuts * len(some)), said)
        self.assertEqual(len(re.findall("^DIFFERS %s " % check, said, re.MULTILINE)), cuts * len(some))

    def test_no_exception_hides_a_letter_too_much_in_a_paint(self):
        self.sees_each("spoilt", "cut")

    def test_no_exception_of_libvterm_hides_a_letter_too_much_in_a_paint(self):
        self.need_libvterm()
        self.sees_each("spoilt-vterm", "vterm")

    def test_the_model_shows_what_libvterm_shows_of_random_sequences(self):
        self.need_libvterm()
        compared, excepted = oracle("fuzz-vterm", str(ROUNDS), SEED)
        self.assertEqual((compared, excepted), (ROUNDS, 0))


class Cases(unittest.TestCase):
    def test_every_case_of_the_table_passes_but_those_it_says_are_not_done(self):
        counts, wrong, _there = cases.table(BUILD)
        self.assertEqual(wrong, [])
        self.assertGreater(sum(c[0] for c in counts.values()), 200)
        with open(os.path.join(SOURCE, "doc", "terminal.md"), encoding="utf-8") as f:
            text = f.read()
        for sequence, (n, passed, _) in counts.items():
            self.assertIn("| %s | %d | %d |" % (sequence.lstrip("!"), n, passed), text, "make term-cases prints the table anew")


class Corpus(unittest.TestCase):
    def test_there_are_sixty_recorded_streams_and_the_manifest_names_each_with_its_size(self):
        self.assertGreaterEqual(len(STREAMS), 60)
        with open(os.path.join(SOURCE, "tests", "corpus", "streams", "MANIFEST"), encoding="utf-8") as f:
            rows = [line.split("\t") for line in f if not line.startswith("#")]
        sizes = {os.path.basename(s): os.path.getsize(s) for s in STREAMS}
        self.assertEqual({row[0]: int(row[1]) for row in rows}, sizes)

    def test_every_exception_has_a_stream_a_pattern_and_a_reason(self):
        names = {os.path.basename(s) for s in STREAMS}
        for row in exceptions():
            self.assertEqual(len(row), 4, row)
            self.assertIn(row[0], ("cut", "end", "grid", "view", "vterm"))
            self.assertTrue(fnmatch.filter(names, row[1]), row)
            self.assertTrue(row[2].startswith("^"), row)
            re.compile(row[2])

    def test_no_exception_of_libvterm_is_for_all_of_a_stream(self):
        for row in exceptions():
            if row[0] != "vterm":
                continue
            self.assertIn(row[1], {os.path.basename(s) for s in STREAMS})
            for words in ("libvterm alternate, cursor: [false,1,2] != [false,3,4]", 'libvterm row 9: ["a","0"] != ["b","0"]',
                          'both row 9: ["a","0"] != []', 'libvterm row 9: ["a","0"] != []', 'paint row 9: ["47","0;1;31"] != []'):
                self.assertNotRegex(words, row[2])


if __name__ == "__main__":
    suite.main()
