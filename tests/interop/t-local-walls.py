"""What cwsandbox-local promises beyond the protocol: nothing outlives it, walls hold, one never stalls another"""
import os
import signal
import subprocess
import sys
import time

import services  # first: it finds the other helpers
import suite
from services import ServiceCase, environment
from terminal import until
from world import program

LIMIT = 60


def commands():
    """The command lines of all processes that can be seen."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as f:
                    found.append(f.read().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                pass
    return found


class Walls:
    isolation = "auto"

    @classmethod
    def make_service(cls, world):
        return world.local("--isolation", cls.isolation)

    @classmethod
    def begin(cls):
        # A number of seconds that nobody else sleeps marks what is ours.
        cls.mark = "sleep 86%d" % os.getpid()
        cls.id = cls.create("sh", "-c", "%s.1 & setsid %s.2 & wait" % (cls.mark, cls.mark))

    def marked(self, suffix=""):
        return [c for c in commands() if c.startswith(self.mark + suffix)]

    def shell(self, line, *options, sandbox=None):
        return self.official(*options, "exec", sandbox or self.id, "--", "sh", "-c", line)

    def test_a_program_in_the_background_does_not_hold_up_the_end(self):
        begun = time.monotonic()
        code, out, _ = self.shell("%s.3 & echo said; exit 5" % self.mark)
        self.assertEqual((code, out), (5, b"said\n"))
        self.assertLess(time.monotonic() - begun, 30)
        until(lambda: self.marked(".3"), "the program in the background", LIMIT)

    def test_a_killed_client_takes_its_group_but_not_another_session(self):
        client = subprocess.Popen([services.OFFICIAL, "exec", self.id, "--", "sh", "-c",
                                   "setsid %s.4 & %s.5 & trap '' HUP; %s.6; :" % ((self.mark,) * 3)],
                                  env=self.world.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: len(self.marked(".4") + self.marked(".5") + self.marked(".6")) >= 3, "the programs", LIMIT)
        client.send_signal(signal.SIGKILL)
        client.wait()
        until(lambda: not self.marked(".5") and not self.marked(".6"), "the end of the group", LIMIT)
        self.assertTrue(self.marked(".4"))

    def test_a_stalled_reader_stalls_nobody_else(self):
        client = subprocess.Popen([services.OFFICIAL, "exec", self.id, "--", "yes"], env=self.world.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertTrue(client.stdout.read(2))
        client.send_signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.shell("echo through")[:2], (0, b"through\n"))
        finally:
            client.kill()
            client.wait()
            client.stdout.close()

    def test_nothing_is_left_of_a_killed_service(self):
        second = self.world.local("--isolation", self.isolation, name="second")
        env = dict(self.world.env, **environment(second))
        mark = self.mark + "2"
        made = subprocess.run([sys.executable, "-c", "import cwsandbox\n"
                               "s = cwsandbox.Sandbox.run('sh', '-c', '%s.1 & setsid %s.2 & %s.3')\n"
                               "s.wait(60)\nprint(s.sandbox_id)" % (mark, mark, mark)], env=env, timeout=LIMIT * 2,
                              stdout=subprocess.PIPE, check=True)
        shell = subprocess.Popen([services.OFFICIAL, "exec", made.stdout.decode().split()[-1], "--", "sh", "-c",
                                  "trap '' HUP TERM; setsid %s.4 & %s.5; %s.6" % (mark, mark, mark)], env=env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: len([c for c in commands() if c.startswith(mark)]) == 5, "five programs", LIMIT)
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
        until(lambda: not [c for c in commands() if c.startswith(mark)], "the end of all", LIMIT)
        shell.kill()
        shell.wait()
        # The next one starts the main process again, in its folder; what nobody knows of goes.
        folders = os.path.join(second.state_dir, "sandboxes")
        os.mkdir(os.path.join(folders, "unknown"))
        self.world.local("--isolation", self.isolation, name="second")
        until(lambda: len([c for c in commands() if c.startswith(mark)]) == 3, "its programs again", LIMIT)
        until(lambda: os.listdir(folders) == [made.stdout.decode().split()[-1]], "the end of other folders", LIMIT)

    def test_a_second_service_on_the_folder_is_refused_by_the_first_one_s_number(self):
        done = subprocess.run([program("cwsandbox-local"), "--state-dir", self.service.state_dir], env=self.world.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.service.process.pid), done.stderr.decode())


class WallsBwrap(Walls, ServiceCase):
    isolation = "bwrap"
    kind = "LocalBwrap"

    def test_a_sandbox_sees_neither_our_files_nor_our_processes(self):
        self.world.write("secret", "x")
        code, out, _ = self.shell("cat %s; ls /proc | grep -c '^[0-9]'" % self.world.path("secret"))
        self.assertEqual(code, 0)
        self.assertLess(int(out), 60)
        self.assertFalse([c for c in self.shell("cat /proc/[0-9]*/cmdline")[1].split(b"\0") if b"state-dir" in c])

    def test_a_sandbox_has_no_rights_to_gain_and_cannot_stop_its_init(self):
        status = self.shell("cat /proc/self/status")[1].decode()
        self.assertIn("CapBnd:\t0000000000000000", status)
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertNotEqual(self.shell("touch /usr/x")[0], 0)
        self.assertNotEqual(self.shell("mknod /tmp/disk b 8 0")[0], 0)
        self.shell("kill -9 1; kill -STOP 1")
        self.assertNotEqual(self.shell("ls -l /proc/1/fd/3")[0], 0)
        self.assertEqual(self.shell("echo alive")[:2], (0, b"alive\n"))

    def test_the_processes_of_a_sandbox_are_limited_and_its_neighbour_s_are_not(self):
        victim = self.create()
        code, out, err = self.official("exec", victim, "--", "bash", "-c", "ulimit -u")
        self.assertEqual((code, out), (0, b"1024\n"), err)
        forks = "import os, signal, time\nn = 0\ntry:\n while n < 1100:\n  if not os.fork():\n   signal.pause()\n" \
                "  n += 1\nexcept OSError:\n print('stopped')\nos.killpg(0, 9) if n == 1100 else None\n"
        self.assertEqual(self.official("exec", victim, "--", "python3", "-c", forks)[1], b"stopped\n")
        self.assertEqual(self.shell("echo fine")[:2], (0, b"fine\n"))
        self.official_ok("delete", victim)


class WallsNone(Walls, ServiceCase):
    isolation = "none"
    kind = "LocalNone"

    def test_a_killed_init_fails_its_sandbox_and_leaves_nothing(self):
        victim = self.create("sh", "-c", "%s.7 & setsid %s.8 & wait" % (self.mark, self.mark))
        until(lambda: self.marked(".7") and self.marked(".8"), "its programs", LIMIT)
        self.shell("kill -9 $PPID", sandbox=victim)
        until(lambda: b"failed" in self.official_ok("get", victim), "the state failed", LIMIT)
        until(lambda: not self.marked(".7") and not self.marked(".8"), "the end of its programs", LIMIT)
        self.assertEqual(self.shell("echo fine")[:2], (0, b"fine\n"))


if __name__ == "__main__":
    suite.main()
