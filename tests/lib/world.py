"""world - a place of its own for one test: home, folders, service, daemon; and proof that nothing outlives it

Everything a test starts has this world's environment and folders, so that tests run side by side and never meet
the user's own daemon. close() ends what was started and fails when a process or socket is left.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import procs
from terminal import LIMIT, Terminal, close_all, until

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CWSANDBOX_BUILD") or os.path.join(SOURCE, "build")


def program(name):
    path = os.path.join(BUILD, name)
    assert os.path.exists(path), "%s is not built: run make first" % path
    return path


class Service:
    """A sandbox service that answers at `url`; `key` and `ca_file` as a client needs them."""

    def __init__(self, url, key, ca_file=None, process=None, state_dir=None):
        self.url, self.key, self.ca_file = url, key, ca_file
        self.process, self.state_dir = process, state_dir

    def environment(self):
        env = {"CWSANDBOX_BASE_URL": self.url, "CWSANDBOX_API_KEY": self.key}
        if self.ca_file:
            env["CWSANDBOX_CA_FILE"] = self.ca_file
            env["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = self.ca_file  # the official client's name for it
        return env


class World:
    def __init__(self):
        procs.adopt_orphans()
        self.dir = tempfile.mkdtemp(prefix="cws-")
        self.processes = []
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "TERM": "xterm-256color",
                    # terminals of the tests answer nothing; those that do, say so (t-session-terminal.py)
                    "COLORTERM": "truecolor", "CWSANDBOX_PROBE": "no",
                    "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", "SHELL": "/bin/sh"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        for name, sub in (("HOME", "home"), ("XDG_RUNTIME_DIR", "run"), ("XDG_STATE_HOME", "state"),
                          ("XDG_CONFIG_HOME", "config")):
            self.env[name] = os.path.join(self.dir, sub)
            os.mkdir(self.env[name], 0o700)

    # ---- paths ----

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, data):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    @property
    def socket_path(self):
        return os.path.join(self.env["XDG_RUNTIME_DIR"], "cwsandboxd", "socket")

    # ---- starting things ----

    def start(self, argv, env=None, **kwargs):
        """A process in the background; its stderr goes to a file named after it, shown when a test fails."""
        name = "%s.%d.err" % (os.path.basename(argv[0]), len(self.processes))
        with open(self.path(name), "wb") as err:
            process = subprocess.Popen(argv, env=env or self.env, stdin=subprocess.DEVNULL,
                                       stdout=kwargs.pop("stdout", subprocess.DEVNULL), stderr=err,
                                       start_new_session=True, **kwargs)
        process.errors = self.path(name)
        self.processes.append(process)
        return process

    def local(self, *args, plaintext=False, name="local", wrap=()):
        """Starts cwsandbox-local, by way of the command `wrap` that executes it, and waits until it accepts."""
        state, port_file = self.path(name), self.path(name + ".port")
        if os.path.exists(port_file):
            os.unlink(port_file)  # of one that was killed
        argv = [*wrap, program("cwsandbox-local"), "--state-dir", state, "--port-file", port_file]
        process = self.start(argv + (["--plaintext"] if plaintext else []) + list(args))

        def port():
            assert process.poll() is None, "cwsandbox-local left: " + self.errors(process)
            return os.path.exists(port_file) and read(port_file).strip()
        number = until(port, "the port file of cwsandbox-local")
        url = "%s://127.0.0.1:%s" % ("http" if plaintext else "https", number)
        return Service(url, read(os.path.join(state, "token")).strip(),
                       None if plaintext else os.path.join(state, "ca.pem"), process, state)

    def daemon(self, *args, env=None):
        """Starts cwsandboxd and waits until its socket accepts."""
        process = self.start([program("cwsandboxd")] + list(args), env=dict(self.env, **(env or {})))

        def accepts():
            assert process.poll() is None, "cwsandboxd left: " + self.errors(process)
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(self.socket_path)
                except OSError:
                    return False
            return True
        until(accepts, "the daemon's socket")
        return process

    def use(self, service):
        """From now on this world's clients talk to `service`."""
        for name in ("CWSANDBOX_CA_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
            self.env.pop(name, None)
        self.env.update(service.environment())
        return service

    def run(self, argv, input=b"", env=None, limit=LIMIT * 2):
        """Runs to the end; stdout and stderr are bytes."""
        return subprocess.run(argv, input=input, env=dict(self.env, **(env or {})), timeout=limit,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.dir)

    def cli(self, *args, input=b"", env=None, limit=LIMIT * 2):
        return self.run([program("cwsandbox")] + list(args), input=input, env=env, limit=limit)

    def ok(self, *args, **kwargs):
        """A cwsandbox command that must succeed; its stdout as text without the last newline."""
        done = self.cli(*args, **kwargs)
        assert done.returncode == 0, "cwsandbox %s: exit %d\n%s%s" % (
            " ".join(args), done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace").rstrip("\n")

    def terminal(self, *args, cols=80, rows=24, env=None):
        """cwsandbox on a terminal."""
        return Terminal([program("cwsandbox")] + list(args), env=dict(self.env, **(env or {})), cols=cols,
                        rows=rows, cwd=self.dir)

    def session(self, name):
        """What `sessions --json` says of one session; None when it is not listed."""
        return next((s for s in json.loads(self.ok("sessions", "--json")) if s["name"] == name), None)

    # ---- the end ----

    def errors(self, process):
        return read(process.errors)[-4000:]

    def diagnostics(self):
        return "".join("\n---- %s\n%s" % (os.path.basename(p.errors), self.errors(p)) for p in self.processes
                       if os.path.getsize(p.errors))

    def close(self):
        """Ends everything; returns what should not have been there."""
        close_all()
        problems = []
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        known = {p.pid for p in self.processes}
        for process in reversed(self.processes):
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                problems.append("%s did not end on SIGTERM" % procs.command(process.pid))
                process.kill()
                process.wait()
        problems += ["sanitizer report:\n" + self.errors(p) for p in self.processes
                     if "Sanitizer" in read(p.errors) or "runtime error:" in read(p.errors)]
        problems += self._sweep(known)
        shutil.rmtree(self.dir, ignore_errors=True)
        return problems

    def _sweep(self, known):
        """The daemon a client started is asked to leave; whatever else still runs is a leak."""
        def gone():
            procs.bury(known)
            return not procs.descendants()
        started = [p for p in procs.descendants() if "cwsandbox" in procs.command(p).split(" ")[0]]
        for pid in started:
            _signal(pid, signal.SIGTERM)
        try:
            until(gone, "the end of all processes", LIMIT / 2)
            return []
        except AssertionError:
            left = ["%d %s" % (p, procs.command(p)) for p in procs.descendants()]
            for pid in procs.descendants():
                _signal(pid, signal.SIGKILL)
            return ["left running: " + "; ".join(left)]


class WorldCase(unittest.TestCase):
    """Each test has a world of its own, `self.world`; leftovers are a failure of the test."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self._close)

    def _close(self):
        said = self.world.diagnostics()
        problems = self.world.close()
        if problems or (self._outcome and not self._outcome.success):
            print(said[-8000:])
        self.assertEqual(problems, [])


class SharedWorldCase(unittest.TestCase):
    """The tests of one class share a world, made by `prepare`; leftovers are a failure of the class."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        try:
            cls.prepare()
        except BaseException:
            print(cls.world.diagnostics())
            cls.world.close()
            raise

    @classmethod
    def prepare(cls):
        pass

    def tearDown(self):
        if self._outcome and not self._outcome.success:
            print(self.world.diagnostics()[-8000:])
        close_all()

    @classmethod
    def tearDownClass(cls):
        problems = cls.world.close()
        assert not problems, problems


def read(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "replace")


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
