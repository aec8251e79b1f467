"""terminal - drives programs on real pseudo-terminals, and waits without a fixed pause

One select() serves every terminal that is alive, so that no terminal stalls because a test looks at another
one. A terminal can be told to stop reading (`reading = False`): then it stalls, as a stopped one does; or to read only
so many bytes a second (`rate`).
"""
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from screen import QUERY, Screen

LIMIT = float(os.environ.get("CWSANDBOX_TEST_LIMIT", "60"))  # seconds: generous, for slow machines
AGAIN = 2.0  # seconds until a key that did nothing is pressed again
REST = 0.3  # seconds without work that are a pause
SLOW_STEP = 0.02  # seconds: a slow terminal takes so much of its rate at once
RAW_MAX = 16 << 20  # bytes kept of what a terminal was sent; beyond, the newer half


def on_terminal(argv):
    """argv as the leader of a session whose terminal is its stdin; setsid becomes the program, its pid stays."""
    return ["setsid", "--ctty"] + list(argv)


class Terminal:
    live = []

    def __init__(self, argv, env=None, cols=80, rows=24, cwd=None):
        self.screen = Screen(cols, rows)
        self.raw = bytearray()
        self.reading = True
        self.rate = None  # bytes a second; None: all there is
        self.rate_due = time.monotonic()  # when a slow one takes the next bytes
        self.returncode = None
        self.master, slave = pty.openpty()
        self._winsize(cols, rows)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(on_terminal(argv), stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd)
        self.slave = slave  # kept open: its settings can be read after the program has left
        self.argv = argv
        os.set_blocking(self.master, False)
        Terminal.live.append(self)

    @property
    def pid(self):
        return self.process.pid

    def _winsize(self, cols, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, cols, rows):
        pump(0)
        self.screen.resize(cols, rows)
        self._winsize(cols, rows)
        return self

    def type(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        deadline = time.monotonic() + LIMIT
        while data:
            try:
                data = data[os.write(self.master, data):]
            except BlockingIOError:
                assert time.monotonic() < deadline, "the terminal's input does not move"
                pump(0.02)
        return self

    def ready(self):
        return self.reading and self.returncode is None and (not self.rate or time.monotonic() >= self.rate_due)

    def receive(self):
        """Takes what is there; False when there was nothing."""
        try:
            data = os.read(self.master, 65536 if not self.rate else max(1, int(self.rate * SLOW_STEP)))
        except BlockingIOError:
            return False
        except OSError as err:
            if err.errno == errno.EIO:
                return False
            raise
        if self.rate:
            self.rate_due = max(self.rate_due, time.monotonic() - SLOW_STEP) + len(data) / self.rate
        self.raw += data
        if len(self.raw) > RAW_MAX:
            del self.raw[:RAW_MAX // 2]
        self.screen.feed(data)
        return True

    def see(self, text, limit=LIMIT):
        """Waits until the screen shows `text`."""
        until(lambda: text in self.screen.text(), "%r on the screen of %s" % (text, self.name()), limit)
        return self

    def see_line(self, line, limit=LIMIT):
        """Waits until one whole line of the screen is `line`."""
        until(lambda: line in self.screen.lines(), "the line %r on the screen of %s" % (line, self.name()), limit)
        return self

    def name(self):
        return os.path.basename(self.argv[0]) + " " + " ".join(self.argv[1:])

    def poll(self):
        if self.returncode is None:
            self.returncode = self.process.poll()
            if self.returncode is not None:
                while self.receive():
                    pass
        return self.returncode

    def exit_code(self, limit=LIMIT):
        """Waits for the program's end; the code, or minus the signal."""
        until(lambda: self.poll() is not None, "the end of " + self.name(), limit)
        return self.returncode

    def interrupted(self):
        """Ctrl-C once the program rests, and again every AGAIN seconds until it ends, as a user would; the code.

        A Python program can be caught by it between two of its own guards, and one that is just about to wait for a
        lock notes it and waits all the same.
        """
        self.at_rest()
        due = 0.0

        def ended():
            nonlocal due
            if self.poll() is None and time.monotonic() >= due:
                due = time.monotonic() + AGAIN
                self.type("\x03")
            return self.poll() is not None
        until(ended, "the end by Ctrl-C of " + self.name())
        return self.returncode

    def at_rest(self):
        """Waits until the program has used no processor for REST seconds."""
        used, since = None, 0.0

        def rests():
            nonlocal used, since
            now = open("/proc/%d/stat" % self.pid).read().rpartition(")")[2].split()[11:13]
            if now != used:
                used, since = now, time.monotonic()
            return time.monotonic() - since >= REST
        until(rests, "a pause of " + self.name())
        return self

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self

    def hang_up(self):
        """The terminal window is closed."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1
        Terminal.live.remove(self)

    def harm(self):
        """What the program left behind on this terminal, in words; empty when all is well."""
        bad = self.screen.leftovers()
        if termios.tcgetattr(self.slave)[:6] != self.before[:6]:
            bad.append("terminal settings not restored")
        queries = QUERY.findall(self.raw)
        if queries:
            bad.append("queries reached the terminal: %r" % queries[:4])
        return bad

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self in Terminal.live:
            Terminal.live.remove(self)
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


def pump(seconds):
    """Lets every live terminal take what it was sent, for at most `seconds`."""
    fds = {t.master: t for t in Terminal.live if t.ready()}
    if not fds:
        time.sleep(seconds)
        return
    ready = select.select(list(fds), [], [], seconds)[0]
    moved = False
    for fd in ready:
        moved |= fds[fd].receive()
    if ready and not moved:
        time.sleep(min(seconds, 0.02))  # a terminal whose program has left stays readable


def until(condition, what, limit=LIMIT):
    """Waits for `condition()`, serving all terminals; fails saying what did not happen and what they show."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            shown = "".join("\n---- %s\n%s" % (t.name(), t.screen.text()) for t in Terminal.live)
            raise AssertionError("waited %g s for %s%s" % (limit, what, shown))
        pump(0.05)


def close_all():
    for terminal in list(Terminal.live):
        terminal.close()
