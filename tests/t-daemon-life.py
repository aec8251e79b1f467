#!/usr/bin/env python3
"""cwsandboxd as a process: one per user, its socket, its start and its end, what it lets nobody see"""
import array
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import procs
import suite
from terminal import LIMIT, until
from world import WorldCase, program, read

NOBODY = 65534


def fds(pid):
    """Its file descriptors, number to what it is. It lets nobody but root look (C09)."""
    try:
        return procs.fds(pid)
    except PermissionError:
        raise unittest.SkipTest("only root may look into the daemon") from None


def environment(pid):
    try:
        with open("/proc/%d/environ" % pid, "rb") as f:
            return f.read()
    except PermissionError:
        return b""  # nobody but root may look


def tries(world, daemon):
    """How often it said that the socket is gone."""
    return world.errors(daemon).count("making it again")


def connects(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


class Flags(WorldCase):
    def refused(self, *args, env=None):
        done = self.world.run([program("cwsandboxd")] + list(args), env=env)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done.returncode, done.stderr.decode()

    def test_help_and_version_go_to_stdout(self):
        for flag, word in (("--help", "Usage: cwsandboxd"), ("--version", "cwsandboxd 0.")):
            done = self.world.run([program("cwsandboxd"), flag])
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(word, done.stdout.decode())

    def test_wrong_usage_is_exit_2(self):
        for args in (["--nonsense"], ["--config"], ["extra"]):
            self.assertEqual(self.world.run([program("cwsandboxd")] + args).returncode, 2)

    def test_a_bad_configuration_is_one_line_that_names_its_own(self):
        path = self.world.write("bad.conf", "log-bytes = 4M\nlog-byte = 4M\n")
        code, said = self.refused("--config", path)
        self.assertEqual(code, 1)
        self.assertIn(path + ", line 2", said)
        code, said = self.refused("--config", self.world.path("none.conf"))
        self.assertEqual(code, 1)
        self.assertIn("none.conf", said)
        code, said = self.refused("--config", self.world.write("size.conf", "size = big\n"))
        self.assertEqual(code, 1)
        self.assertIn("lead, latest", said)

    def test_a_value_that_could_never_work_is_refused_with_its_line_and_a_password_is_not_repeated(self):
        for key, value, why in (("url", "ftp://x", "The URL must be https://"), ("url", "http://example.com", "Clear text"),
                                ("url", "https://u:secret@x", "The URL"), ("auth", "basic", "coreweave_api_key nor wandb"),
                                ("proxy", "socks5://x", "The proxy must be http://"),
                                ("proxy", "http://u:secret@x:1", "name and password are not supported"),
                                ("ca-file", "ca.pem", "an absolute path"), ("key-file", "~/key", "an absolute path"),
                                ("size", "big", "none of lead, latest")):
            with self.subTest(key=key, value=value):
                code, said = self.refused("--config", self.world.write("bad.conf", "\n%s = %s\n" % (key, value)))
                self.assertEqual(code, 1)
                self.assertIn("bad.conf, line 2: %s: " % key, said)
                self.assertIn(why, said)
                self.assertNotIn("secret", said)

    def test_a_folder_that_others_can_enter_is_refused_and_nothing_is_left_in_it(self):
        folder = self.world.path("wide")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        code, said = self.refused("--socket", os.path.join(folder, "socket"))
        self.assertEqual(code, 1)
        self.assertIn("0700", said)
        self.assertEqual(os.listdir(folder), [])
        os.symlink(self.world.env["HOME"], self.world.path("link"))
        code, said = self.refused("--socket", self.world.path("link", "socket"))
        self.assertEqual(code, 1)
        self.assertIn("symbolic link", said)

    def test_a_file_that_may_not_grow_is_told_instead_of_a_death(self):
        for name in ("cwsandboxd", "cwsandbox-local"):
            done = self.world.run(["/bin/sh", "-c", 'ulimit -f 0; exec "$0"', program(name)])
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"File too large", done.stderr)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        code, said = self.refused("--socket", self.world.path("x" * 108))
        self.assertEqual(code, 1)
        self.assertIn("107", said)


class OneDaemon(WorldCase):
    def test_a_second_one_says_who_is_there_and_leaves(self):
        self.world.daemon()
        done = self.world.run([program("cwsandboxd"), "--socket", self.world.path("run", "other", "socket")])
        self.assertEqual(done.returncode, 1)
        self.assertIn(self.world.socket_path, done.stderr.decode())
        self.assertIn("cwsandbox daemon stop", done.stderr.decode())
        mpack.Peer(self.world.socket_path).close()

    def test_sec_c05_of_many_that_start_at_once_one_survives(self):
        for _ in range(3):
            started = [self.world.start([program("cwsandboxd")]) for _ in range(12)]
            until(lambda: connects(self.world.socket_path), "a socket")
            until(lambda: sum(p.poll() is None for p in started) == 1, "one survivor")
            mpack.Peer(self.world.socket_path).close()
            survivor = next(p for p in started if p.poll() is None)
            self.assertEqual([p.poll() for p in started if p is not survivor], [1] * 11)
            survivor.terminate()
            self.assertEqual(survivor.wait(LIMIT), 0)

    def test_one_that_starts_while_another_goes_waits_for_that(self):
        first = self.world.daemon()
        os.kill(first.pid, signal.SIGSTOP)
        os.unlink(self.world.socket_path)  # as at its end: the lock is still held
        second = self.world.start([program("cwsandboxd")])
        time.sleep(0.3)  # long enough to be refused
        self.assertIsNone(second.poll(), self.world.errors(second))
        first.kill()
        until(lambda: connects(self.world.socket_path), "the second's socket")
        self.assertEqual(mpack.Peer(self.world.socket_path).welcome["pid"], second.pid)

    def test_what_a_killed_one_left_is_taken_over(self):
        first = self.world.daemon()
        first.kill()
        first.wait(LIMIT)
        self.assertTrue(os.path.exists(self.world.socket_path))
        second = self.world.daemon()
        self.assertEqual(mpack.Peer(self.world.socket_path).welcome["pid"], second.pid)

    def test_the_lock_names_the_socket(self):
        self.world.daemon()
        self.assertEqual(read(self.world.path("state", "cwsandboxd", "lock")), self.world.socket_path + "\n")


class Socket(WorldCase):
    def test_sec_c02_only_we_can_reach_it_whatever_the_umask(self):
        self.world.start(["/bin/sh", "-c", "umask 0; exec \"$0\"", program("cwsandboxd")])
        until(lambda: connects(self.world.socket_path), "the socket")
        self.assertEqual(stat.S_IMODE(os.stat(self.world.socket_path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.world.socket_path)).st_mode), 0o700)

    def test_sec_c06_a_deleted_socket_is_made_again(self):
        self.world.daemon()
        old = mpack.Peer(self.world.socket_path)
        os.unlink(self.world.socket_path)
        until(lambda: connects(self.world.socket_path), "a new socket")
        mpack.Peer(self.world.socket_path).close()
        self.assertEqual(old.call("daemon.status")["pid"], old.welcome["pid"])
        os.rename(os.path.dirname(self.world.socket_path), self.world.path("moved-away"))
        until(lambda: connects(self.world.socket_path), "a new folder and socket")

    def test_fault_f36_a_socket_that_cannot_be_made_again_is_once_it_can(self):
        daemon = self.world.daemon()
        old = mpack.Peer(self.world.socket_path)
        folder = os.path.dirname(self.world.socket_path)
        os.chmod(folder, 0o755)  # others may come in: no place for it
        other = os.path.join(folder, "other")
        for n in range(2):  # each tried at the next change of the folder
            name = self.world.socket_path if n == 0 else other
            open(other, "w").close()
            os.unlink(name)
            until(lambda: tries(self.world, daemon) > n, "another try")
        self.assertEqual(old.call("daemon.status")["pid"], daemon.pid)
        os.chmod(folder, 0o700)
        open(other, "w").close()
        os.unlink(other)
        until(lambda: connects(self.world.socket_path), "a new socket")
        mpack.Peer(self.world.socket_path).close()

    @unittest.skipUnless(os.geteuid() == 0, "needs a second user")
    def test_sec_c04_another_user_gets_not_one_byte(self):
        self.world.daemon()
        for folder in (self.world.dir, self.world.path("run"), os.path.dirname(self.world.socket_path)):
            os.chmod(folder, 0o711)
        os.chmod(self.world.socket_path, 0o666)
        pid = os.fork()
        if pid == 0:
            code = 3
            try:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(self.world.socket_path)
                    code = 0 if s.recv(1) == b"" else 1
            except ConnectionError:
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_with_observe_a_second_socket_lets_clients_only_look(self):
        self.world.daemon("--config", self.world.write("conf", "observe = yes\n"))
        path = os.path.join(os.path.dirname(self.world.socket_path), "observe.sock")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        p = mpack.Peer(path)
        self.assertTrue(p.welcome["observer"])
        self.assertEqual(p.call("session.list")["sessions"], [])
        with self.assertRaises(mpack.RpcError) as caught:
            p.call("daemon.shutdown")
        self.assertEqual(caught.exception.code, "denied")
        self.assertFalse(mpack.Peer(self.world.socket_path).welcome["observer"])

    def test_passed_fds_are_never_received(self):
        daemon = self.world.daemon()
        p = mpack.Peer(self.world.socket_path)
        passed = self.world.write("passed", "")
        with open(passed, "rb") as f:
            frame = mpack.pack([0, 7, "daemon.status", []])
            p.sock.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f.fileno()] * 8))])
            p.answer(7)
            held = set(fds(daemon.pid).values())
        self.assertTrue(held)
        self.assertNotIn(passed, held)


class Patience(WorldCase):
    def test_sec_c17_silent_peers_hold_nobody_up_and_are_dropped(self):
        self.world.daemon()
        silent = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(LIMIT)
            s.connect(self.world.socket_path)
            silent.append(s)
        silent[0].sendall(b"\x94")  # a frame that never ends
        began = time.monotonic()
        mpack.Peer(self.world.socket_path).close()
        self.assertLess(time.monotonic() - began, 4)  # well before the silent ones are dropped
        for s in silent:
            while s.recv(4096):
                pass
            s.close()

    def test_one_beyond_max_clients_is_told_and_those_who_are_there_stay(self):
        self.world.daemon("--config", self.world.write("full.conf", "max-clients = 2\n"))
        peers = [mpack.Peer(self.world.socket_path) for _ in range(2)]
        done = self.world.cli("sessions")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"as many clients as it may", done.stderr)
        self.assertEqual(peers[0].call("daemon.status")["clients"], 2)
        peers.pop().close()
        until(lambda: self.world.cli("sessions").returncode == 0, "room for one")
        peers[0].close()

    def test_fault_f28_a_burst_of_clients_is_taken_to_the_last(self):
        daemon = self.world.daemon()
        os.kill(daemon.pid, signal.SIGSTOP)  # so that they all come in one turn
        peers = [mpack.Peer(self.world.socket_path, hello=False) for _ in range(300)]
        hellos = [p.ask("hello", {"min": 1, "max": 1, "client": "test", "pid": 1}) for p in peers]
        os.kill(daemon.pid, signal.SIGCONT)
        for p, number in zip(peers, hellos):
            self.assertEqual(p.answer(number)["pid"], daemon.pid)
            p.close()

    def test_sec_c17_a_crowd_of_silent_peers_keeps_nobody_out(self):
        self.world.daemon()
        silent = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        for s in silent:
            s.connect(self.world.socket_path)
        began = time.monotonic()
        mpack.Peer(self.world.socket_path).close()
        self.assertLess(time.monotonic() - began, 4)  # well before the silent ones' 5 s
        for s in silent:
            s.close()

    def test_sec_c21_without_a_free_fd_a_newcomer_is_told_and_the_daemon_rests(self):
        daemon = self.world.daemon()
        old = mpack.Peer(self.world.socket_path)
        until(lambda: old.call("daemon.status")["clients"] == 1, "the end of others")
        old.call("daemon.status")  # a turn later all that was closed is freed
        used = fds(daemon.pid)
        free = min(set(range(1000)) - set(used))
        soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (free, hard))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(self.world.socket_path)
            unpacker = mpack.Unpacker(s.recv(4096))
            self.assertEqual(unpacker.next(), [2, "shutdown", [{"reason": "full"}]])
        spent = cpu(daemon.pid)
        time.sleep(1.5)
        self.assertLess(cpu(daemon.pid) - spent, 0.5)
        self.assertEqual(old.call("daemon.status")["pid"], daemon.pid)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
        mpack.Peer(self.world.socket_path).close()

    def test_sec_c11_clients_that_die_while_they_are_written_to_harm_nothing(self):
        daemon = self.world.daemon()
        for _ in range(200):
            p = mpack.Peer(self.world.socket_path)
            p.send_raw(b"".join(mpack.pack([0, i, "daemon.status", []]) for i in range(40)))
            p.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            p.close()
        p = mpack.Peer(self.world.socket_path)
        until(lambda: p.call("daemon.status")["clients"] == 1, "the end of the dead")
        self.assertIsNone(daemon.poll())


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TheEnd(WorldCase):
    def test_sigterm_tells_the_clients_and_ends_with_0(self):
        daemon = self.world.daemon()
        p = mpack.Peer(self.world.socket_path)
        daemon.terminate()
        self.assertEqual(p.note("shutdown")[1], {"reason": "terminated"})
        self.assertRaises(EOFError, p.read_frame)
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.assertFalse(os.path.exists(self.world.socket_path))

    def test_it_ends_as_well_while_newcomers_wait_for_a_place(self):
        daemon = self.world.daemon()
        p = mpack.Peer(self.world.socket_path)
        os.kill(daemon.pid, signal.SIGSTOP)  # so that the end and the crowd come in one turn
        silent = [socket.socket(socket.AF_UNIX) for _ in range(200)]
        for s in silent:
            s.connect(self.world.socket_path)
        daemon.terminate()
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertEqual(p.note("shutdown")[1], {"reason": "terminated"})
        self.assertEqual(daemon.wait(LIMIT), 0)
        for s in silent:
            s.close()

    def test_fault_f23_a_client_that_reads_nothing_holds_the_end_up_for_10_s_at_most(self):
        daemon = self.world.daemon()
        p = mpack.Peer(self.world.socket_path)
        p.sock.setblocking(False)
        try:
            while True:
                p.sock.send(mpack.pack([0, 1, "daemon.status", []]) * 100)
        except BlockingIOError:
            pass
        began = time.monotonic()
        daemon.terminate()
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.assertLess(time.monotonic() - began, 10)

    def test_a_client_may_ask_for_it(self):
        daemon = self.world.daemon()
        p = mpack.Peer(self.world.socket_path)
        self.assertEqual(p.call("daemon.shutdown"), {})
        p.note("shutdown")
        self.assertEqual(daemon.wait(LIMIT), 0)


class Secrecy(WorldCase):
    def test_sec_c12_inherited_fds_are_closed_and_stdio_is_nobodys_pipe(self):
        read_end, write_end = os.pipe()
        daemon = self.world.start([program("cwsandboxd")], stdout=write_end, pass_fds=(write_end,))
        os.close(write_end)
        until(lambda: connects(self.world.socket_path), "the socket")
        self.assertEqual(os.read(read_end, 1), b"")  # the pipe ends though the daemon runs
        os.close(read_end)
        self.assertIsNone(daemon.poll())
        fds(daemon.pid)
        for number in (0, 1):
            self.assertEqual(os.readlink("/proc/%d/fd/%d" % (daemon.pid, number)), "/dev/null")
        self.assertEqual(os.readlink("/proc/%d/cwd" % daemon.pid), "/")

    def test_sec_c08_c09_the_key_is_not_in_the_environment_and_no_core_is_written(self):
        daemon = self.world.daemon(env={"CWSANDBOX_API_KEY": "canary-key", "CWSANDBOX_BASE_URL": "https://a.example"})
        with open("/proc/%d/limits" % daemon.pid) as f:
            self.assertIn("Max core file size        0                    0", f.read())
        with open("/proc/%d/status" % daemon.pid) as f:
            self.assertIn("NoNewPrivs:\t1", f.read())
        started = [daemon.pid] + [int(p) for p in read("/proc/%d/task/%d/children" % (daemon.pid, daemon.pid)).split()]
        self.assertEqual(len(started), 2)  # it and what starts programs for it
        for pid in started:  # what starts programs wipes its own a moment after it was started itself
            until(lambda: b"canary" not in environment(pid), "an environment without the key")


    @unittest.skipUnless(os.geteuid() == 0, "only root may look into the daemon")
    def test_sec_c09_of_a_client_s_key_there_is_one_copy_however_it_came(self):
        daemon = self.world.daemon()
        other = mpack.Peer(self.world.socket_path)

        def hello(**more):
            fields = {"min": 1, "max": 1, "client": "test", "pid": 1, "endpoint": {"url": "https://a.example"},
                      "key": "canary" + "-" * 2000 + "bird"}
            return mpack.pack([0, 1, "hello", [dict(fields, **more)]])

        def send(data, *cuts):
            p = mpack.Peer(self.world.socket_path, hello=False)
            for begin, end in zip((0,) + cuts, cuts + (len(data),)):
                p.send_raw(data[begin:end])
                other.call("daemon.status")  # so far it was read
            return p
        whole, torn = send(hello()), send(hello(), 40, 900, 1500)
        half, bad = send(hello()[:-1], 40, 900), send(hello(max=0), 700)
        for p in (whole, torn):
            self.assertEqual(p.answer(1)["pid"], daemon.pid)
        self.assertRaises(mpack.RpcError, bad.answer, 1)
        half.close()
        until(lambda: other.call("daemon.status")["clients"] == 3, "the end of two")
        other.call("daemon.status")  # a turn later what was closed is freed
        for end in (b"canary-", b"-bird"):
            self.assertEqual(copies(daemon.pid, end), 1)


def copies(pid, needle):
    """How often it is in memory that may be written, but for what is too large to be anything but a sanitizer's."""
    found = 0
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for begin, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps.read(), re.M):
            n = int(end, 16) - int(begin, 16)
            if n <= 1 << 26:
                memory.seek(int(begin, 16))
                found += memory.read(n).count(needle)
    return found


class Systemd(WorldCase):
    """As systemd starts it: a socket on fd 3, a notification socket, a watchdog."""

    def activate(self, mode=0o600, **env):
        folder = os.path.dirname(self.world.socket_path)
        os.makedirs(folder, 0o700, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.world.socket_path)
        os.chmod(self.world.socket_path, mode)
        listener.listen(16)
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(self.world.path("notify"))
        self.notices.settimeout(LIMIT)
        self.addCleanup(self.notices.close)

        def to_fd_3():
            os.dup2(listener.fileno(), 3)
        script = "LISTEN_PID=$$ WATCHDOG_PID=$$ exec \"$0\""
        daemon = self.world.start(["/bin/sh", "-c", script, program("cwsandboxd")], preexec_fn=to_fd_3,
                                  pass_fds=(3,), env=dict(self.world.env, LISTEN_FDS="1",
                                                          NOTIFY_SOCKET=self.world.path("notify"), **env))
        listener.close()
        return daemon

    def notice(self, word):
        while True:
            if word in self.notices.recv(4096).decode().split("\n"):
                return

    def has_systemd(self):
        return b"libsystemd" in subprocess.run(["ldd", program("cwsandboxd")], stdout=subprocess.PIPE).stdout

    def setUp(self):
        super().setUp()
        if not self.has_systemd():
            self.skipTest("built without systemd")

    def test_it_serves_the_socket_it_is_handed_and_says_how_it_fares(self):
        daemon = self.activate(WATCHDOG_USEC="200000")
        self.notice("READY=1")
        self.notice("WATCHDOG=1")
        self.notice("WATCHDOG=1")
        self.assertEqual(mpack.Peer(self.world.socket_path).call("daemon.status")["socket"], self.world.socket_path)
        daemon.terminate()
        self.notice("STOPPING=1")
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.assertTrue(os.path.exists(self.world.socket_path))  # systemd's, not ours

    def test_sec_c03_a_socket_that_others_can_reach_is_refused(self):
        daemon = self.activate(mode=0o666)
        self.assertEqual(daemon.wait(LIMIT), 1)
        self.assertIn("SocketMode=0600", self.world.errors(daemon))

    def test_sec_c03_the_units_ask_for_no_more(self):
        source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        unit = read(os.path.join(source, "systemd", "cwsandboxd.socket"))
        self.assertIn("\nSocketMode=0600\n", unit)
        self.assertIn("\nDirectoryMode=0700\n", unit)
        self.assertIn("\nType=notify\n", read(os.path.join(source, "systemd", "cwsandboxd.service.in")))


if __name__ == "__main__":
    suite.main()
