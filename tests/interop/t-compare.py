"""Our command line beside the official one, on the same service: the same words, the same codes"""
import os
import re

import services  # first: it finds the other helpers
import suite


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
        self.both("exec", self.id, "-t", "1", "sleep", "100")
        self.both("exec", "--container", "main", self.id, "echo", "in")

    def test_logs(self):
        for args in ((), ("--tail", "2"), ("--since", "2020-01-01"), ("--tail", "0")):
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
        box = self.sdk("from cwsandbox import ScratchVolumeOptions as V\n"
                       "s = cwsandbox.Sandbox.run('sleep', 'infinity', container_image='python:3.11',"
                       " volumes=[V(name='data', mount_path='/data')])\n"
                       "s.wait(60)\nprint(s.sandbox_id)").splitlines()[-1]
        made = self.world.ok("snapshots", "create", box)
        for args in (("list",), ("list", "-o", "json"), ("list", "-s", "failed"), ("list", "-s", "READY", "-o", "JSON"),
                     ("list", "--source-sandbox-id", "none", "-o", "json"), ("get", made), ("get", made, "-o", "json"),
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

    def test_stop_and_delete_say_the_same(self):
        def said(run, *args):
            box = self.create()
            code, out, err = run(*args, box)
            return code, re.sub(re.escape(box.encode()), b"ID", out), err

        def ours(*args):
            done = self.world.cli(*args)
            return done.returncode, done.stdout, done.stderr
        for args in (("stop", "--graceful-shutdown-seconds", "0"), ("stop", "-q", "--graceful-shutdown-seconds", "0"),
                     ("delete",), ("delete", "-q")):
            with self.subTest(args=args):
                self.assertEqual(said(ours, *args), said(self.official, *args))


if __name__ == "__main__":
    suite.main()
