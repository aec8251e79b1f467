"""suite - runs the tests of one file: each name is the sentence it proves; the last line counts them

Exit code 0: passed; 1: some failed; 77: all were skipped, the number automake knows for that.
"""
import atexit
import os
import signal
import sys
import time
import unittest


class _Result(unittest.TestResult):
    passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def _say(self, verdict, test, why=""):
        name = getattr(test, "_testMethodName", "")
        group = type(test).__name__ if name else str(test)  # a whole class
        sentence = name[5:].replace("_", " ") or "all of it"
        took = time.monotonic() - getattr(self, "began", time.monotonic())
        print("%-4s %s: %s (%.1f s)%s" % (verdict, group, sentence, took, why), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._say("FAIL", test, "\n" + self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("SKIP", test, " " + reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print("     in %s" % subtest, flush=True)
            self._say("FAIL", test, "\n" + self._exc_info_to_string(err, test))


def heed_keys():
    """A run in the background may have been started with these ignored; its terminals' programs must not be."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def main(module="__main__"):
    heed_keys()
    names = sys.argv[1:] or None
    loader = unittest.defaultTestLoader
    module = sys.modules[module]
    tests = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = _Result()
    tests.run(result)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    passed = result.passed
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped), flush=True)
    _leave(1 if failed else 0 if passed else 77)


def _leave(code):
    """Ends now: a thread of a server in this process that still waits must not hold the end up."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
