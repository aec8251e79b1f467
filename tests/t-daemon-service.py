#!/usr/bin/env python3
"""cwsandboxd towards the service: connections, keys, files, losses; over the local protocol alone"""
import hashlib
import os
import signal
import socket
import stat
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import suite
from terminal import LIMIT, until
from world import SharedWorldCase, WorldCase, program, read


class Client(mpack.Peer):
    """A peer that talks to a sandbox: each call to its end."""

    def finish(self, attachment, data=b"", total=None):
        """Feeds `data` as the credit allows, takes all output; the end and what came on each stream."""
        out, sent, credit, taken = {1: [], 2: []}, 0, 0, 0
        closed = total is None
        while True:
            while sent < len(data) and sent - credit < 65536:
                n = min(65536 - (sent - credit), len(data) - sent)
                self.notify("session.input", {"attachment": attachment, "data": data[sent:sent + n]})
                sent += n
            if sent == len(data) and not closed:
                self.ask("session.close_input", {"attachment": attachment})
                closed = True
            method, p = self.note("output", "input_credit", "exited")
            if p["attachment"] != attachment:
                continue
            if method == "exited":
                return p, b"".join(out[1]), b"".join(out[2])
            if method == "input_credit":
                credit = p["bytes"]
            else:
                out[p["stream"]].append(p["data"])
                taken += len(p["data"])
                self.notify("session.ack", {"attachment": attachment, "bytes": taken})

    def run(self, sandbox, *argv, data=None, **more):
        a = self.call("exec", dict(sandbox_id=sandbox, argv=list(argv), stdin=data is not None, **more))
        return self.finish(a["attachment"], data or b"", None if data is None else len(data))

    def read_file(self, sandbox, path):
        return self.finish(self.call("file.read", {"sandbox_id": sandbox, "path": path})["attachment"])

    def write_file(self, sandbox, path, data):
        a = self.call("file.write", {"sandbox_id": sandbox, "path": path, "size": len(data)})
        return self.finish(a["attachment"], data, len(data))[0]

    def error(self, method, **params):
        try:
            self.call(method, params)
        except mpack.RpcError as e:
            return e.error
        raise AssertionError("%s succeeded" % method)


def hello_of(service, **more):
    endpoint = {"url": service.url}
    if service.ca_file:
        endpoint["ca_file"] = service.ca_file
    return dict({"endpoint": endpoint, "key": service.key, "key_with_url": True}, **more)


class Calls(SharedWorldCase):
    @classmethod
    def prepare(cls):
        cls.service = cls.world.local()
        cls.daemon = cls.world.daemon()
        cls.sandbox = cls.client().call("sandbox.create", {"wait": True})["sandbox_id"]

    @classmethod
    def client(cls, **more):
        return Client(cls.world.socket_path, hello_of(cls.service, **more))

    def connections(self):
        return self.client().call("daemon.status")["connections"]

    def test_an_exec_gives_both_streams_and_the_exit_code(self):
        end, out, err = self.client().run(self.sandbox, "sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((end["exit_code"], out, err), (7, b"out\n", b"err\n"))

    def test_stdin_reaches_the_program_whole_and_ends(self):
        data = os.urandom(3_000_000)
        end, out, _ = self.client().run(self.sandbox, "sha256sum", data=data)
        self.assertEqual(end["exit_code"], 0)
        self.assertEqual(out.split()[0].decode(), hashlib.sha256(data).hexdigest())

    def test_30_mb_of_output_come_whole(self):
        end, out, _ = self.client().run(self.sandbox, "sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' 'x'")
        self.assertEqual((end["exit_code"], len(out), out.count(b"x")), (0, 30000000, 30000000))

    def test_a_folder_and_variables_are_set(self):
        end, out, _ = self.client().run(self.sandbox, "sh", "-c", "pwd; echo \"$A\"", cwd="/tmp", env={"A": "it's"})
        self.assertEqual(out, b"/tmp\nit's\n")

    def test_one_connection_carries_the_calls_of_all_clients_with_one_key(self):
        clients = [self.client() for _ in range(8)]
        clients[0].call("sandbox.list")
        before = [c["id"] for c in self.connections()]
        asked = [(c, c.call("exec", {"sandbox_id": self.sandbox, "argv": ["cat"], "stdin": True})["attachment"])
                 for c in clients]
        self.assertEqual([c["id"] for c in self.connections()], before)
        for c, attachment in asked:
            self.assertEqual(c.finish(attachment, b"x", 1)[0]["exit_code"], 0)

    def test_a_stopped_reader_pauses_its_own_call_and_no_other(self):
        slow = self.client()
        attachment = slow.call("exec", {"sandbox_id": self.sandbox, "argv": ["head", "-c", "20000000", "/dev/zero"],
                                        "stdin": False})["attachment"]
        slow.note("output")
        other = self.client()
        for _ in range(20):
            self.assertEqual(other.run(self.sandbox, "echo", "x")[1], b"x\n")
        self.assertLess(other.call("daemon.status")["memory_bytes"], 16_000_000)
        slow.call("session.detach", {"attachment": attachment})

    def test_a_rejected_key_touches_no_other(self):
        good = self.client()
        held = good.call("exec", {"sandbox_id": self.sandbox, "argv": ["cat"], "stdin": True})["attachment"]
        for _ in range(3):
            error = self.client(key="wrong-key").error("sandbox.list")
            self.assertEqual((error["code"], error["status"]), ("service", "UNAUTHENTICATED"))
            self.assertNotIn("wrong-key", str(error))
        self.assertEqual(good.finish(held, b"still here", 10)[1], b"still here")

    def test_a_sandbox_that_is_not_there_is_told_by_every_call(self):
        c = self.client()
        self.assertEqual(c.error("sandbox.get", sandbox_id="nope")["status"], "NOT_FOUND")
        self.assertEqual(c.error("sandbox.delete", sandbox_id="nope")["status"], "NOT_FOUND")
        self.assertIsNone(c.call("sandbox.delete", {"sandbox_id": "nope", "allow_missing": True}))
        end = c.run("nope", "true")[0]
        self.assertEqual((end["reason"], end["error"]["status"]), ("sandbox_gone", "NOT_FOUND"))

    def test_a_sandbox_is_created_listed_and_deleted(self):
        c = self.client()
        made = c.call("sandbox.create", {"wait": True, "tags": ["mine"], "env": {"A": "b"}, "lifetime_s": 600,
                                         "argv": ["sleep", "1000"]})
        self.assertEqual(made["state"], "running")
        listed = c.call("sandbox.list", {"tags": ["mine"]})
        self.assertEqual([s["sandbox_id"] for s in listed["sandboxes"]], [made["sandbox_id"]])
        self.assertEqual(c.call("sandbox.get", {"sandbox_id": made["sandbox_id"]})["started_at"], made["started_at"])
        self.assertEqual(c.error("sandbox.list", state="nonsense")["code"], "bad_params")
        self.assertIn("sandbox", c.call("sandbox.delete", {"sandbox_id": made["sandbox_id"]}))

        def gone():
            end = c.run(made["sandbox_id"], "true")[0]
            return end["reason"] == "sandbox_gone" and end["error"]["code"] == "sandbox_gone"
        until(gone, "the end of the sandbox")

    def test_a_client_that_leaves_keeps_the_sandbox_it_may_ask_for_again(self):
        left = self.client()
        left.ask("sandbox.create", {"request_id": "mine", "tags": ["left"], "argv": ["sh", "-c", "exec sleep 1000"]})
        left.close()
        c = self.client()
        again = c.call("sandbox.create", {"wait": True, "request_id": "mine", "tags": ["left"],
                                          "argv": ["sh", "-c", "exec sleep 1000"]})["sandbox_id"]
        self.assertEqual(c.call("sandbox.get", {"sandbox_id": again})["state"], "running")
        c.call("sandbox.delete", {"sandbox_id": again})

    def states(self, tag):
        return [s["state"] for s in self.client().call("sandbox.list", {"tags": [tag]})["sandboxes"]]

    def test_a_sandbox_whose_id_was_never_read_goes_with_its_client_and_one_that_was_stays(self):
        ask = {"wait": True, "hold": True, "tags": ["held"], "argv": ["sleep", "1000"]}
        c = self.client()
        number = c.ask("sandbox.create", ask)
        made = c.answer(number)["sandbox_id"]
        self.assertEqual(c.error("sandbox.keep", request=number + 1)["code"], "bad_params")
        c.call("sandbox.keep", {"request": number})
        self.assertEqual(c.error("sandbox.keep", request=number)["field"], "request")
        c.close()
        for wait in (True, False):
            lost = self.client()
            lost.call("sandbox.create", dict(ask, wait=wait))
            lost.close()
        until(lambda: self.states("held") == ["running"], "the end of what nobody kept")
        self.client().call("sandbox.delete", {"sandbox_id": made})

    def test_files_of_every_size_go_and_come_whole(self):
        c = self.client()
        for size in (0, 1, 65536, 1_000_000, 33_000_000):
            data = os.urandom(size)
            path = "/tmp/f%d" % size
            end = c.write_file(self.sandbox, path, data)
            self.assertIsNone(end["error"], end)
            end, out, _ = c.read_file(self.sandbox, path)
            self.assertIsNone(end["error"], end)
            self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())

    def test_a_file_that_cannot_be_read_or_written_says_why(self):
        c = self.client()
        self.assertEqual(c.read_file(self.sandbox, "/nope")[0]["error"]["reason"], "CWSANDBOX_FILE_NOT_FOUND")
        self.assertEqual(c.read_file(self.sandbox, "/tmp")[0]["error"]["reason"], "CWSANDBOX_FILE_IS_DIRECTORY")
        self.assertEqual(c.write_file(self.sandbox, "/tmp", b"x")["error"]["reason"], "CWSANDBOX_FILE_IS_DIRECTORY")

    def test_a_content_that_comes_short_writes_nothing(self):
        c = self.client()
        a = c.call("file.write", {"sandbox_id": self.sandbox, "path": "/tmp/short", "size": 10})["attachment"]
        end = c.finish(a, b"12345", 10)[0]
        self.assertEqual(end["error"]["code"], "bad_params")
        self.assertEqual(c.read_file(self.sandbox, "/tmp/short")[0]["error"]["status"], "NOT_FOUND")

    def test_a_large_file_may_have_a_name_that_looks_like_an_option(self):
        c = self.client()
        data = os.urandom(34_000_000)
        self.assertIsNone(c.write_file(self.sandbox, "-f1", data)["error"])
        end, out, _ = c.read_file(self.sandbox, "-f1")
        self.assertIsNone(end["error"], end)
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())

    def test_a_large_upload_that_is_given_up_leaves_nothing(self):
        c, gone = self.client(), self.client()
        a = gone.call("file.write", {"sandbox_id": self.sandbox, "path": "/tmp/given-up", "size": 34_000_000})
        gone.call("session.input", {"attachment": a["attachment"], "data": b"x" * 60000})

        def left():
            return c.run(self.sandbox, "sh", "-c", "ls -A /tmp | grep given-up")[1]
        until(lambda: b".cwsandbox." in left(), "the beginning of the upload")
        gone.close()
        until(lambda: left() == b"", "the end of what was uploaded")

    def test_logs_come_to_their_end_and_follow_what_comes(self):
        c = self.client()
        made = c.call("sandbox.create", {"wait": True, "argv": ["sh", "-c", "echo one; read x <>/dev/null; sleep 1; "
                                                                "echo two; sleep 1000"]})["sandbox_id"]
        a = c.call("logs", {"sandbox_id": made, "follow": True, "timestamps": False})["attachment"]
        got = b""
        while b"two\n" not in got:
            method, p = c.note("output", "exited")
            self.assertEqual(method, "output", p)
            got += p["data"]
            c.notify("session.ack", {"attachment": a, "bytes": len(got)})
        self.assertEqual(got, b"one\ntwo\n")
        c.call("session.detach", {"attachment": a})
        end, out, _ = c.finish(c.call("logs", {"sandbox_id": made, "follow": False, "timestamps": False})["attachment"])
        self.assertEqual((end["error"], out), (None, b"one\ntwo\n"))
        c.call("sandbox.delete", {"sandbox_id": made})

    def test_a_timeout_ends_the_call_at_both_ends(self):
        c = self.client()
        end = c.run(self.sandbox, "sh", "-c", "echo $$ >/tmp/pid; exec sleep 1000", timeout_ms=500)[0]
        self.assertEqual(end["error"]["code"], "timeout")
        pid = c.read_file(self.sandbox, "/tmp/pid")[1].decode().strip()
        until(lambda: c.run(self.sandbox, "sh", "-c", "kill -0 %s" % pid)[0]["exit_code"] == 1, "its end")

    def test_a_session_is_a_login_shell_of_its_size_and_ends_with_its_code(self):
        c = self.client()
        c.call("session.create", {"sandbox_id": self.sandbox, "name": "shell", "cols": 91, "rows": 17})
        a = c.call("session.attach", {"name": "shell", "cols": 91, "rows": 17, "paint": False, "policy": "block"})
        until(lambda: c.call("session.get", {"name": "shell"})["state"] == "running", "the shell")
        self.assertIsNotNone(c.call("session.get", {"name": "shell"})["connection"])
        c.call("session.resize", {"attachment": a["attachment"], "cols": 93, "rows": 19})
        line = b"until [ \"$(stty size)\" = '19 93' ]; do sleep 0.1; done; echo T=$TERM C=$COLORTERM S=$-; exit 5\n"
        end, out, _ = c.finish(a["attachment"], line)
        self.assertIn(b"T=xterm-256color C=truecolor", out)
        self.assertEqual((end["exit_code"], end["reason"]), (5, None))


class Keys(WorldCase):
    def test_sec_c33_a_key_goes_in_clear_text_only_with_its_own_url(self):
        service = self.world.local(plaintext=True)
        self.world.daemon()
        with_url = Client(self.world.socket_path, hello_of(service))
        self.assertEqual(with_url.call("sandbox.list")["sandboxes"], [])
        without = Client(self.world.socket_path, hello_of(service, key_with_url=False))
        error = without.error("sandbox.list")
        self.assertEqual(error["code"], "bad_endpoint")
        self.assertIn("clear text", error["message"])
        for key in ("two\nlines", "a blank", "\u00e9"):
            torn = Client(self.world.socket_path, hello_of(service, key=key)).error("sandbox.list")
            self.assertEqual(torn["code"], "bad_endpoint")
            self.assertIn("CWSANDBOX_API_KEY", torn["message"])
        far = Client(self.world.socket_path, {"endpoint": {"url": "http://192.0.2.1"}, "key": "k", "key_with_url": True})
        self.assertIn("https://", far.error("sandbox.list")["message"])

    def test_the_daemons_own_key_serves_who_brings_none_and_only_for_its_url(self):
        service = self.world.local()
        path = self.world.write("key", service.key + "\n")
        os.chmod(path, 0o600)
        conf = self.world.write("conf", "url = %s\nca-file = %s\nkey-file = %s\n" % (service.url, service.ca_file, path))
        self.world.daemon("--config", conf)
        self.assertEqual(Client(self.world.socket_path).call("sandbox.list")["sandboxes"], [])
        other = self.world.local(name="other")
        stranger = Client(self.world.socket_path, {"endpoint": {"url": other.url, "ca_file": other.ca_file}})
        self.assertEqual(stranger.error("sandbox.list")["status"], "UNAUTHENTICATED")

    def test_the_credential_that_systemd_hands_over_is_the_key_unless_the_configuration_names_one(self):
        service = self.world.local()
        os.mkdir(self.world.path("credentials"))
        os.chmod(self.world.write("credentials/cwsandbox-api-key", service.key), 0o400)
        wrong = self.world.write("wrong", "another-key")
        os.chmod(wrong, 0o600)
        conf = "url = %s\nca-file = %s\n" % (service.url, service.ca_file)
        handed = {"CREDENTIALS_DIRECTORY": self.world.path("credentials")}
        daemon = self.world.daemon("--config", self.world.write("conf", conf), env=handed)
        self.assertEqual(Client(self.world.socket_path).call("sandbox.list")["sandboxes"], [])
        daemon.terminate()
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.world.daemon("--config", self.world.write("conf", conf + "key-file = %s\n" % wrong), env=handed)
        self.assertEqual(Client(self.world.socket_path).error("sandbox.list")["status"], "UNAUTHENTICATED")

    def test_a_key_file_that_others_can_read_is_refused_until_it_is_mended(self):
        service = self.world.local()
        path = self.world.write("key", service.key)
        os.chmod(path, 0o644)
        conf = self.world.write("conf", "url = %s\nca-file = %s\nkey-file = %s\n" % (service.url, service.ca_file, path))
        self.world.daemon("--config", conf)
        c = Client(self.world.socket_path)
        error = c.error("sandbox.list")
        self.assertEqual(error["code"], "no_key")
        self.assertIn("chmod 600", error["message"])
        os.chmod(path, 0o600)
        self.assertEqual(c.call("sandbox.list")["sandboxes"], [])

    def test_a_key_of_the_daemons_environment_that_is_rejected_is_told_each_time(self):
        service = self.world.local()
        self.world.daemon(env=dict(service.environment(), CWSANDBOX_API_KEY="revoked"))
        c = Client(self.world.socket_path)
        for _ in range(2):
            self.assertEqual(c.error("sandbox.list")["status"], "UNAUTHENTICATED")

    def test_a_key_command_is_asked_again_after_a_rejection(self):
        service = self.world.local()
        path = self.world.write("its-key", "old-key")
        conf = self.world.write("conf", "url = %s\nca-file = %s\nkey-command = cat %s\n" % (
            service.url, service.ca_file, path))
        self.world.daemon("--config", conf)
        c = Client(self.world.socket_path)
        self.assertEqual(c.error("sandbox.list")["status"], "UNAUTHENTICATED")
        self.world.write("its-key", service.key)
        self.assertEqual(c.call("sandbox.list")["sandboxes"], [])

    def test_a_proxy_is_used_and_one_that_cannot_be_is_never_passed_by(self):
        self.world.daemon()
        with socket.socket() as proxy:
            proxy.bind(("127.0.0.1", 0))
            proxy.listen(8)
            proxy.settimeout(LIMIT)
            c = Client(self.world.socket_path, {"key": "k", "endpoint": {
                "url": "https://api.example.com", "proxy": "http://127.0.0.1:%d" % proxy.getsockname()[1]}})
            number = c.ask("sandbox.list", {})
            asked, _ = proxy.accept()
            with asked:
                self.assertTrue(asked.recv(4096).startswith(b"CONNECT api.example.com:443 HTTP/1.1\r\n"))
                asked.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                with self.assertRaises(mpack.RpcError) as caught:
                    c.answer(number)
            self.assertEqual(caught.exception.code, "unreachable")
            self.assertIn("the proxy refused: 403 Forbidden", caught.exception.error["message"])
        for url in ("socks5://127.0.0.1:1", "http://user:word@127.0.0.1:1"):
            c = Client(self.world.socket_path, {"endpoint": {"url": "https://api.example.com", "proxy": url}, "key": "k"})
            error = c.error("sandbox.list")
            self.assertEqual(error["code"], "bad_endpoint")
            self.assertNotIn("word", error["message"].replace("password", ""))


class Losses(WorldCase):
    def test_a_lost_service_ends_plain_sessions_as_lost_and_later_calls_find_it_again(self):
        service = self.world.local()
        self.world.daemon()
        c = Client(self.world.socket_path, hello_of(service))
        sandbox = c.call("sandbox.create", {"wait": True})["sandbox_id"]
        c.call("session.create", {"sandbox_id": sandbox, "name": "s", "cols": 80, "rows": 24})
        until(lambda: c.call("session.get", {"name": "s"})["state"] == "running", "the shell")
        a = c.call("exec", {"sandbox_id": sandbox, "argv": ["cat"], "stdin": True})["attachment"]
        c.call("session.input", {"attachment": a, "data": b"x"})
        c.note("output")
        service.process.kill()
        service.process.wait(LIMIT)
        end = c.finish(a)[0]
        self.assertEqual((end["error"]["code"], end["reason"]), ("unreachable", "lost"))
        until(lambda: c.call("session.get", {"name": "s"})["state"] == "failed", "the end of the session")
        s = c.call("session.get", {"name": "s"})
        self.assertEqual((s["reason"], s["exit_code"]), ("lost", None))
        error = c.error("sandbox.list")
        self.assertEqual((error["code"], error["url"]), ("unreachable", service.url))
        self.assertEqual(c.run(sandbox, "true")[0]["reason"], "unreachable")  # at once, without retries
        port = service.url.rsplit(":", 1)[1]
        self.world.start([program("cwsandbox-local"), "--state-dir", service.state_dir, "--listen", "127.0.0.1:" + port])

        def back():
            try:
                return [(x["sandbox_id"], x["state"]) for x in c.call("sandbox.list")["sandboxes"]] == [(sandbox, "running")]
            except mpack.RpcError as e:
                self.assertEqual(e.code, "unreachable")
                return False
        until(back, "the service")

    def test_fault_f07_a_silent_server_costs_20_s_and_holds_nobody_else_up(self):
        service = self.world.local()
        self.world.daemon()
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(8)
            url = "https://127.0.0.1:%d" % silent.getsockname()[1]
            waiting = Client(self.world.socket_path, {"key": "k", "endpoint": {"url": url}})
            began = time.monotonic()
            number = waiting.ask("sandbox.list", {})
            command = self.world.start([program("cwsandbox"), "exec", "box", "true"],
                                       env=dict(self.world.env, CWSANDBOX_BASE_URL=url, CWSANDBOX_API_KEY="k"))
            other = Client(self.world.socket_path, hello_of(service))
            for _ in range(10):
                self.assertEqual(other.call("sandbox.list")["sandboxes"], [])
            with self.assertRaises(mpack.RpcError) as caught:
                waiting.answer(number)
            self.assertEqual(caught.exception.code, "unreachable")
            self.assertIn("20 seconds", caught.exception.error["message"])
            self.assertGreater(time.monotonic() - began, 19)
            self.assertEqual(command.wait(LIMIT), 1)  # it asks for the sandbox first: that is not its own time
            self.assertEqual(self.world.errors(command), "Error: Service unavailable: "
                             "The service at %s gave no answer within 15 seconds.\n" % url)

    def test_who_speaks_something_else_is_told_apart(self):
        self.world.daemon()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(8)

            def answer():
                c, _ = s.accept()
                with c:
                    c.recv(4096)
                    c.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            thread = threading.Thread(target=answer)
            thread.start()
            c = Client(self.world.socket_path, {"key": "k", "key_with_url": True, "endpoint": {
                "url": "http://127.0.0.1:%d" % s.getsockname()[1]}})
            self.assertEqual(c.error("sandbox.list")["code"], "unreachable")
            thread.join(LIMIT)

    def test_sec_c32_a_server_whose_certificate_is_not_trusted_gets_no_request(self):
        service = self.world.local()
        self.world.daemon()
        c = Client(self.world.socket_path, {"endpoint": {"url": service.url}, "key": service.key})
        error = c.error("sandbox.list")
        self.assertEqual(error["code"], "unreachable")
        self.assertIn("certificate", error["message"])
        missing = Client(self.world.socket_path, {"key": "k", "endpoint": {"url": service.url, "ca_file": "/nonexistent"}})
        self.assertEqual(missing.error("sandbox.list")["code"], "bad_endpoint")


class Embedded(WorldCase):
    def state(self):
        return self.world.path("state", "cwsandbox-local")

    def pid(self):
        return int(read(os.path.join(self.state(), "lock")))

    def test_local_is_started_when_none_runs_and_ends_when_all_is_asked_for(self):
        program("cwsandbox-local")
        daemon = self.world.daemon()
        clients = [Client(self.world.socket_path, {"endpoint": {"url": "local"}, "key": "not-for-it"}) for _ in range(3)]
        numbers = [c.ask("sandbox.list", {}) for c in clients]
        for c, number in zip(clients, numbers):
            self.assertEqual(c.answer(number)["sandboxes"], [])
        pid = self.pid()
        try:
            with open("/proc/%d/environ" % pid, "rb") as f:
                self.assertNotIn(b"CWSANDBOX", f.read())
        except PermissionError:
            pass  # it lets nobody look
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.state(), "token")).st_mode), 0o600)
        connections = clients[0].call("daemon.status")["connections"]
        self.assertEqual([c["endpoint"] for c in connections if c["state"] == "up"], ["local"])
        clients[0].call("daemon.shutdown", {"all": True})
        self.assertEqual(daemon.wait(LIMIT), 0)
        until(lambda: not os.path.exists("/proc/%d" % pid) or "Z" in read("/proc/%d/stat" % pid), "its end")

    def test_local_outlives_the_daemon_and_is_found_again(self):
        program("cwsandbox-local")
        daemon = self.world.daemon()
        sandbox = Client(self.world.socket_path).call("sandbox.create", {"wait": True})["sandbox_id"]
        pid = self.pid()
        daemon.terminate()
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.world.daemon()
        c = Client(self.world.socket_path)
        self.assertEqual(c.run(sandbox, "echo", "here")[1], b"here\n")
        self.assertEqual(self.pid(), pid)
        os.kill(pid, signal.SIGTERM)
        until(lambda: not os.path.exists(os.path.join(self.state(), "url")), "its end")
        self.assertEqual(c.call("sandbox.list")["sandboxes"], [])  # another one was started

    def test_a_service_that_does_not_come_up_is_told(self):
        program("cwsandbox-local")
        self.world.write("state/cwsandbox-local", "not a folder")
        self.world.daemon()
        error = Client(self.world.socket_path).error("sandbox.list")
        self.assertEqual(error["code"], "unreachable")
        self.assertIn("cwsandbox-local", error["message"])


if __name__ == "__main__":
    suite.main()
