#!/usr/bin/env python3
"""Random walks over the real processes: `make proof-monkey`, or proof-monkey.py [SEED [STEPS]]. Not part of `make check`.

One seed is walked again; without any, CWSANDBOX_WALK_SEEDS (default 30) of them from CWSANDBOX_WALK_FIRST (default 1) on.
CWSANDBOX_WALK_LOUD says each step as it is done.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from walks import Walks

FIRST = int(os.environ.get("CWSANDBOX_WALK_FIRST", "1"))
SEEDS = list(range(FIRST, FIRST + int(os.environ.get("CWSANDBOX_WALK_SEEDS", "30"))))
STEPS = 60


class Monkey(Walks):
    def test_random_walks_leave_every_picture_right_and_nothing_behind(self):
        self.walk(SEEDS, STEPS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SEEDS = [int(sys.argv[1])]
    if len(sys.argv) > 2:
        STEPS = int(sys.argv[2])
    del sys.argv[1:]
    suite.main()
