#!/usr/bin/env python3
"""cwsandbox-local's walls, tried from inside by a hostile program (hostile.py), and files by hostile paths"""
import ctypes
import json
import os
import shutil
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from world import SOURCE, SharedWorldCase

CANARY = "canary-of-the-users-environment"
with open(os.path.join(SOURCE, "tests", "hostile.py"), "rb") as f:
    HOSTILE = f.read()


def landlock_scopes():
    """Whether the kernel can keep abstract sockets from a process (Linux 6.12)."""
    return ctypes.CDLL(None).syscall(444, None, ctypes.c_long(0), ctypes.c_long(1)) >= 6


def may_make_networks():
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError:
        return False
    return shutil.which("slirp4netns") is not None


def listen(family, address):
    """A socket of the user's own that a sandbox must not reach."""
    s = socket.socket(family)
    s.bind(address)
    s.listen(4)
    return s


class Walls(SharedWorldCase):
    isolation = "bwrap"
    wrap = ()

    @classmethod
    def prepare(cls):
        w = cls.world
        cls.listeners = [listen(socket.AF_UNIX, w.path("agent.sock")), listen(socket.AF_INET, ("127.0.0.1", 0)),
                         listen(socket.AF_UNIX, "\0cws-%d" % os.getpid())]
        w.env["CANARY"] = CANARY
        cls.service = w.use(w.local("--isolation", cls.isolation, wrap=cls.wrap))
        cls.daemon = w.daemon()
        cls.sandbox = w.ok("create")

    @classmethod
    def tearDownClass(cls):
        for s in cls.listeners:
            s.close()
        super().tearDownClass()

    def sh(self, line, **kwargs):
        return self.world.cli("exec", "-i", self.sandbox, "sh", "-c", line, **kwargs)

    def try_all(self):
        w = self.world
        told = {
            "canary": CANARY,
            "files": {"a file of the user's": w.write("secret", "x"),
                      "the service's token": os.path.join(self.service.state_dir, "token"),
                      "the service's key": os.path.join(self.service.state_dir, "key.pem")},
            "pids": {"the service": self.service.process.pid, "the daemon": self.daemon.pid, "the test": os.getpid()},
            "sockets": {"the daemon": w.socket_path, "an agent": w.path("agent.sock"),
                        "an abstract socket": self.listeners[2].getsockname().decode()},
            "ports": {"a service of the user's": self.listeners[1].getsockname()[1]},
        }
        put = self.sh("cat >/tmp/hostile.py", input=HOSTILE)
        self.assertEqual(put.returncode, 0, put.stderr)
        done = self.world.cli("exec", "-i", self.sandbox, "python3", "/tmp/hostile.py", input=json.dumps(told).encode())
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)


class WallsOfBwrap(Walls):
    def test_a_hostile_program_is_refused_all_it_tries(self):
        tried = self.try_all()
        if "the network is this machine's" in self.world.errors(self.service.process):
            self.assertEqual(tried.pop("connect to a service of the user's"), "DONE", "it said so")
            if not landlock_scopes():
                tried.pop("connect to an abstract socket")
        self.assertGreater(len(tried), 60)
        self.assertEqual({k: v for k, v in tried.items() if v == "DONE"}, {})
        # and it is all still there
        self.assertEqual(self.sh("echo alive").stdout, b"alive\n")

    def own_address(self):
        """An address of this machine that other machines would use; None when there is none."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.connect(("192.0.2.1", 9))  # sends nothing
            except OSError:
                return None
            return s.getsockname()[0]

    def test_the_network_reaches_out_though_not_to_loopback(self):
        said = self.world.errors(self.service.process)
        if not may_make_networks():
            self.skipTest("no network apart from this machine's: " + said.splitlines()[0])
        self.assertIn("slirp4netns)", said)
        address = self.own_address()
        if not address or address.startswith("127."):
            self.skipTest("this machine has no address but loopback ones")
        with listen(socket.AF_INET, (address, 0)) as s:
            self.assertEqual(self.reach(s), b"through")

    def reach(self, server):
        line = "python3 -c 'import socket; print(socket.create_connection((\"%s\", %d), 30).recv(9).decode(), end=\"\")'"
        answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"through"), daemon=True)
        answer.start()
        return self.sh(line % server.getsockname()).stdout

    def test_a_file_operation_leads_nowhere_a_program_could_not_go(self):
        w = self.world
        secret, payload = w.write("secret2", "x"), w.write("payload", "payload")
        made = self.sh("cd /tmp && ln -s %s out && ln -s ../../../..%s up && ln -s /proc/self/root/etc/hostname root &&"
                       "ln -s /proc/self/exe exe && ln -s /proc/self/fd/3 fd && ln -s /proc/self/mem mem && mkfifo fifo &&"
                       "ln -s /dev/zero zero && ln -s loop loop && mkdir dir && ln -s /tmp/dir/new new" % (secret, secret))
        self.assertEqual(made.returncode, 0, made.stderr)
        for name in ("out", "up", "root", "exe", "fd", "fifo", "zero", "loop", "dir"):
            done = w.cli("files", "read", self.sandbox, "/tmp/" + name)
            self.assertEqual((done.returncode, done.stdout), (1, b""), name)
        for name in ("root", "exe", "fd", "mem", "fifo", "zero", "loop", "dir"):
            done = w.cli("files", "write", self.sandbox, "/tmp/" + name, payload)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(b"CWSANDBOX_FILE_", done.stderr, name)
        # What is written through a link out is inside, or nowhere.
        w.cli("files", "write", self.sandbox, "/tmp/out", payload)
        w.cli("files", "write", self.sandbox, "/tmp/up", payload)
        with open(secret) as f:
            self.assertEqual(f.read(), "x")
        # An honest link inside is followed, as by any program.
        self.assertEqual(w.cli("files", "write", self.sandbox, "/tmp/new", payload).returncode, 0)
        self.assertEqual(self.sh("cat /tmp/dir/new").stdout, b"payload")

    def test_a_path_that_changes_under_a_read_is_never_another_file_s_content(self):
        w = self.world
        race = self.sh("cd /tmp && mkdir a && echo inside >a/f && (i=0; while [ $i -lt 3000 ]; do ln -sfn a r; "
                       "ln -sfn /proc/1/root r; ln -sfn /proc/self r; i=$((i+1)); done) >/dev/null 2>&1 &")
        self.assertEqual(race.returncode, 0)
        for name in ["f", "environ", "mem"] * 20:
            done = w.cli("files", "read", self.sandbox, "/tmp/r/" + name)
            self.assertIn(done.stdout, (b"inside\n", b""), name)


@unittest.skipUnless(os.geteuid() == 0, "only root can open /dev/net/tun to all, where it is not")
class WallsWithoutRoot(WallsOfBwrap):
    """Where everybody may open the device, as on most machines, the network is made without root."""
    wrap = ("unshare", "--mount", "sh", "-c",
            "d=$(mktemp) && rm $d && mknod -m 666 $d c 10 200 && mount --bind $d /dev/net/tun && rm $d; exec \"$0\" \"$@\"")


class NoWalls(SharedWorldCase):
    @classmethod
    def prepare(cls):
        cls.service = cls.world.use(cls.world.local("--isolation", "none"))

    def test_without_walls_the_service_says_that_it_promises_nothing(self):
        said = self.world.errors(self.service.process)
        self.assertIn("isolation none: sandboxes can reach all this user can (it was asked for)", said)


if __name__ == "__main__":
    suite.main()
