#!/usr/bin/env python3
"""A random walk over one session, the same each time: `make proof-monkey` takes many, and longer ones"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from walks import Walks

SEEDS = (1,) if "TEST_LIGHT" in os.environ else (1, 2)
STEPS = 30


class Walk(Walks):
    def test_a_random_walk_leaves_every_picture_right_and_nothing_behind(self):
        self.walk(SEEDS, STEPS)


if __name__ == "__main__":
    suite.main()
