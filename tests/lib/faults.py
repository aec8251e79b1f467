"""faults - asks cwsandbox-local's fault socket for trouble"""
import socket

from terminal import LIMIT


class Faults:
    """One connection to the fault socket; each call is a command and gives its answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rwb", buffering=0)

    def ask(self, line):
        """The answer's line, whatever it is."""
        self.lines.write(line.encode() + b"\n")
        return self.lines.readline().decode().rstrip("\n")

    def __call__(self, line):
        """The answer without its "ok"."""
        said = self.ask(line)
        assert said == "ok" or said.startswith("ok "), "%s: %s" % (line, said)
        return said[3:]

    def list(self):
        return dict(pair.split("=") for pair in self("list").split())

    def close(self):
        self.lines.close()
        self.socket.close()
