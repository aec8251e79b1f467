#!/usr/bin/env python3
"""Commands and files through the daemon: every byte, both streams, the code"""
import hashlib
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import procs
import suite
from sessions import SessionCase
from terminal import until
from world import program


class Exec(SessionCase):
    def await_end(self, command):
        count = "n=0; for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f 2>/dev/null | grep -qx '%s' && n=$((n+1)); done; echo $n"
        until(lambda: self.world.ok("exec", self.sandbox, "--", "sh", "-c", count % command) == "0", "the end of " + command)

    def test_output_is_binary_safe_and_streams_are_apart(self):
        done = self.world.cli("exec", self.sandbox, "--", "sh", "-c", "printf '\\000\\377\\200x'; printf '\\001err' >&2")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"\x00\xff\x80x", b"\x01err"))

    def test_the_code_is_the_programs(self):
        for script, code in (("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)):
            with self.subTest(script=script):
                self.assertEqual(self.world.cli("exec", self.sandbox, "--", "sh", "-c", script).returncode, code)

    def test_stdin_is_forwarded_with_i_byte_by_byte(self):
        data = bytes(range(256)) * 4096
        done = self.world.cli("exec", "-i", self.sandbox, "cat", input=data)
        self.assertEqual((done.returncode, hashlib.sha256(done.stdout).digest()), (0, hashlib.sha256(data).digest()))

    def test_stdin_is_not_touched_without_i(self):
        out = self.world.run(["sh", "-c", '"$0" exec "$1" cat; cat', program("cwsandbox"), self.sandbox], input=b"mine")
        self.assertEqual(out.stdout, b"mine")

    def test_empty_stdin_ends_the_program(self):
        self.assertEqual(self.world.cli("exec", "-i", self.sandbox, "wc", "-c", input=b"").stdout.strip(), b"0")

    def whole(self):
        return self.world.cli("exec", self.sandbox, "rm", "/tmp/whole").returncode == 0

    def test_what_cannot_be_read_is_told_and_the_program_never_takes_it_for_the_end(self):
        script = '"$0" exec -i "$1" sh -c "cat; touch /tmp/whole" </'
        done = self.world.run(["sh", "-c", script, program("cwsandbox"), self.sandbox])
        self.assertEqual((done.returncode, done.stderr), (1, b"Error: cannot read the standard input: Is a directory\n"))
        self.await_end("cat ")
        self.assertFalse(self.whole())

    def test_a_caller_that_is_killed_is_no_end_of_its_input(self):
        command = [program("cwsandbox"), "exec", "-i", self.sandbox, "sh", "-c", "trap '' HUP; cat; touch /tmp/whole"]
        with subprocess.Popen(command, env=self.world.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as caller:
            caller.stdin.write(b"some\n")
            caller.stdin.flush()
            self.assertEqual(caller.stdout.readline(), b"some\n")
            caller.kill()
        self.await_end("cat ")
        self.assertFalse(self.whole())

    def test_fifty_megabytes_come_through_unchanged(self):
        done = self.world.cli("exec", self.sandbox, "--", "sh", "-c",
                              "head -c 50000000 /dev/urandom | tee /tmp/blob; sha256sum /tmp/blob >&2")
        self.assertEqual(done.returncode, 0)
        self.assertEqual((len(done.stdout), hashlib.sha256(done.stdout).hexdigest()),
                         (50000000, done.stderr.split()[0].decode()))

    def test_a_reader_that_leaves_early_is_no_error(self):
        self.world.run(["sh", "-c", '"$0" exec "$1" yes | head -n 3', program("cwsandbox"), self.sandbox])
        self.await_end("yes ")

    def test_a_closed_descriptor_is_no_way_into_the_daemon(self):
        # what is closed must not become the socket's number: it would be read as input, or written into the protocol
        for script, want in (('"$0" exec -i "$1" wc -c <&-', (0, b"0\n", b"")),
                             ('"$0" exec "$1" echo out >&-', (1, b"", b"Error: cannot write the output: Bad file descriptor\n")),
                             ('"$0" exec "$1" -- sh -c "echo err >&2; exit 3" 2>&-', (1, b"", b""))):
            with self.subTest(script=script):
                done = self.world.run(["sh", "-c", script, program("cwsandbox"), self.sandbox])
                self.assertEqual((done.returncode, done.stdout, done.stderr), want)

    def test_output_that_cannot_be_written_is_said(self):
        self.world.ok("exec", self.sandbox, "--", "sh", "-c", "echo x >/tmp/full")
        for words in ("exec $1 echo hello", "files read $1 /tmp/full", "--version", "--help", "ls --help", "sessions --json"):
            with self.subTest(words=words):
                done = self.world.run(["sh", "-c", f'"$0" {words} >/dev/full', program("cwsandbox"), self.sandbox])
                self.assertEqual((done.returncode, done.stderr),
                                 (1, b"Error: cannot write the output: No space left on device\n"))

    def test_a_sandbox_whose_id_cannot_be_written_is_deleted_again(self):
        for into in (">/dev/full", ">&-"):
            with self.subTest(into):
                done = self.world.run(["sh", "-c", '"$0" create --tag unread ' + into, program("cwsandbox")])
                self.assertEqual(done.returncode, 1)
                self.assertIn("so the sandbox is deleted again: ", done.stderr.decode())
                until(lambda: json.loads(self.world.ok("ls", "--tag", "unread", "-o", "json")) == [], "its end")

    def test_a_session_whose_name_cannot_be_written_is_ended_with_the_sandbox_made_for_it(self):
        boxes = self.world.ok("ls", "-o", "json")
        for args, into in (("", ">/dev/full"), ("", ">&-"), (self.sandbox, ">/dev/full")):
            with self.subTest(args=args, into=into):
                done = self.world.run(["sh", "-c", '"$0" new -d -s unread %s %s' % (args, into), program("cwsandbox")])
                self.assertEqual(done.returncode, 1)
                self.assertIn("so the session is ended again: ", done.stderr.decode())
                until(lambda: self.world.ok("ls", "-o", "json") == boxes, "the sandbox's end")
                self.wait_state("unread", "exited", "failed")
                self.world.ok("kill", "unread")

    def test_a_name_that_is_taken_is_said_before_a_sandbox_is_made_for_it(self):
        boxes = self.world.ok("ls", "-o", "json")
        self.world.ok("new", "-d", "-s", "taken", self.sandbox)
        for args in ((), (self.sandbox,)):
            done = self.world.cli("new", "-d", "-s", "taken", *args)
            self.assertEqual((done.returncode, done.stderr), (255, b"Error: There is a session 'taken' already; "
                             b"`cwsandbox attach taken` joins it, or choose another name\n"))
        self.world.ok("kill", "taken")
        self.wait_state("taken", "exited")
        done = self.world.cli("new", "-d", "-s", "taken")
        self.assertEqual(done.stderr, b"Error: There is a session 'taken' that has ended; `cwsandbox kill taken` takes it "
                         b"off the list\n")
        self.world.ok("kill", "taken")
        self.assertEqual(self.world.ok("new", "-d", "-s", "taken", self.sandbox), "taken")
        self.assertEqual(self.world.ok("ls", "-o", "json"), boxes)

    def test_a_folder_that_is_not_absolute_is_said_before_a_sandbox_is_made_for_it(self):
        boxes = self.world.ok("ls", "-o", "json")
        for cwd in ("work", ""):
            done = self.world.cli("new", "-d", "-w", cwd)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"Invalid value for '--cwd' / '-w': '%s' is not an absolute path.\n" % cwd.encode(), done.stderr)
        self.assertEqual(self.world.ok("ls", "-o", "json"), boxes)

    def test_a_command_that_cannot_be_sent_is_said(self):
        for words, want in ((["true"] * 2001, "argv has 2001 words; at most 2000 can be sent at once"),
                            (["echo", b"\xff"], "word 2 of argv is not UTF-8 text, and the service takes nothing else"),
                            (["echo"] + ["x" * 100_000] * 11, "the request is too long; at most 1048576 bytes")):
            with self.subTest(want):
                done = self.world.cli("exec", self.sandbox, "--", *words)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertEqual(done.stderr.decode()[:len(want) + 7], "Error: " + want)

    def test_a_folder_a_timeout_and_ctrl_c(self):
        self.assertEqual(self.world.ok("exec", "-w", "/usr", self.sandbox, "pwd"), "/usr")
        done = self.world.cli("exec", "-t", "1", self.sandbox, "sleep", "1000")
        self.assertEqual((done.returncode, done.stderr), (1, b"Error: Command sleep 1000 timed out after 1.0s\n"))
        p = subprocess.Popen([program("cwsandbox"), "exec", self.sandbox, "--", "sh", "-c", "echo up; exec sleep 1000"],
                             env=self.world.env, stdout=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), b"up\n")
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(60), 130)
        p.stdout.close()

    def test_two_hundred_commands_leave_nothing_in_the_daemon(self):
        self.world.ok("exec", self.sandbox, "true")
        before = procs.fd_count(self.daemon.pid)
        for i in range(200):
            self.assertEqual(self.world.ok("exec", self.sandbox, "echo", str(i)), str(i))
        until(lambda: procs.fd_count(self.daemon.pid) <= before, "the descriptors to be back")
        self.assertEqual(len(self.status()["connections"]), 1)

    def test_a_killed_caller_ends_its_command(self):
        p = subprocess.Popen([program("cwsandbox"), "exec", self.sandbox, "--", "sh", "-c", "echo $$; exec sleep 1000"],
                             env=self.world.env, stdout=subprocess.PIPE)
        pid = p.stdout.readline().decode().strip()
        p.kill()
        p.wait()
        p.stdout.close()
        until(lambda: self.world.cli("exec", self.sandbox, "--", "kill", "-0", pid).returncode != 0, "the command's end")


class Files(SessionCase):
    def test_files_of_0_bytes_1_byte_10_mb_and_40_mb_come_back_unchanged(self):
        for size in (0, 1, 10_000_000, 40_000_000):
            with self.subTest(size=size):
                data = os.urandom(size)
                path = self.world.write("f", data)
                self.assertEqual(self.world.ok("files", "write", self.sandbox, "/tmp/f", path),
                                 "Wrote %d bytes to /tmp/f." % size)
                self.assertEqual(self.world.ok("exec", self.sandbox, "sha256sum", "/tmp/f").split()[0],
                                 hashlib.sha256(data).hexdigest())
                done = self.world.cli("files", "read", self.sandbox, "/tmp/f")
                self.assertTrue(done.returncode == 0 and done.stdout == data, done.stderr)

    def test_a_file_that_grows_while_it_is_read_comes_as_large_as_it_was(self):
        path = "/tmp/" + self.name()
        grow = ("truncate -s 40000000 {0}; (until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q {0}; do :; done; "
                "for i in 0 1 2 3 4 5 6 7 8 9; do head -c 20000000 /dev/zero >>{0}; done) >/dev/null 2>&1 &")
        self.world.ok("exec", self.sandbox, "--", "sh", "-c", grow.format(path))
        done = self.world.cli("files", "read", self.sandbox, path)
        self.assertEqual((done.returncode, len(done.stdout)), (0, 40_000_000), done.stderr)
        until(lambda: self.world.ok("exec", self.sandbox, "stat", "-c", "%s", path) == "240000000", "all of it")
        self.world.ok("exec", self.sandbox, "rm", path)

    def test_a_failed_read_leaves_the_local_file_alone(self):
        path = self.world.write("kept", "kept")
        done = self.world.cli("files", "read", self.sandbox, "/no/such", "-o", path)
        self.assertEqual(done.returncode, 1)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), b"kept")


class Sandboxes(SessionCase):
    def test_create_prints_only_the_id_and_the_sandbox_has_what_was_asked(self):
        box = self.world.ok("create", "--tag", "mine", "--env", "GREETING=good day", "--lifetime", "1h", "--", "sh", "-c",
                            "echo from main; exec sleep infinity")
        self.assertRegex(box, r"^\S+$")
        self.assertEqual(self.world.ok("exec", box, "--", "sh", "-c", "echo $GREETING"), "good day")
        rows = json.loads(self.world.ok("ls", "-o", "json", "-t", "mine"))
        self.assertEqual([(r["sandbox_id"], r["status"]) for r in rows], [(box, "running")])
        self.assertEqual(self.world.ok("logs", box), "from main")
        self.assertEqual(self.world.ok("delete", box), "Deleted sandbox %s." % box)

    def test_new_without_a_sandbox_creates_one(self):
        name = self.world.ok("new", "-d")
        box = self.described(name)["sandbox_id"]
        self.assertNotEqual(box, self.sandbox)
        self.assertIn(box, self.world.ok("ls"))
        self.world.ok("delete", box)
        self.wait_state(name, "failed", "exited")

    def test_one_connection_serves_all_sessions_of_an_endpoint(self):
        names = [self.world.ok("new", "-d", self.sandbox, "--", "sleep", "1000") for _ in range(5)]
        for name in names:
            self.wait_state(name, "running")
        connections = self.status()["connections"]
        self.assertEqual(len(connections), 1)
        self.assertGreaterEqual(connections[0]["streams"], 5)
        listed = {s["name"]: s for s in json.loads(self.world.ok("sessions", "--json"))}
        for name in names:
            self.assertEqual((listed[name]["kept_alive_by"], listed[name]["kept_alive_reason"]), ("none", "not_available"))
            self.world.ok("kill", name)

    def test_a_lost_stream_ends_its_session_and_says_lost(self):
        local = self.world.local(name="second")
        env = local.environment()
        box = self.world.ok("create", env=env)
        name = self.world.ok("new", "-d", box, "--", "sleep", "1000", env=env)
        self.wait_state(name, "running")
        local.process.kill()
        ended = self.wait_state(name, "failed", "exited")
        self.assertEqual((ended["state"], ended["reason"]), ("failed", "lost"))

    def test_the_completions_offer_what_the_next_word_may_be(self):
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "contrib", "completions", "cwsandbox")
        script = ('cwsandbox() { "$program" "$@"; }; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cwsandbox; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        name = self.world.ok("new", "-d", "-s", self.name(), self.sandbox, "--", "sleep", "100")
        env = dict(self.world.env, program=program("cwsandbox"))

        def offered(*words):
            done = self.world.run(["bash", "-c", script, "-", file, "cwsandbox", *words, ""], env=env)
            self.assertEqual(done.stderr, b"")
            return done.stdout.decode().split()

        sizes = ["lead", "latest", "smallest", "largest"]
        for words, want in ((("attach", "--policy"), ["skip", "block", "drop"]), (("attach", "--size"), sizes),
                            (("resize", name), sizes), (("new", "--detach-keys"), []), (("exec", self.sandbox), None),
                            (("files", "read"), [self.sandbox]), (("snapshots", "list", "--source-sandbox-id"), [self.sandbox]),
                            (("--auth",), ["coreweave_api_key", "wandb"]), (("ls", "-s"), "running"), (("snapshots", "list", "-s"), "ready"),
                            (("attach",), name), (("attach", "--policy", "skip"), name)):
            got = offered(*words)
            if isinstance(want, list):
                self.assertEqual(got, want, words)
            elif want:
                self.assertIn(want, got, words)
            else:
                self.assertNotIn(self.sandbox, got, words)
        for command in ("attach", "set", "logs", "stop"):
            done = self.world.run(["bash", "-c", script, "-", file, "cwsandbox", command, "--"], env=env)
            got = done.stdout.decode().split()
            self.assertEqual(len(got), len(set(got)), command)
            self.assertIn("--help", got)

    def test_rename_and_wait(self):
        name = self.world.ok("new", "-d", self.sandbox, "--", "sh", "-c", "sleep 1; exit 9")
        self.assertIn(b"Invalid session name '':", self.world.cli("new", "-d", "-s", "", self.sandbox).stderr)
        self.world.ok("rename", name, name + ".new")
        self.assertIsNone(self.described(name))
        peer = self.peer()
        self.assertEqual(peer.call("session.wait", {"name": name + ".new", "timeout_ms": 60000})["exit_code"], 9)
        peer.close()


if __name__ == "__main__":
    suite.main()
