"""The official command line, unmodified, against our service and against the independent one"""
import hashlib
import json
import os
import re
import signal

import services  # first: it finds the other helpers
import suite
from services import OFFICIAL, PINNED, over_every_service
from terminal import Terminal, until

FIFTY_MB = 50 * 1000 * 1000


@over_every_service()
class Commands:
    @classmethod
    def begin(cls):
        cls.id = cls.create("sh", "-c", "echo first; echo second; exec sleep infinity", tags=["interop"])

    def test_it_is_the_pinned_version(self):
        self.assertEqual(self.official_ok("--version").decode().strip(), "cwsandbox, version " + PINNED)

    def test_ls_shows_the_sandbox_as_running(self):
        out = self.official_ok("ls").decode()
        self.assertRegex(out, r"(?m)^%s +running +\S+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$" % self.id)
        rows = json.loads(self.official_ok("ls", "-o", "json", "-t", "interop", "-s", "running"))
        self.assertEqual([r["sandbox_id"] for r in rows], [self.id])

    def test_ls_filters_by_tag_and_state_on_the_server(self):
        self.assertEqual(self.official_ok("ls", "-t", "no-such-tag"), b"No sandboxes found.\n")
        self.assertEqual(json.loads(self.official_ok("ls", "-o", "json", "-s", "failed")), [])
        self.assertEqual(json.loads(self.official_ok("ls", "-o", "json", "-T", "no-such-runner")), [])

    def test_get_shows_state_and_container(self):
        out = self.official_ok("get", self.id).decode()
        self.assertRegex(out, r"(?m)^STATUS +running$")
        self.assertIn("main (primary)  python:3.11", out)
        shown = json.loads(self.official_ok("get", self.id, "-o", "json"))
        self.assertEqual(shown["status"], "running")
        self.assertEqual(shown["containers"], [{"name": "main", "image": "python:3.11", "primary": True}])

    def test_an_unknown_sandbox_is_called_not_found(self):
        for args in (("get",), ("exec", "true"), ("logs",), ("stop",), ("delete",), ("files", "read", "/x")):
            with self.subTest(args=args):
                head, rest = (args[:2], args[2:]) if args[0] == "files" else (args[:1], args[1:])
                code, out, err = self.official(*head, "no-such-sandbox", *rest)
                self.assertEqual((code, out), (1, b""))
                self.assertEqual(err, b"Error: Sandbox 'no-such-sandbox' not found\n")

    def test_a_wrong_key_is_refused_and_says_so(self):
        code, out, err = self.official("ls", env={"CWSANDBOX_API_KEY": "wrong"})
        self.assertEqual((code, out), (1, b""))
        self.assertRegex(err, rb"^Error: Authentication failed: ")

    def test_no_key_is_refused_and_says_so(self):
        code, out, err = self.official("ls", env={"CWSANDBOX_API_KEY": ""})
        self.assertEqual((code, out), (1, b""))
        self.assertRegex(err, rb"^Error: Authentication failed: ")

    def test_exec_keeps_stdout_and_stderr_apart_and_returns_the_code(self):
        code, out, err = self.official("exec", self.id, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((code, out, err), (3, b"out\n", b"err\n"))

    def test_exec_codes_of_signals_and_big_numbers(self):
        self.assertEqual(self.official("exec", self.id, "--", "sh", "-c", "kill -9 $$")[0], 137)
        self.assertEqual(self.official("exec", self.id, "--", "sh", "-c", "kill -15 $$")[0], 143)
        self.assertEqual(self.official("exec", self.id, "false")[0], 1)

    def test_exec_in_a_folder(self):
        self.assertEqual(self.official_ok("exec", "-w", "/usr", self.id, "pwd"), b"/usr\n")

    def test_exec_ends_at_its_timeout(self):
        code, out, err = self.official("exec", "-t", "0.5", self.id, "sleep", "1000")
        self.assertEqual((code, out), (1, b""))
        self.assertEqual(err, b"Error: Command sleep 1000 timed out after 0.5s\n")

    def test_exec_in_the_primary_container_by_name(self):
        self.assertEqual(self.official_ok("exec", "--container", "main", self.id, "echo", "x"), b"x\n")

    def test_fifty_megabytes_come_through_exec_unchanged(self):
        line = b"0123456789abcdefghijklmnopqrstuvwxyz\n"
        want = hashlib.sha256((line * (FIFTY_MB // len(line) + 1))[:FIFTY_MB]).hexdigest()
        out = self.official_ok("exec", self.id, "--", "sh", "-c", "yes %s | head -c %d" % (
            line.decode().strip(), FIFTY_MB))
        self.assertEqual((len(out), hashlib.sha256(out).hexdigest()), (FIFTY_MB, want))

    def test_exec_without_input_sees_the_end_of_it(self):
        self.assertEqual(self.official_ok("exec", self.id, "cat", input=b"not forwarded"), b"")

    def folder(self):
        return self.official_ok("exec", self.id, "mktemp", "-d").decode().strip()

    def test_files_of_0_bytes_1_byte_10_mb_and_40_mb_come_back_unchanged(self):
        folder = self.folder()
        for size in (0, 1, 10_000_000, 40_000_000):  # the last is over the client's limit for one message
            with self.subTest(size=size):
                data = os.urandom(size)
                path = self.world.write("file-%d" % size, data)
                said = self.official_ok("files", "write", self.id, folder + "/f", path)
                self.assertEqual(said.decode(), "Wrote %d bytes to %s/f.\n" % (size, folder))
                self.assertEqual(self.official_ok("exec", self.id, "sha256sum", folder + "/f").split()[0].decode(),
                                 hashlib.sha256(data).hexdigest())
                self.official_ok("files", "read", self.id, folder + "/f", "-o", path + ".back")
                with open(path + ".back", "rb") as f:
                    self.assertTrue(f.read() == data, "the file that came back differs")

    def test_a_missing_file_and_a_folder_are_refused_by_reason(self):
        folder = self.folder()
        for path, reason in ((folder + "/none", b"NOT_FOUND"), (folder, b"IS_DIRECTORY")):
            code, out, err = self.official("files", "read", self.id, path)
            self.assertEqual((code, out), (1, b""))
            self.assertTrue(err.startswith(b"Error: File operation failed (CWSANDBOX_FILE_" + reason + b"): "), err)

    def test_logs_are_those_of_the_main_process(self):
        self.official_ok("exec", self.id, "echo", "not in the logs")
        self.assertEqual(self.official_ok("logs", self.id), b"first\nsecond\n")
        self.assertEqual(self.official_ok("logs", "--tail", "1", self.id), b"second\n")

    def test_logs_are_followed_until_ctrl_c(self):
        box = self.create("sh", "-c", "for i in 1 2 3 4 5 6; do sleep 0.2; echo line $i; done; exec sleep infinity")
        t = Terminal([OFFICIAL, "logs", "-f", box], env=self.world.env).see("line 3")
        self.assertEqual(t.see("line 6").interrupted(), 0)
        self.official_ok("delete", box)

    def test_stop_waits_for_the_end_and_get_shows_it(self):
        box = self.create("sleep", "infinity")
        self.assertEqual(self.official_ok("stop", "--graceful-shutdown-seconds", "1", box).decode(),
                         "Stopped sandbox %s.\n" % box)
        self.assertRegex(self.official_ok("get", box).decode(), r"(?m)^STATUS +(terminated|completed|failed)$")
        self.assertNotIn(box.encode(), self.official_ok("ls"))

    def test_a_main_process_that_ends_takes_the_sandbox_with_it(self):
        good = self.sdk("s = cwsandbox.Sandbox.run('sh', '-c', 'sleep 1; exit 0', container_image='python:3.11')\n"
                        "s.wait_until_complete(60).result()\nprint(s.status, s.returncode)")
        self.assertEqual(good.splitlines()[-1], "completed 0")

    def test_delete_and_stop_may_miss(self):
        self.assertEqual(self.official_ok("delete", "--missing-ok", "nope"), b"Deleted sandbox nope.\n")
        self.assertEqual(self.official_ok("stop", "--missing-ok", "nope"), b"Sandbox nope is already missing.\n")


@over_every_service()
class Shell:
    @classmethod
    def begin(cls):
        cls.id = cls.create()

    def shell(self, *args, **size):
        t = Terminal([OFFICIAL, "sh", self.id] + list(args), env=self.world.env, **size)
        until(lambda: t.screen.text().strip() != "", "a prompt")
        t.type("PS1='go> '\r").see_line("go>")
        return t

    def test_a_shell_computes_resizes_and_exits_with_its_code(self):
        t = self.shell(cols=70, rows=20)
        t.type("stty size\r").see_line("20 70")
        t.type("echo $((6*7)); tty\r").see_line("42")
        t.resize(91, 33)
        t.type("until [ \"$(stty size)\" = '33 91' ]; do sleep 0.1; done; stty size\r").see_line("33 91")
        t.type("exit 5\r")
        self.assertEqual(t.exit_code(), 5)
        self.assertEqual(t.harm(), [])

    def test_ctrl_c_ends_what_runs_and_not_the_shell(self):
        t = self.shell()
        t.type("sh -c 'echo r''uns; exec sleep 1000'\r").see_line("runs")
        t.type("\x03")
        t.type("echo $?\r")
        until(lambda: "130" in t.screen.text(), "the code of the interrupted command")
        t.type("exit 0\r")
        self.assertEqual(t.exit_code(), 0)

    def test_ctrl_d_ends_the_shell(self):
        t = self.shell()
        t.type("\x04")
        self.assertEqual(t.exit_code(), 0)

    def test_vim_draws_its_screen_and_goes_without_a_trace(self):
        t = self.shell()
        t.type("command -v vim.tiny vim less | head -1\r")
        until(lambda: re.search("/(vim|less)", t.screen.text()), "a full-screen program's name")
        editor = re.search(r"/\S*/(vim.tiny|vim|less)\b", t.screen.text()).group(0)
        t.type("clear\r")
        if editor.endswith("less"):
            t.type("seq 1000 | less\r").see_line("1").type("G").see_line("1000").type("q")
        else:
            t.type("%s -u NONE -i NONE -n\r" % editor)
            until(lambda: t.screen.alternate, "the alternate screen")
            t.type("ihello, world\x1b")
            until(lambda: t.screen.line(0) == "hello, world", "the text in vim")
            t.type(":q!\r")
        until(lambda: not t.screen.alternate, "the primary screen")
        t.type("exit 3\r")
        self.assertEqual(t.exit_code(), 3)

    def test_another_shell_is_run_by_cmd(self):
        t = Terminal([OFFICIAL, "sh", self.id, "--cmd", "sh -c 'echo from-$0; exit 9' cmd"], env=self.world.env)
        self.assertEqual(t.exit_code(), 9)
        self.assertIn("from-cmd", t.screen.text())

    def test_the_shell_of_a_killed_client_ends(self):
        t = self.shell()
        program = "sleep 42%d" % os.getpid()
        t.type("exec %s\r" % program).see(program)
        until(lambda: self.count(program) == 1, "the program")
        t.kill(signal.SIGKILL)
        self.gone(program)


if __name__ == "__main__":
    suite.main()
