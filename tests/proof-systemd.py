#!/usr/bin/env python3
"""The units under a systemd of their own: `make proof-systemd`. Not part of `make check`: it takes root, for the control
groups, and the `--user` manager that it starts needs a machine that leaves them to it.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import procs
import suite
from terminal import until
from world import BUILD, SOURCE, WorldCase, program

MANAGER = next((p for p in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if os.path.exists(p)), None)
# It runs only where systemd is said to have started the machine: said to it alone.
BOOTED = ("mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system && "
          "mount --make-rshared / && exec %s --user")
DROP_IN = "[Service]\nExecStart=\nExecStart=%s\nWatchdogSec=2\nLoadCredential=cwsandbox-api-key:%s\n"


class Groups:
    """Control groups for the manager, in each tree that systemd uses."""

    def __init__(self, name):
        with open("/proc/self/mounts") as f:
            mounts = [line.split() for line in f]
        self.folders = [os.path.join(m[1], name) for m in mounts if m[2] == "cgroup2" or "name=systemd" in m[3].split(",")]
        for folder in self.folders:
            os.mkdir(folder)

    def enter(self):
        for folder in self.folders:
            with open(os.path.join(folder, "cgroup.procs"), "w") as f:
                f.write(str(os.getpid()))

    def remove(self):
        for folder in self.folders:
            for path, _, _ in os.walk(folder, topdown=False):
                os.rmdir(path)


@unittest.skipUnless(MANAGER and os.geteuid() == 0, "systemd and root are needed")
class Units(WorldCase):
    def setUp(self):
        super().setUp()
        env = self.world.env
        self.groups = Groups(os.path.basename(self.world.dir))
        self.addCleanup(self.groups.remove)
        self.service = self.world.local()
        units = os.path.join(env["XDG_CONFIG_HOME"], "systemd", "user")
        os.makedirs(os.path.join(units, "cwsandboxd.service.d"))
        shutil.copy(os.path.join(BUILD, "systemd", "cwsandboxd.service"), units)
        shutil.copy(os.path.join(SOURCE, "systemd", "cwsandboxd.socket"), units)
        with open(os.path.join(units, "cwsandboxd.service.d", "test.conf"), "w") as f:
            f.write(DROP_IN % (program("cwsandboxd"), self.world.write("key", self.service.key)))
        os.makedirs(os.path.join(env["XDG_CONFIG_HOME"], "cwsandboxd"))
        self.world.write("config/cwsandboxd/cwsandboxd.conf", "url = %s\nca-file = %s\n" % (self.service.url, self.service.ca_file))
        self.manager = self.world.start(["unshare", "--mount", "sh", "-c", BOOTED % MANAGER], preexec_fn=self.groups.enter)
        self.addCleanup(self.stop)
        until(lambda: self.world.run(["systemctl", "--user", "is-active", "basic.target"]).stdout == b"active\n", "systemd")
        self.systemctl("start", "cwsandboxd.socket")

    def stop(self):
        self.systemctl("stop", "cwsandboxd.socket", "cwsandboxd.service")
        self.manager.terminate()
        self.manager.wait()

    def systemctl(self, *args):
        done = self.world.run(["systemctl", "--user", *args])
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def property(self, name):
        return self.systemctl("show", "cwsandboxd.service", "-p", name, "--value")

    def status(self):
        return json.loads(self.world.ok("daemon", "status", "--json"))

    def test_the_first_client_starts_it_with_the_key_that_systemd_keeps(self):
        self.assertEqual(self.property("ActiveState"), "inactive")
        self.assertEqual(self.world.ok("ls"), "No sandboxes found.")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertEqual(self.status()["pid"], int(self.property("MainPID")))

    def test_who_stopped_it_gets_another_and_the_socket_stays_what_it_was(self):
        first = self.status()["pid"]
        inode = os.stat(self.world.socket_path).st_ino
        self.world.ok("daemon", "stop")
        until(lambda: self.property("ActiveState") == "inactive", "the end of the unit")
        self.assertEqual(self.property("Result"), "success")
        self.assertNotEqual(self.status()["pid"], first)
        self.assertEqual(os.stat(self.world.socket_path).st_ino, inode)

    def test_sandboxes_outlive_a_restart_and_sessions_are_told(self):
        sandbox = self.world.ok("create")
        t = self.world.terminal("new", "-s", "work", sandbox, "--", "sh").see("#")
        self.systemctl("restart", "cwsandboxd.service")
        self.assertEqual(t.exit_code(), 255)
        self.assertEqual(self.world.ok("exec", sandbox, "echo", "still there"), "still there")

    def test_one_that_crashed_or_hangs_is_replaced(self):
        for number, result in ((signal.SIGKILL, "1"), (signal.SIGSTOP, "2")):
            pid = self.status()["pid"]
            os.kill(pid, number)
            until(lambda: self.property("NRestarts") == result, "another daemon")
            until(lambda: self.property("ActiveState") == "active", "its start")
            self.assertFalse(procs.alive(pid))
            self.assertNotEqual(self.status()["pid"], pid)


if __name__ == "__main__":
    suite.main()
