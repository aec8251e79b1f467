"""Our command line beside the official one, on the same service: the same words, the same codes"""
import itertools
import os
import re

import services  # first: it finds the other helpers
import suite

counter = itertools.count()


@services.over_every_service("LocalTls", "Independent")
class Compare:
    @classmethod
    def begin(cls):
        cls.daemon = cls.world.daemon()
        cls.id = cls.create("sh", "-c", "echo one; echo two; printf three; exec sleep infinity", tags=["c"])

    def both(self, *args, stderr=True, env=None):
        """Runs both; they must agree. Returns what they said."""
        ours = self.world.cli(*args, env=env)
        code, out, err = self.official(*args, env=env)
        self.assertEqual((ours.returncode, ours.stdout), (code, out), "cwsandbox " + " ".join(args))
        if stderr:
            self.assertEqual(ours.stderr.decode(), err.decode())
        return code, out, err

    def test_ls_and_get(self):
        for args in (("ls",), ("ls", "-o", "json"), ("ls", "-t", "c"), ("ls", "-s", "running"), ("ls", "-t", "none"),
                     ("ls", "-o", "json", "-t", "none"), ("get", self.id), ("get", self.id, "-o", "json"),
                     ("get", "-ojson", self.id), ("get", "--output=JSON", self.id), ("ls", "-sRUNNING")):
            with self.subTest(args=args):
                self.assertEqual(self.both(*args)[0], 0)

    def test_exec(self):
        for args in (("echo", "x"), ("--", "sh", "-c", "echo a; echo b >&2; exit 4"), ("-w", "/usr", "pwd"),
                     ("sh", "-c", "kill -9 $$"), ("printf", "no newline"), ("true",), ("--", "false")):
            with self.subTest(args=args):
                self.both("exec", self.id, *args)
        self.both("exec", self.id, "-t", "0.5", "sleep", "100")
        self.both("exec", "--container", "main", self.id, "echo", "in")

    def test_logs(self):
        for args in ((), ("--tail", "2"), ("--since", "2020-01-01"), ("--tail", "0"), ("--since", "2199-01-01 00:00:00"),
                     ("--container", "main"), ("--container", "none"), ("--since", "2020-01-01T10:20:30", "--tail=1"),
                     ("-t", "--tail", "1")):
            with self.subTest(args=args):
                self.both("logs", self.id, *args)

    def test_files(self):
        folder = self.official_ok("exec", self.id, "mktemp", "-d").decode().strip()
        path = self.world.write("upload", os.urandom(70000))
        self.both("files", "write", self.id, folder + "/f", path)
        self.both("files", "write", "-q", self.id, folder + "/f", path)
        self.both("files", "read", self.id, folder + "/f")
        self.both("files", "read", self.id, folder + "/none")
        self.both("files", "read", self.id, folder)
        self.both("files", "write", self.id, folder + "/f", "/no/such/file")
        self.both("files", "read", self.id, folder + "/f", "-o", self.world.dir)

    def test_missing_sandboxes(self):
        for args in (("get",), ("stop",), ("delete",), ("logs",), ("stop", "--missing-ok"), ("delete", "--missing-ok"),
                     ("delete", "--missing-ok", "-q")):
            with self.subTest(args=args):
                self.both(*args, "no-such-sandbox")
        self.both("exec", "no-such-sandbox", "true")

    def test_wrong_key(self):
        self.both("ls", env={"CWSANDBOX_API_KEY": "wrong"})
        self.both("--auth", "coreweave_api_key", "ls", env={"CWSANDBOX_API_KEY": ""})

    def test_usage_errors(self):
        for args in (("ls", "--nope"), ("ls", "extra"), ("get",), ("exec", "x"), ("ls", "-o", "xml"),
                     ("exec", "-t", "0", "x", "y"), ("exec", "-t", "abc", "x", "y"), ("files", "read", "x"),
                     ("files", "nope"), ("logs", "--tail", "-1", "x"), ("ls", "-s", "nope"), ("ls", "-o"),
                     ("stop", "--request-id", "r", "x"), ("stop", "--no-wait-for-snapshot", "x"), ("sh", "--cmd", "", "x"),
                     ("get", "--outpu", "json", "x"), ("delete", "-t", "0", "x")):
            with self.subTest(args=args):
                ours = self.world.cli(*args)
                code, out, err = self.official(*args)
                self.assertEqual((ours.returncode, ours.stdout), (code, out))
                # the usage line names our added options too; the error is the same, but for a guess at what was meant
                want = re.sub(r" [(]?Did you mean .*", "", err.decode().splitlines()[-1])
                self.assertEqual(ours.stderr.decode().splitlines()[-1], want)
                self.assertEqual(ours.stderr.startswith(b"Usage: cwsandbox"), err.startswith(b"Usage: cwsandbox"))

    def test_sh_without_a_terminal(self):
        self.both("sh", self.id)

    def test_snapshots_say_the_same(self):
        box = self.with_volume()
        made = self.world.ok("snapshots", "create", box)
        for args in (("list",), ("list", "-o", "json"), ("list", "-s", "failed"), ("list", "-s", "READY", "-o", "JSON"),
                     ("list", "--source-sandbox-id", "none", "-o", "json"), ("get", made), ("get", made, "-o", "json"),
                     ("get", "-t", "60", made), ("list", "--source-sandbox-id", box),
                     ("get", "no-such"), ("delete", "no-such"), ("delete", "no-such", "--missing-ok"),
                     ("delete", "-q", "no-such", "--missing-ok"), ("create", "no-such"), ("create", self.id)):
            self.both("snapshots", *args)
        self.both("stop", self.id, "--snapshot-on-stop")
        self.both("stop", "no-such", "--snapshot-on-stop")
        key = ("snapshots", "create", box, "--request-id", "the-same", "-o", "json")
        self.both(*key)
        self.world.ok("stop", box, "--graceful-shutdown-seconds", "0")
        self.both("stop", box, "--snapshot-on-stop")
        self.both(*key)

    def test_each_data_plane(self):
        path = self.world.write("small", b"some bytes")
        for mode in ("gateway", "auto", "AUTO"):  # ours has no other way, and says so when it is told to
            with self.subTest(mode=mode):
                plane = ("--data-plane-mode", mode)
                self.both("exec", *plane, self.id, "--", "sh", "-c", "echo by $0; exit 3", "plane")
                self.both("logs", *plane, self.id)
                self.both("files", "write", *plane, self.id, "/tmp/compare-%d" % os.getpid(), path)
                self.both("files", "read", *plane, self.id, "/tmp/compare-%d" % os.getpid())
        self.shell("rm /tmp/compare-%d" % os.getpid())
        self.assertIn(b"--data-plane-mode gateway", self.world.cli("exec", "--data-plane-mode", "direct", self.id, "x").stderr)

    def test_names_of_containers(self):
        for container in ("main", "", " ", "none"):
            with self.subTest(container=container):
                self.both("exec", "--container", container, self.id, "echo", "in")
                self.both("files", "read", "--container", container, self.id, "/etc/hostname")

    # ---- what changes the sandbox: each on one of its own ----

    @classmethod
    def with_volume(cls):
        mount = "/tmp/cws-compare-%d-%d" % (os.getpid(), next(counter))
        return cls.sdk("s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11', volumes=[cwsandbox."
                       "ScratchVolumeOptions(name='data', mount_path=%r)])\ns.wait(60)\nprint(s.sandbox_id)" % mount)

    def said(self, run, box, *args):
        """What it says of that sandbox, its name and those of snapshots left out."""
        done = run(*args, box)
        code, out, err = done if isinstance(done, tuple) else (done.returncode, done.stdout, done.stderr)
        out, err = (re.sub(re.escape(box), "ID", text.decode()) for text in (out, err))
        return code, re.sub(r"(?m)((?<=Snapshot )|^|(?<=: \"))(fss-|snap-)?[0-9a-f-]{12,}", "SNAPSHOT", out), err

    def same(self, make, *args):
        ours, theirs = self.said(self.world.cli, make(), *args), self.said(self.official, make(), *args)
        self.assertEqual(ours, theirs)
        return ours

    def test_stop_and_delete_say_the_same(self):
        for args in (("stop", "--graceful-shutdown-seconds", "0"), ("stop", "-q", "--graceful-shutdown-seconds", "0.5"),
                     ("delete",), ("delete", "-q"), ("delete", "--missing-ok", "-t", "60")):
            with self.subTest(args=args):
                self.assertEqual(self.same(self.create, *args)[0], 0)

    def test_a_stop_with_a_snapshot_says_the_same(self):
        stop = ("stop", "--snapshot-on-stop", "--graceful-shutdown-seconds", "0")
        for args in (stop, stop + ("-q",), stop + ("--no-wait-for-snapshot",), stop + ("--wait-for-snapshot",)):
            with self.subTest(args=args):
                self.assertEqual(self.same(self.with_volume, *args)[0], 0)
        theirs = self.said(self.official, self.with_volume(), *stop, "--request-id", "theirs")
        self.assertEqual(self.said(self.world.cli, self.with_volume(), *stop, "--request-id", "ours"), theirs)

    def test_a_stop_with_a_snapshot_of_nothing_says_the_same(self):
        self.same(self.create, "stop", "--snapshot-on-stop", "--graceful-shutdown-seconds", "0")

    def test_snapshots_are_made_alike(self):
        box = self.with_volume()
        for args in ((), ("--no-wait",), ("--wait",), ("-o", "json"), ("--timeout", "60")):
            with self.subTest(args=args):
                self.assertEqual(self.same(lambda: box, "snapshots", "create", *args)[0], 0)
        self.same(self.create, "snapshots", "create")

    def test_groups_without_a_command(self):
        for args in ((), ("files",), ("snapshots",)):
            ours, theirs = self.world.cli(*args), self.official(*args)
            self.assertEqual((ours.returncode, ours.stdout), theirs[:2])
            self.assertEqual(ours.stderr[:16], theirs[2][:16])

    def test_every_official_option_is_ours_too(self):
        for command in ("ls", "get", "exec", "logs", "sh", "stop", "delete", "files read", "files write",
                        "snapshots create", "snapshots get", "snapshots list", "snapshots delete"):
            with self.subTest(command=command):
                theirs = self.official_ok(*command.split(), "--help").decode()
                ours = self.world.ok(*command.split(), "--help")
                options = set(re.findall(r"(?m)(?<![\w-])--?[a-z][a-z-]*", theirs.split("Options:")[1]))
                self.assertEqual([o for o in sorted(options) if o not in ours], [], ours)


if __name__ == "__main__":
    suite.main()
