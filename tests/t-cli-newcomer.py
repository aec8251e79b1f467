#!/usr/bin/env python3
"""Who has configured nothing: told once which service it is, and again where another may have been meant"""
import json
import os
import re
import resource
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import suite
from faults import Faults
from terminal import LIMIT, until
from world import SOURCE, SharedWorldCase, WorldCase, program, read

NOTICE = "cwsandbox: no service is configured, using the embedded one on this machine " \
         "(CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY choose another)\n"


class Newcomer(SharedWorldCase):
    @classmethod
    def prepare(cls):
        done = cls.world.cli("create")
        cls.first = done.stderr.decode()
        cls.box = done.stdout.decode().strip()

    @classmethod
    def tearDownClass(cls):
        cls.world.cli("daemon", "stop", "--all", "--force")
        super().tearDownClass()

    def says(self, *args, code=0):
        done = self.world.cli(*args)
        self.assertEqual(done.returncode, code, done)
        return done.stderr.decode()

    def test_the_command_that_starts_the_service_says_which_one_it_is_and_those_after_it_do_not(self):
        self.assertEqual(self.first, NOTICE)
        self.assertEqual(self.says("ls"), "")
        self.assertEqual(self.says("exec", self.box, "true"), "")
        self.assertEqual(self.says("create", "-t", "again"), "")

    def test_who_misses_something_is_told_that_another_service_may_have_been_meant(self):
        missing = "Error: Sandbox 'nope' not found\n"
        for command in (("get", "nope"), ("exec", "nope", "true"), ("logs", "nope"), ("stop", "nope"),
                        ("files", "read", "nope", "/etc/hosts")):
            with self.subTest(command=command):
                self.assertEqual(self.says(*command, code=1), missing + NOTICE)
        self.assertEqual(self.says("ls", "-t", "no-such"), NOTICE)
        done = self.world.cli("get", "nope", env={"CWSANDBOX_BASE_URL": "local"})
        self.assertEqual(done.stderr.decode(), missing)

    def test_a_file_that_is_not_there_is_named_and_so_is_a_missing_folder_with_the_next_step(self):
        data, folder = self.world.write("data", "x"), self.world.ok("exec", self.box, "mktemp", "-d")
        failed = "Error: File operation failed (CWSANDBOX_FILE_NOT_FOUND): "
        self.assertEqual(self.says("files", "read", self.box, folder + "/none", code=1), failed + folder + "/none: no such file\n")
        self.assertEqual(self.says("files", "write", self.box, folder + "/a/b/data", data, code=1),
                         failed + "there is no folder " + folder + "/a/b: make it first, with mkdir -p\n")
        self.assertEqual(self.says("files", "write", self.box, folder, data, code=1),
                         "Error: File operation failed (CWSANDBOX_FILE_IS_DIRECTORY): " + folder + ": it is a folder\n")
        self.assertEqual(self.says("files", "read", self.box, folder + "/\x1b[31mred\n", code=1),
                         failed + folder + "/\\x1b[31mred\\n: no such file\n")

    def test_a_program_that_is_not_there_is_named_and_an_option_in_its_place_is_told_where_it_goes(self):
        self.assertEqual(self.says("exec", self.box, "nosuch", code=127), "cannot run nosuch: No such file or directory\n")
        self.assertEqual(self.says("exec", self.box, "/tmp\x1b[31m", code=127),
                         "cannot run /tmp\\x1b[31m: No such file or directory\n")
        self.assertEqual(self.says("exec", self.box, "-i", "cat", code=127), "cannot run -i: No such file or directory\n"
                         "cwsandbox: -i was taken for the command: options go before SANDBOX_ID\n")

    def test_a_terminal_on_which_no_program_ran_is_at_the_begin_of_a_line(self):
        t = self.world.terminal("sh", "--cmd", "nosuch", self.box)
        self.assertEqual(t.exit_code(), 127)
        self.assertIn(b"cannot run nosuch: No such file or directory\r\n", t.raw)

    def test_an_empty_argument_is_named_and_asks_the_service_for_nothing(self):
        said = "Error: Invalid value for '%s': must not be empty."
        for name, *command in (("SANDBOX_ID", "get", ""), ("SANDBOX_ID", "exec", "", "true"),
                               ("FILE_SYSTEM_SNAPSHOT_ID", "snapshots", "get", ""), ("REMOTE_PATH", "files", "read", self.box, ""),
                               ("REMOTE_PATH", "files", "write", self.box, "", "/etc/hosts")):
            with self.subTest(command=command):  # with the official client's exit code, whose service refuses it
                self.assertEqual(self.says(*command, code=1), said % name + "\n")
        for name, *command in (("NAME", "kill", ""), ("NAME", "detach", ""), ("NAME", "attach", ""), ("NEW_NAME", "rename", "x", ""),
                               ("SANDBOX", "new", "-d", "")):
            with self.subTest(command=command):
                self.assertEqual(self.says(*command, code=2).splitlines()[-1], said % name)
        self.assertEqual(self.says("exec", "-w", "", self.box, "true", code=1),
                         "Error: cwd must be an absolute path, got: ''\n")

    def test_a_pipe_may_be_written(self):
        done = self.world.cli("files", "write", self.box, "/tmp/piped", "/dev/stdin", input=b"from a pipe")
        self.assertEqual((done.returncode, done.stdout), (0, b"Wrote 11 bytes to /tmp/piped.\n"))
        self.assertEqual(self.world.ok("files", "read", self.box, "/tmp/piped"), "from a pipe")

    def test_a_terminal_is_told_that_what_was_to_be_deleted_was_not_there(self):
        for command, kind in ((("snapshots", "delete"), "snapshot"), (("delete",), "sandbox")):
            with self.subTest(kind=kind):
                t = self.world.terminal(*command, "--missing-ok", "nope")
                self.assertEqual(t.exit_code(), 0)
                self.assertIn(b"cwsandbox: there was no %s nope" % kind.encode(), bytes(t.raw))
                self.assertNotIn("there was no", self.says(*command, "--missing-ok", "nope"))

    def test_direct_connections_are_refused_with_what_to_do(self):
        for command in (("exec",), ("files", "read"), ("logs",)):
            said = self.says(*command, "--data-plane-mode", "direct", self.box, *["/etc/hosts"][:command != ("logs",)], code=1)
            self.assertIn("use --data-plane-mode gateway", said)


class Unstartable(WorldCase):
    def test_why_the_embedded_service_cannot_start_is_told_and_it_starts_once_that_is_mended(self):
        folder = os.path.join(self.world.env["XDG_STATE_HOME"], "cwsandbox-local")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        done = self.world.cli("create")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("The embedded service cannot be started: %s has mode 0755: it must be 0700" % folder, done.stderr.decode())
        os.chmod(folder, 0o700)
        self.world.ok("create")
        self.world.ok("daemon", "stop", "--all", "--force")

    def test_one_that_another_has_started_is_waited_for_until_it_is_up(self):
        self.world.ok("create")
        self.world.ok("daemon", "stop", "--force")
        url = os.path.join(self.world.env["XDG_STATE_HOME"], "cwsandbox-local", "url")
        os.rename(url, url + ".later")
        timer = threading.Timer(2.5, os.rename, (url + ".later", url))
        timer.start()
        self.addCleanup(timer.join)
        self.world.ok("create")
        self.world.ok("daemon", "stop", "--all", "--force")

    def test_a_daemon_without_a_free_fd_says_so_and_starts_no_other_service(self):
        self.world.ok("create")
        self.world.ok("daemon", "stop", "--force")
        self.world.ok("daemon", "start")
        peer = mpack.Peer(self.world.socket_path, {"endpoint": {"url": "local"}})
        pid = peer.call("daemon.status")["pid"]
        until(lambda: peer.call("daemon.status")["clients"] == 1, "the end of the others")
        _, hard = limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
        with self.assertRaisesRegex(mpack.RpcError, "no file descriptor is left"):
            peer.call("sandbox.list")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        self.world.ok("ls")
        self.world.ok("daemon", "stop", "--all", "--force")

    def test_one_that_is_about_to_end_or_was_just_killed_is_in_nobodys_way(self):
        state = os.path.join(self.world.env["XDG_STATE_HOME"], "cwsandbox-local")
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number.name):
                # what ignores the signal keeps the service alive for two seconds more
                self.world.ok("create", "--", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
                self.world.ok("daemon", "stop", "--force")
                before = int(read(os.path.join(state, "lock")))
                os.kill(before, number)
                self.world.ok("create")
                self.assertNotEqual(int(read(os.path.join(state, "lock"))), before)
                self.world.ok("daemon", "stop", "--all", "--force")


class Aborted(WorldCase):
    def setUp(self):
        super().setUp()
        os.mkdir(self.world.path("fault"), 0o700)
        self.local = self.world.use(self.world.local("--fault-socket", self.world.path("fault", "socket")))
        self.faults = Faults(self.world.path("fault", "socket"))
        self.addCleanup(self.faults.close)

    def made(self):
        return os.listdir(os.path.join(self.local.state_dir, "sandboxes"))

    def running(self):
        return [b for b in json.loads(self.world.ok("ls", "-o", "json")) if b["status"] not in ("terminating", "terminated")]

    def aborts(self, *command, code):
        process = self.world.start([program("cwsandbox"), *command])
        until(self.made, "the sandbox")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), code)
        self.world.ok("sessions")  # the daemon has seen it leave
        return read(process.errors)

    def test_ctrl_c_while_a_sandbox_is_made_leaves_none_behind(self):
        self.assertEqual(self.running(), [])  # and its connection stands
        for command in (("create",), ("new", "-d")):
            with self.subTest(command=command, when="the service has not answered yet"):
                self.faults("delay 60000")
                self.assertEqual(self.aborts(*command, code=1), "\nAborted!\n")
                self.faults("delay 0")
                until(lambda: not self.running(), "the end of the sandbox")
                until(lambda: not self.made(), "its folder's end")
        with self.subTest(when="it does not run yet"):
            self.faults("status UNAVAILABLE count=1000 method=GetSandbox")
            self.faults("status UNAVAILABLE method=DeleteSandbox retry-ms=10")
            self.aborts("create", code=1)
            until(lambda: not self.running(), "the end of the sandbox")

    def test_who_loses_the_daemon_while_a_sandbox_is_made_is_told_where_to_look_for_it(self):
        self.assertEqual(self.running(), [])
        pid = json.loads(self.world.ok("daemon", "status", "--json"))["pid"]
        self.faults("delay 60000")
        process = self.world.start([program("cwsandbox"), "create"])
        until(self.made, "the sandbox")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(process.wait(LIMIT), 1)
        self.assertIn("cwsandbox: a sandbox may have been made: 'cwsandbox ls' lists those there are\n", read(process.errors))


class Stopping(WorldCase):
    def test_stop_all_names_the_sandboxes_that_it_would_end_and_wants_a_yes_or_force(self):
        box = self.world.ok("create")
        named = "These sandboxes of the local service would be lost: %s" % box
        done = self.world.cli("daemon", "stop", "--all")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr.decode(), named + "\nError: sandboxes of the local service still run; --force loses them\n")
        t = self.world.terminal("daemon", "stop", "--all", cols=120).see(named).see("Stop anyway? [y/N]")
        t.type("n\r")
        self.assertEqual(t.exit_code(), 1)
        self.assertEqual(self.world.ok("exec", box, "echo", "lives"), "lives")
        other = self.world.local(name="other")
        done = self.world.cli("daemon", "stop", "--all", env=other.environment())
        self.assertEqual((done.returncode, box in done.stderr.decode()), (1, True))
        self.world.ok("new", "-d", "-s", "mine", box)
        done = self.world.cli("daemon", "stop", "--all")
        self.assertEqual(done.stderr.decode(), "These sessions would be lost: mine\n%s\nError: sessions and sandboxes of the "
                         "local service still run; --force loses them\n" % named)
        t = self.world.terminal("attach", "mine")
        until(lambda: self.world.session("mine")["clients"], "a terminal")
        self.world.terminal("daemon", "stop", "--all", cols=120).see("Stop anyway? [y/N]").type("y\r").exit_code()
        self.assertEqual(t.exit_code(), 255)
        t.see("cwsandboxd was stopped")
        self.assertEqual(self.world.cli("daemon", "status").returncode, 1)
        self.world.ok("daemon", "stop", "--all")


    def test_of_many_sessions_twenty_are_named(self):
        box = self.world.ok("create")
        names = ["s%02d" % i for i in range(20)]
        for name in names:
            self.world.ok("new", "-d", "-s", name, box)
        told = "These sessions would be lost: %s%%s\nError: sessions still run; --force loses them\n" % " ".join(names)
        self.assertEqual(self.world.cli("daemon", "stop").stderr.decode(), told % "")
        self.world.ok("new", "-d", "-s", "s20", box)
        self.assertEqual(self.world.cli("daemon", "stop").stderr.decode(), told % " ...")
        self.assertIn(told.split("\n")[0] % " ...", self.world.cli("daemon", "stop", "--all").stderr.decode())


class Page(WorldCase):
    def help(self, *words):
        return self.world.run([program("cwsandbox"), *words, "--help"]).stdout.decode()

    def commands(self):
        for one in listed(self.help()):
            yield from ([one, two] for two in listed(self.help(one))) if "Commands:" in self.help(one) else [[one]]

    def test_every_command_and_every_option_of_it_is_on_the_manual_page(self):
        page = read(os.path.join(SOURCE, "man", "cwsandbox.1")).replace("\\-", "-")
        commands = list(self.commands())
        self.assertGreater(len(commands), 25)
        for words in commands:
            self.assertTrue(re.search(r"(?m)^\.BR? .*\b%s\b" % words[0], page), words)
            for short, long in re.findall(r"^  (?:(-[a-zA-Z]), )?(--[a-z-]+)", self.help(*words), re.M):
                names = [long, long.replace("--", "--no-", 1)] + [short] * bool(short)
                with self.subTest(command=" ".join(words), option=long):
                    self.assertTrue(re.search(r"(?<![\w-])(%s)\b" % "|".join(names), page))


def listed(text):
    return re.findall(r"^  ([a-z]+)  ", text.split("Commands:")[1], re.M)


class Service(WorldCase):
    def test_a_root_folder_that_is_not_there_is_refused_with_what_to_give(self):
        done = self.world.run([program("cwsandbox-local"), "--rootfs", "/no/such"])
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode().splitlines()[-1],
                         "^cwsandbox-local: --rootfs /no/such: No such file or directory; give a root folder, .*debootstrap.*"
                         "tarball.*docker export")

    def test_who_names_a_shared_folder_is_told_to_make_one_of_his_own_and_never_to_change_it(self):
        shared = self.world.path("shared")
        os.mkdir(shared)
        for mode, says in ((0o1777, "mkdir -m 700"), (0o777, "mkdir -m 700"), (0o755, "chmod 700")):
            os.chmod(shared, mode)
            done = self.world.run([program("cwsandbox-local"), "--fault-socket", os.path.join(shared, "socket")])
            said = done.stderr.decode().splitlines()[-1]
            self.assertEqual(done.returncode, 1)
            self.assertIn("%s has mode %04o" % (shared, mode), said)
            self.assertIn(says, said)
            self.assertEqual("chmod" in said, mode == 0o755)


if __name__ == "__main__":
    suite.main()
