"""What is checked through the official client, counted without running it: the table is printed at the end"""
import collections
import glob
import importlib.util
import os
import sys
import unittest

import services  # first: it finds the other helpers
import suite

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST = 120  # checks through the official SDK and command line, each over both services
AREAS = {"life": 30, "exec": 25, "shell": 20, "logs": 15, "files": 20, "snapshots": 15, "cli": 20,
         "faults": 8}  # the least of each


def load(path):
    name = os.path.basename(path)[2:-3].replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table():
    """area: check: the services and planes it runs over."""
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for path in sorted(glob.glob(os.path.join(HERE, "t-official-*.py"))):
        area = os.path.basename(path)[len("t-official-"):-3]
        for case in vars(load(path)).values():
            if isinstance(case, type) and issubclass(case, services.ServiceCase) and case.kind:
                for name in unittest.defaultTestLoader.getTestCaseNames(case):
                    found[area][name[5:].replace("_", " ")].add((case.kind, case.plane))
    return found


@unittest.skipIf(services.MISSING, services.MISSING)
@unittest.skipIf(services.CHOSEN, "only some services were chosen")
class Checks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = table()

    def over_both(self, area):
        return [c for c, over in self.table[area].items() if set(services.BOTH) <= {kind for kind, _ in over}]

    def test_enough_checks_go_through_the_official_client_over_both_services(self):
        counts = {area: len(self.over_both(area)) for area in AREAS}
        self.assertGreaterEqual(sum(counts.values()), LEAST, counts)
        for area, least in AREAS.items():
            self.assertGreaterEqual(counts[area], least, area)

    def test_commands_terminals_logs_and_files_are_checked_on_both_data_planes(self):
        for area in ("exec", "shell", "logs", "files"):
            for check, over in self.table[area].items():
                for kind in services.BOTH:
                    self.assertLessEqual({(kind, p) for p in services.PLANES}, over, check)

    @classmethod
    def tearDownClass(cls):
        for area, checks in sorted(cls.table.items()):
            print("\n%s: %d checks, %d runs" % (area, len(checks), sum(map(len, checks.values()))))
            for check, over in sorted(checks.items()):
                print("    %-90s %s" % (check, ", ".join(sorted("%s by %s" % pair for pair in over))))


if __name__ == "__main__":
    suite.main()
